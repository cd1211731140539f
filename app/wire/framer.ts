/**
 * Packet framing of the MySQL protocol, for a relay: finds packets in a byte stream that arrives in any chunks, and
 * lets its sink look at the start of each one to decide whether its bytes are relayed as they are (never copied,
 * never decoded) or collected whole.
 *
 *   physical packet:  int<3> payload length | int<1> sequence | payload
 *   logical packet:   physical packets of 0xFFFFFF bytes and a last, shorter one (perhaps empty)
 *
 * Source: MariaDB client/server protocol, "0-packet". Sequence numbers rise by one, modulo 256, inside one logical
 * packet; across packets it depends on who speaks, so the sink checks that in `begin`.
 *
 * Memory: what is kept is one cut header (4 bytes), or one collected packet of at most `collectBytesMax`.
 */

export const headerBytes = 4;
/** A payload of exactly this length says that the logical packet goes on. */
export const physicalBytesMax = 0xff_ffff;

/** Why a byte stream cannot be understood any more. */
export interface Fault {
  readonly fault: 'sequence' | 'too-long' | 'malformed' | 'unexpected';
  readonly detail: string;
}

export const faultOf = (fault: Fault['fault'], detail: string): Fault => ({ fault, detail });

/**
 * What to do with a packet: `relay` hands its raw bytes over, together with those of its neighbours; `follow` does
 * the same and tells where it ends; `drop` swallows it and tells where it ends; `collect` waits for all of it.
 */
export type Treatment = 'relay' | 'follow' | 'drop' | 'collect';

export interface FrameSink {
  /**
   * A packet begins at `at`, and perhaps more follow: those that are to be relayed and lie in this chunk with all their
   * bytes can be passed over at once, without being told of one by one.
   * @returns where the first begins that is not; `at` for none
   */
  passOver(chunk: Buffer, at: number): number;
  /**
   * A logical packet begins.
   * @param length payload bytes of its first physical packet; `physicalBytesMax` when there is more
   * @param first its first payload byte, -1 when it is empty
   */
  begin(length: number, first: number, sequence: number): Treatment | Fault;
  /**
   * A packet to be collected lies in this chunk with all its bytes, header and payload: [from, to). It can be understood
   * where it lies.
   * @returns true when that was done and its bytes are to be relayed; false when `packet` is wanted
   */
  inPlace(chunk: Buffer, from: number, to: number): boolean;
  /** A collected packet is complete, header and payload. A slice of what was pushed where that is possible. */
  packet(raw: Buffer): Fault | undefined;
  /**
   * A packet to be collected is longer than `collectBytesMax`. `head` has its header and the first payload bytes;
   * they are the sink's to pass on. The rest is treated as the answer says; `collect` is not possible.
   */
  overflow(head: Buffer): Treatment | Fault;
  /** Raw bytes of relayed packets, in order: a slice of what was pushed. */
  relay(bytes: Buffer): void;
  /** A followed or dropped logical packet is over. `sequence` is that of its last physical packet. */
  end(sequence: number): Fault | undefined;
}

export interface FramerOptions {
  /** The longest packet (header included) that is collected whole; below 16 MB. */
  readonly collectBytesMax: number;
}

export class Framer {
  private fault: Fault | undefined;
  private suspended = false;
  private pushing = false;

  /** A header that a chunk boundary cut. */
  private readonly cut = Buffer.alloc(headerBytes);
  private cutBytes = 0;

  /** How the present logical packet is treated; undefined between packets. */
  private treatment: Treatment | undefined;
  /** Payload bytes of the present physical packet still to come. */
  private left = 0;
  /** Another physical packet of the same logical packet follows. */
  private continues = false;
  private sequence = 0;
  /** A packet being collected: what is there, and how many bytes (header included) are wanted. */
  private parts: Buffer[] = [];
  private partsBytes = 0;
  private wantedBytes = 0;
  /** Where in the present chunk the bytes begin that are relayed and not handed over yet; -1 when there are none. */
  private runFrom = -1;

