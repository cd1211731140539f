/**
 * Mutated byte streams: a hundred thousand where CI is set, fewer on a desk. RINGMASTER_FUZZ_STREAMS asks for more,
 * RINGMASTER_FUZZ_SEED for others.
 */
import { expect, it } from 'vitest';
import { fuzzOnce } from './testing/fuzz.js';

const streams = Number(process.env.RINGMASTER_FUZZ_STREAMS ?? (process.env.CI ? 100_000 : 20_000));
const firstSeed = Number(process.env.RINGMASTER_FUZZ_SEED ?? 1);

it(`survives ${streams} mutated streams`, { timeout: 30_000 + streams }, () => {
  let closed = 0;
  let bytesOut = 0;
  let moved = 0;
  for (let seed = firstSeed; seed < firstSeed + streams; seed++) {
    try {
      const result = fuzzOnce(seed, 24);
      if (result.closed) closed++;
      bytesOut += result.bytesOut;
      moved += result.moved;
    } catch (error) {
      throw new Error(`stream with seed ${seed}: ${error instanceof Error ? error.stack : error}`);
    }
  }
  // Most streams must get far enough to mean something, and many must be broken.
  expect(closed).toBeGreaterThan(streams / 20);
  expect(moved).toBeGreaterThan(streams / 200);
  expect(bytesOut / streams).toBeGreaterThan(200);
});
