/**
 * Reading and writing the little-endian fields of MySQL-style packets.
 * A reader never throws: a read past the end gives zero or nothing and clears `ok`, which a decoder checks once at
 * its end. So a cut packet is an outcome, not an exception, whatever field the cut went through.
 */

const nothing = Buffer.alloc(0);

/** A length-encoded integer; a bigint only where a number would lose digits. */
export type WireInteger = number | bigint;

export class ByteReader {
  /** False for ever after the first read that did not fit. */
  ok = true;
  at: number;

  constructor(
    private readonly bytes: Buffer,
    start = 0,
  ) {
    this.at = start;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  private has(count: number): boolean {
    if (count <= this.bytes.length - this.at) return true;
    this.ok = false;
    this.at = this.bytes.length;
    return false;
  }

  u8(): number {
    return this.has(1) ? (this.bytes[this.at++] as number) : 0;
  }

  u16(): number {
    if (!this.has(2)) return 0;
    this.at += 2;
    return this.bytes.readUInt16LE(this.at - 2);
  }

  u32(): number {
    if (!this.has(4)) return 0;
    this.at += 4;
    return this.bytes.readUInt32LE(this.at - 4);
  }

  /** The next `count` bytes, not copied. */
  take(count: number): Buffer {
    if (!this.has(count)) return nothing;
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  rest(): Buffer {
    return this.take(this.left);
  }

  /** Bytes up to the next zero byte, which is passed over. */
  untilNul(): Buffer {
    const end = this.bytes.indexOf(0, this.at);
    if (end < 0) {
      this.has(this.left + 1);
      return nothing;
    }
    const found = this.bytes.subarray(this.at, end);
    this.at = end + 1;
    return found;
  }

  /** int<lenenc>: one byte below 0xFB, else 0xFC + 2, 0xFD + 3 or 0xFE + 8 bytes. 0xFB (NULL) and 0xFF are not integers. */
  lengthEncoded(): WireInteger {
    const first = this.u8();
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.u16();
    if (first === 0xfd) return this.u16() + this.u8() * 0x1_0000;
    if (first === 0xfe && this.has(8)) {
      this.at += 8;
      const value = this.bytes.readBigUInt64LE(this.at - 8);
      return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
    }
    this.ok = false;
    return 0;
  }

  /** string<lenenc>, not copied. */
  lengthEncodedBytes(): Buffer {
    const length = this.lengthEncoded();
    return typeof length === 'number' ? this.take(length) : this.take(Number.MAX_SAFE_INTEGER);
  }
}

export class ByteWriter {
  private bytes: Buffer;
  private at = 0;

  constructor(capacity = 64) {
    this.bytes = Buffer.allocUnsafe(Math.max(capacity, 16));
  }

  private grow(count: number): number {
    const start = this.at;
    this.at += count;
    if (this.at > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.at, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, start);
      this.bytes = larger;
    }
    return start;
  }

  u8(value: number): this {
    const start = this.grow(1);
    this.bytes[start] = value;
    return this;
  }

  u16(value: number): this {
    const start = this.grow(2);
    this.bytes.writeUInt16LE(value, start);
    return this;
  }

  u32(value: number): this {
    const start = this.grow(4);
    this.bytes.writeUInt32LE(value, start);
    return this;
  }

  zeros(count: number): this {
    const start = this.grow(count);
    this.bytes.fill(0, start, start + count);
    return this;
  }

  raw(bytes: Uint8Array): this {
    const start = this.grow(bytes.length);
    this.bytes.set(bytes, start);
    return this;
  }

  text(text: string): this {
    return this.raw(Buffer.from(text, 'utf8'));
  }

  /** Bytes and the zero that ends them. */
  nulEnded(bytes: Uint8Array): this {
    return this.raw(bytes).u8(0);
  }

  /** int<lenenc> in its shortest form. */
  lengthEncoded(value: WireInteger): this {
    if (value < 0xfb) return this.u8(Number(value));
    if (value < 0x1_0000) return this.u8(0xfc).u16(Number(value));
    if (value < 0x100_0000) {
      return this.u8(0xfd)
        .u16(Number(value) & 0xffff)
        .u8(Number(value) >>> 16);
    }
    this.u8(0xfe);
    const start = this.grow(8);
    this.bytes.writeBigUInt64LE(BigInt(value), start);
    return this;
  }

  lengthEncodedBytes(bytes: Uint8Array): this {
    return this.lengthEncoded(bytes.length).raw(bytes);
  }

  /** What was written; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.bytes.subarray(0, this.at);
  }
}