  constructor(
    private readonly sink: FrameSink,
    private readonly options: FramerOptions,
  ) {}

  /** True between two logical packets with nothing cut. */
  get atBoundary(): boolean {
    return this.treatment === undefined && this.cutBytes === 0;
  }

  /** Bytes that the framer keeps at this moment. */
  get keptBytes(): number {
    return this.partsBytes + this.cutBytes;
  }

  /** Called by the sink from inside a call: no further packet is looked at until `resume`. */
  suspend(): void {
    this.suspended = true;
  }

  resume(): void {
    this.suspended = false;
  }

  /**
   * Takes the next bytes of the stream.
   * @returns how many were taken: fewer than given only after `suspend`; the rest must be pushed again after
   * `resume`. Or the fault that ended the stream: the same one for every later call.
   */
  push(chunk: Buffer): number | Fault {
    if (this.fault) return this.fault;
    if (this.pushing) return faultOf('unexpected', 'bytes pushed from inside a call of the framer');
    this.pushing = true;
    const taken = this.scan(chunk);
    this.pushing = false;
    if (typeof taken !== 'number') {
      this.fault = taken;
      this.parts = [];
      this.partsBytes = 0;
    }
    return taken;
  }

  private scan(chunk: Buffer): number | Fault {
    this.runFrom = -1;
    let at = 0;
    while (!this.suspended) {
      if (this.treatment === undefined && this.cutBytes === 0) {
        const passed = this.sink.passOver(chunk, at);
        if (passed > at && this.runFrom < 0) this.runFrom = at;
        at = passed;
      }
      const next = this.left > 0 ? this.payload(chunk, at) : this.header(chunk, at);
      if (typeof next !== 'number') {
        this.flush(chunk, at);
        return next;
      }
      if (next < 0) break;
      at = next;
    }
    this.flush(chunk, at);
    return this.suspended ? at : chunk.length;
  }

  private flush(chunk: Buffer, to: number): void {
    const whole = this.runFrom === 0 && to === chunk.length;
    if (this.runFrom >= 0 && to > this.runFrom)
      this.sink.relay(whole ? chunk : chunk.subarray(this.runFrom, to));
    this.runFrom = -1;
  }

  /** Goes through payload bytes. @returns where it stands now, -1 when the chunk is used up. */
  private payload(chunk: Buffer, at: number): number | Fault {
    const collecting = this.treatment === 'collect';
    const wanted = collecting ? Math.min(this.left, this.wantedBytes - this.partsBytes) : this.left;
    const count = Math.min(wanted, chunk.length - at);
    if (count === 0) return -1;
    this.left -= count;
    const to = at + count;
    if (collecting) {
      const whole = this.partsBytes === headerBytes && count === wanted && this.cutBytes === 0;
      const slice = chunk.subarray(at, to);
      // A part that waits for more must not hold the whole chunk in memory.
      this.parts.push(whole ? slice : Buffer.from(slice));
      this.partsBytes += count;
      if (this.partsBytes < this.wantedBytes) return -1;
      const problem = this.collected();
      if (problem) return problem;
      return to;
    }
    if (this.treatment !== 'drop' && this.runFrom < 0) this.runFrom = at;
    if (this.left > 0) {
      this.flush(chunk, to);
      return -1;
    }
    return this.ended(chunk, to) ?? to;
  }

  /** The wanted bytes of a collected packet are there. */
  private collected(): Fault | undefined {
    const raw = this.parts.length === 1 ? (this.parts[0] as Buffer) : Buffer.concat(this.parts);
    this.parts = [];
    this.partsBytes = 0;
    if (this.left === 0 && !this.continues) {
      this.treatment = undefined;
      return this.sink.packet(raw);
    }
    const treatment = this.sink.overflow(raw);
    if (typeof treatment !== 'string') return treatment;
    if (treatment === 'collect') return faultOf('too-long', 'a packet is longer than can be kept');
    this.treatment = treatment;
    return undefined;
  }

