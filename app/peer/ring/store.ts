/** The ring's promises on disk: one JSON file, replaced whole at each promise. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, RingmasterError } from '../../base/errors.js';
import { randomHex } from '../../base/random.js';
import type { RingPeerSettings } from '../../contract/control.js';
import { replaceFile } from '../../io/replace-file.js';
import { type Durable, newDurable } from '../../ring/model.js';

/** Changes when an older program could not read the file. */
const format = 1;

const count = z.number().int().min(0);
const voter = z.object({ id: count, life: count });
const view = z.object({
  ringId: count,
  members: z.array(voter.extend({ arbiter: z.boolean() })),
  voters: z.array(voter),
  start: count,
  base: count,
});
const storeSchema = z.object({
  format: z.literal(format),
  durable: z.object({
    life: count,
    boot: count,
    promised: count,
    primary: view.nullable(),
    ambiguous: z.array(view),
    history: z.array(z.object({ ringId: count, start: count })),
    lineage: count,
    tailUncertain: z.boolean(),
    left: z.boolean(),
    control: z.object({
      last: count,
      tail: z.array(z.object({ number: count, from: count, payload: z.string() })),
      delivered: count,
      lineage: count,
    }),
  }),
});

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

export class RingStore {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * What this member promised; a new store when there is none.
   * @throws ring.store-unreadable: a damaged store must not be taken for a new one, which would forget its promises
   * @throws store.unwritable
   */
  async load(settings: RingPeerSettings): Promise<Durable> {
    try {
      const text = await readFile(this.#path, 'utf8');
      return storeSchema.parse(JSON.parse(text)).durable;
    } catch (error) {
      if (!isMissing(error))
        throw new RingmasterError(
          'ring.store-unreadable',
          { path: this.#path, cause: messageOf(error) },
          { cause: error },
        );
    }
    const fresh = newStore(settings);
    await this.write(fresh);
    return fresh;
  }

  /** Resolves when it is on the disk. @throws store.unwritable */
  write(durable: Durable): Promise<void> {
    return replaceFile(this.#path, JSON.stringify({ format, durable }));
  }
}

/** A founder gets the life that the others expect; everybody else is somebody new. */
function newStore({ founders, member }: RingPeerSettings): Durable {
  const own = founders?.find((founder) => founder.member === member);
  if (!founders || !own) return newDurable(drawLife(), null);
  return newDurable(
    own.life,
    founders.map(({ member: id, life, arbiter }) => ({ id, life, arbiter })),
  );
}

/** 48 bits, so that two stores never share one, exact in a double. */
export const drawLife = (): number => Number.parseInt(randomHex(6), 16) || 1;
