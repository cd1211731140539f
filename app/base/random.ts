/** The only reader of chance. One seed decides a whole run of a simulator or of the load generator. */
import { randomBytes } from 'node:crypto';

/** A source of numbers that look random. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [low, high], both included. */
  integer(low: number, high: number): number;
  /** One of `items`. @throws RangeError when there is none. */
  pick<T>(items: readonly T[]): T;
  /** True with `probability` (0 to 1). */
  chance(probability: number): boolean;
  /** A new, independent source: its draws do not disturb this one's. */
  fork(): Random;
}

/**
 * A seeded source: the same 32-bit seed gives the same numbers everywhere.
 * Source: Bob Jenkins' small fast counting generator "sfc32" (PractRand, public domain).
 */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let counter = 1;
  const draw = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  for (let warmUp = 0; warmUp < 12; warmUp++) draw();
  const random: Random = {
    next: () => draw() / 0x1_0000_0000,
    integer: (low, high) => low + Math.floor(random.next() * (high - low + 1)),
    pick(items) {
      if (items.length === 0) throw new RangeError('pick from an empty list');
      return items[random.integer(0, items.length - 1)] as (typeof items)[number];
    },
    chance: (probability) => random.next() < probability,
    fork: () => seededRandom(draw()),
  };
  return random;
}

/** A source whose seed nobody knows, for everything that runs for real. */
export function systemRandom(): Random {
  return seededRandom(randomBytes(4).readUInt32LE());
}

/** A secret or an identifier: `bytes` random bytes as hexadecimal digits. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}