  /** A relayed or dropped physical packet is over at `to`. */
  private ended(chunk: Buffer, to: number): Fault | undefined {
    if (this.continues) return undefined;
    const { treatment } = this;
    this.treatment = undefined;
    if (treatment === 'relay') return undefined;
    this.flush(chunk, to);
    return this.sink.end(this.sequence);
  }

  /** Reads a header. @returns where it stands now, -1 when the chunk is used up. */
  private header(chunk: Buffer, at: number): number | Fault {
    const start = at;
    let source = chunk;
    let offset = at;
    let after = at + headerBytes;
    if (this.cutBytes > 0 || chunk.length - at < headerBytes) {
      const count = Math.min(headerBytes - this.cutBytes, chunk.length - at);
      chunk.copy(this.cut, this.cutBytes, at, at + count);
      this.cutBytes += count;
      if (this.cutBytes < headerBytes) {
        this.flush(chunk, at);
        return -1;
      }
      source = this.cut;
      offset = 0;
      after = at + count;
    }
    const length =
      (source[offset] as number) |
      ((source[offset + 1] as number) << 8) |
      ((source[offset + 2] as number) << 16);
    const sequence = source[offset + 3] as number;
    if (this.treatment !== undefined) return this.continuation(chunk, start, after, length, sequence);
    if (length > 0 && after >= chunk.length) {
      // The sink wants to see the first payload byte: keep the header until it comes.
      if (this.cutBytes === 0) chunk.copy(this.cut, 0, start, after);
      this.cutBytes = headerBytes;
      this.flush(chunk, start);
      return -1;
    }
    const first = length === 0 ? -1 : (chunk[after] as number);
    const treatment = this.sink.begin(length, first, sequence);
    if (typeof treatment !== 'string') return treatment;
    this.treatment = treatment;
    this.left = length;
    this.continues = length === physicalBytesMax;
    this.sequence = sequence;
    return treatment === 'collect'
      ? this.openCollected(chunk, start, after, length)
      : this.openRelayed(chunk, start, after);
  }

  /** The next physical packet of a logical one that is relayed or dropped. */
  private continuation(
    chunk: Buffer,
    start: number,
    after: number,
    length: number,
    sequence: number,
  ): number | Fault {
    if (sequence !== ((this.sequence + 1) & 0xff)) {
      return faultOf('sequence', `packet ${sequence} after ${this.sequence} inside one long packet`);
    }
    this.sequence = sequence;
    this.left = length;
    this.continues = length === physicalBytesMax;
    return this.openRelayed(chunk, start, after);
  }

  private openRelayed(chunk: Buffer, start: number, after: number): number | Fault {
    if (this.treatment !== 'drop') {
      if (this.cutBytes > 0) {
        this.flush(chunk, start);
        this.sink.relay(Buffer.from(this.cut));
        this.runFrom = after;
      } else if (this.runFrom < 0) this.runFrom = start;
    } else this.flush(chunk, start);
    this.cutBytes = 0;
    if (this.left > 0) return after;
    return this.ended(chunk, after) ?? after;
  }

  private openCollected(chunk: Buffer, start: number, after: number, length: number): number | Fault {
    this.wantedBytes = Math.min(length + headerBytes, this.options.collectBytesMax);
    const end = after + this.wantedBytes - headerBytes;
    const here = this.cutBytes === 0 && end <= chunk.length;
    const all = !this.continues && this.wantedBytes === length + headerBytes;
    if (here && all && this.sink.inPlace(chunk, start, end)) {
      this.treatment = undefined;
      this.left = 0;
      if (this.runFrom < 0) this.runFrom = start;
      return end;
    }
    this.flush(chunk, start);
    if (here) {
      // The usual case: all of it lies in this chunk, so nothing is copied.
      this.parts = [chunk.subarray(start, end)];
      this.left -= end - after;
      const problem = this.collected();
      return problem ?? end;
    }
    this.parts = [this.cutBytes > 0 ? Buffer.from(this.cut) : Buffer.from(chunk.subarray(start, after))];
    this.partsBytes = headerBytes;
    this.cutBytes = 0;
    if (length > 0) return after;
    const problem = this.collected();
    return problem ?? after;
  }
}
