/**
 * The ring's promises on disk. Two files take turns, so that a crash while one is written leaves the other; each write
 * goes through to the disk in one call (O_DSYNC), because a view waits for several promises, one after the other.
 * A file is one line that tells number, length and checksum of the JSON text behind it; what follows that is rest.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { messageOf, RingmasterError } from '../../base/errors.js';
import { randomHex } from '../../base/random.js';
import type { RingPeerSettings } from '../../contract/control.js';
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
const durableSchema = z.object({
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
});
const headSchema = z.object({ format: z.literal(format), number: count, bytes: count, sha256: z.string() });

const digest = (body: Buffer): string => createHash('sha256').update(body).digest('hex');

type Slot =
  | { readonly kind: 'empty' }
  | { readonly kind: 'torn'; readonly problem: string }
  | { readonly kind: 'whole'; readonly number: number; readonly durable: Durable };

/** What a file holds. */
function decodeSlot(bytes: Buffer): Slot {
  if (bytes.length === 0) return { kind: 'empty' };
  const end = bytes.indexOf('\n');
  try {
    const head = headSchema.parse(JSON.parse(bytes.toString('utf8', 0, Math.max(0, end))));
    const body = bytes.subarray(end + 1, end + 1 + head.bytes);
    if (digest(body) !== head.sha256) return { kind: 'torn', problem: 'the checksum differs' };
    const durable = durableSchema.parse(JSON.parse(body.toString('utf8')));
    return { kind: 'whole', number: head.number, durable };
  } catch (error) {
    return { kind: 'torn', problem: messageOf(error) };
  }
}

/** A promise -> the content of a file. */
function encodeSlot(number: number, durable: Durable): Buffer {
  const body = Buffer.from(JSON.stringify(durable), 'utf8');
  const head = JSON.stringify({ format, number, bytes: body.length, sha256: digest(body) });
  return Buffer.concat([Buffer.from(`${head}\n`, 'utf8'), body]);
}

export class RingStore {
  readonly #path: string;
  #files: readonly [FileHandle, FileHandle] | null = null;
  #number = 0;

  /** @param path of the two files, without what tells them apart */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * What this member promised; a new store when there is none.
   * @throws ring.store-unreadable: a damaged store must not be taken for a new one, which would forget its promises
   * @throws store.unwritable
   */
  async load(settings: RingPeerSettings): Promise<Durable> {
    const files = await this.#open();
    const slots = await Promise.all(files.map(async (file) => decodeSlot(await file.readFile())));
    const newest = slots.reduce<Slot>(
      (best, slot) => {
        if (slot.kind !== 'whole') return best;
        return best.kind === 'whole' && best.number > slot.number ? best : slot;
      },
      { kind: 'empty' },
    );
    if (newest.kind === 'whole') {
      this.#number = newest.number;
      return newest.durable;
    }
    const torn = slots.find((slot) => slot.kind === 'torn');
    // The very first write, torn, promised nothing; anything later leaves one whole file.
    if (torn && slots.every((slot) => slot.kind === 'torn'))
      throw new RingmasterError('ring.store-unreadable', { path: this.#path, cause: torn.problem });
    const fresh = newStore(settings);
    await this.write(fresh);
    return fresh;
  }

  /** Resolves when it is on the disk; one write at a time. @throws store.unwritable */
  async write(durable: Durable): Promise<void> {
    try {
      const files = this.#files ?? (await this.#open());
      const number = this.#number + 1;
      const bytes = encodeSlot(number, durable);
      const { bytesWritten } = await files[number % 2 === 0 ? 0 : 1].write(bytes, 0, bytes.length, 0);
      if (bytesWritten !== bytes.length) throw new Error(`only ${bytesWritten} bytes were written`);
      this.#number = number;
    } catch (error) {
      throw this.#unwritable(error);
    }
  }

  async close(): Promise<void> {
    const files = this.#files;
    this.#files = null;
    for (const file of files ?? []) await file.close();
  }

  async #open(): Promise<readonly [FileHandle, FileHandle]> {
    if (this.#files) return this.#files;
    try {
      const folder = dirname(this.#path);
      await mkdir(folder, { recursive: true });
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC;
      const files = await Promise.all([
        open(`${this.#path}.0`, flags, 0o600),
        open(`${this.#path}.1`, flags, 0o600),
      ]);
      // Their names are changes of the folder, which must be on disk too.
      const handle = await open(folder, 'r');
      await handle.sync();
      await handle.close();
      this.#files = files;
      return files;
    } catch (error) {
      throw this.#unwritable(error);
    }
  }

  #unwritable(error: unknown): RingmasterError {
    return new RingmasterError(
      'store.unwritable',
      { path: this.#path, cause: messageOf(error) },
      { cause: error },
    );
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
