/**
 * Frames between two peers, little-endian:
 *
 *     u32 length of everything that follows (5 to payloadBytesMax + 5)
 *     u32 number of the frame in its direction of its connection: 0, 1, 2 ... (wraps)
 *     u8  kind
 *     payload
 *
 * The number is checked although TLS refuses records that are repeated, left out or put in another order: it costs
 * nothing, it also holds on loopback without TLS, and it finds mistakes of our own. A stream is broken for ever after
 * its first bad frame.
 */
import { invariant } from '../../base/errors.js';

export const frameKinds = { hello: 1, refusal: 2, message: 3, heartbeat: 4 } as const;
export type FrameKind = keyof typeof frameKinds;

/** Bytes of a message, at most. */
export const messageBytesMax = 256 * 1024;
/** Bytes of a greeting, at most: nobody gets more of our memory before we know who it is. */
const greetingBytesMax = 512;

const lengthBytes = 4;
/** Number and kind. */
const headBytes = 5;

const kindOfNumber = new Map<number, FrameKind>(
  Object.entries(frameKinds).map(([kind, number]) => [number, kind as FrameKind]),
);

/** @param number of the frame in its direction; only the low 32 bits are sent */
export function encodeFrame(number: number, kind: FrameKind, payload: Uint8Array): Buffer {
  invariant(payload.length <= messageBytesMax, `a frame of ${payload.length} bytes is too long`);
  const frame = Buffer.allocUnsafe(lengthBytes + headBytes + payload.length);
  frame.writeUInt32LE(headBytes + payload.length, 0);
  frame.writeUInt32LE(number >>> 0, lengthBytes);
  frame[lengthBytes + 4] = frameKinds[kind];
  frame.set(payload, lengthBytes + headBytes);
  return frame;
}

export type FrameOutcome =
  /** `payload` is a view of what was received: copy what must outlive the call. */
  | { readonly kind: 'frame'; readonly frame: FrameKind; readonly payload: Buffer }
  | { readonly kind: 'more' }
  | { readonly kind: 'broken'; readonly problem: string };

const nothing = Buffer.alloc(0);
const more: FrameOutcome = { kind: 'more' };

/**
 * Cuts a stream into frames: `push` a chunk, then call `next` until it answers `more`. Keeps at most one frame. A
 * frame that lies whole in one chunk, which is the case of every token, is not copied.
 */
export class FrameReader {
  /** Longest payload that is taken from now on. */
  payloadBytesMax = greetingBytesMax;
  #chunk: Buffer = nothing;
  #at = 0;
  readonly #length = Buffer.alloc(lengthBytes);
  #lengthHave = 0;
  /** The frame that began in an earlier chunk. */
  #partial: Buffer | null = null;
  #partialHave = 0;
  #number = 0;
  #problem: string | null = null;

  /** Is the stream in the middle of a frame? */
  get inFrame(): boolean {
    return this.#partial !== null || this.#lengthHave > 0;
  }

  push(chunk: Buffer): void {
    invariant(this.#at === this.#chunk.length, 'the last chunk was not read to its end');
    this.#chunk = chunk;
    this.#at = 0;
  }

  next(): FrameOutcome {
    if (this.#problem !== null) return this.#broken(this.#problem);
    if (this.#partial !== null) return this.#fill(this.#partial);
    const left = this.#chunk.length - this.#at;
    if (left === 0) return this.#wait();
    if (this.#lengthHave > 0 || left < lengthBytes) return this.#gatherLength();
    const length = this.#chunk.readUInt32LE(this.#at);
    this.#at += lengthBytes;
    return this.#begin(length);
  }

  /** Lets go of the chunk, which may be a piece of a much larger buffer. */
  #wait(): FrameOutcome {
    this.#chunk = nothing;
    this.#at = 0;
    return more;
  }

  #gatherLength(): FrameOutcome {
    const taken = this.#chunk.copy(this.#length, this.#lengthHave, this.#at);
    this.#at += taken;
    this.#lengthHave += taken;
    if (this.#lengthHave < lengthBytes) return this.#wait();
    this.#lengthHave = 0;
    return this.#begin(this.#length.readUInt32LE(0));
  }

  #begin(length: number): FrameOutcome {
    if (length < headBytes) return this.#broken(`a frame of ${length} bytes is too short`);
    if (length > headBytes + this.payloadBytesMax)
      return this.#broken(`a frame of ${length} bytes is too long`);
    if (this.#chunk.length - this.#at >= length) {
      this.#at += length;
      return this.#whole(this.#chunk.subarray(this.#at - length, this.#at));
    }
    this.#partial = Buffer.allocUnsafe(length);
    this.#partialHave = 0;
    return this.#fill(this.#partial);
  }

  #fill(partial: Buffer): FrameOutcome {
    const taken = this.#chunk.copy(partial, this.#partialHave, this.#at);
    this.#at += taken;
    this.#partialHave += taken;
    if (this.#partialHave < partial.length) return this.#wait();
    this.#partial = null;
    return this.#whole(partial);
  }

  #whole(frame: Buffer): FrameOutcome {
    const number = frame.readUInt32LE(0);
    if (number !== this.#number) return this.#broken(`frame ${number} came instead of ${this.#number}`);
    this.#number = (this.#number + 1) >>> 0;
    const kind = kindOfNumber.get(frame[4] ?? 0);
    if (kind === undefined) return this.#broken(`a frame of the unknown kind ${frame[4]}`);
    return { kind: 'frame', frame: kind, payload: frame.subarray(headBytes) };
  }

  #broken(problem: string): FrameOutcome {
    this.#problem = problem;
    this.#chunk = nothing;
    this.#at = 0;
    this.#partial = null;
    return { kind: 'broken', problem };
  }
}
