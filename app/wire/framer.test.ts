import { describe, expect, it } from 'vitest';
import { seededRandom } from '../base/random.js';
import {
  type Fault,
  Framer,
  type FrameSink,
  faultOf,
  headerBytes,
  physicalBytesMax,
  type Treatment,
} from './framer.js';

/** A physical packet with `payload`. */
const physical = (payload: Buffer, sequence: number): Buffer => {
  const header = Buffer.alloc(headerBytes);
  header.writeUIntLE(payload.length, 0, 3);
  header[3] = sequence & 0xff;
  return Buffer.concat([header, payload]);
};

/** Writes what happens down: the expected story is compared as text. Payloads beginning with `c` are collected. */
class Recorder implements FrameSink {
  readonly story: string[] = [];
  relayed = Buffer.alloc(0);
  afterOverflow: Treatment = 'follow';
  framer: Framer | undefined;
  suspendOnPacket = false;
  /** Collected packets are understood where they lie and relayed; whole ones that do not, are relayed by `packet`. */
  understands = false;
  /** Packets that begin with `r` are passed over when they lie in a chunk as a whole. */
  passes = false;

  passOver(chunk: Buffer, at: number): number {
    if (!this.passes) return at;
    let to = at;
    while (
      chunk[to + headerBytes] === 'r'.charCodeAt(0) &&
      to + headerBytes + (chunk[to] ?? 0) <= chunk.length
    )
      to += headerBytes + (chunk[to] ?? 0);
    return to;
  }
  begin(length: number, first: number, sequence: number): Treatment | Fault {
    const letter = first < 0 ? '' : String.fromCharCode(first);
    const treatments: Record<string, Treatment> = { c: 'collect', r: 'relay', d: 'drop' };
    const treatment = treatments[letter] ?? 'follow';
    this.story.push(`begin ${length} ${letter} ${sequence} ${treatment}`);
    return letter === '!' ? faultOf('unexpected', 'an exclamation mark') : treatment;
  }
  inPlace(chunk: Buffer, from: number, to: number) {
    if (this.understands) this.story.push(`packet ${chunk.toString('latin1', from + headerBytes, to)}`);
    return this.understands;
  }
  packet(raw: Buffer) {
    this.story.push(`packet ${raw.subarray(headerBytes).toString('latin1')}`);
    if (this.understands) this.relayed = Buffer.concat([this.relayed, raw]);
    if (this.suspendOnPacket) this.framer?.suspend();
    return undefined;
  }
  overflow(head: Buffer) {
    this.story.push(`overflow ${head.length}`);
    this.relayed = Buffer.concat([this.relayed, head]);
    return this.afterOverflow;
  }
  relay(bytes: Buffer) {
    this.relayed = Buffer.concat([this.relayed, bytes]);
  }
  end(sequence: number) {
    this.story.push(`end ${sequence}`);
    return undefined;
  }
}

const recorder = (collectBytesMax = 1000): { sink: Recorder; framer: Framer } => {
  const sink = new Recorder();
  const framer = new Framer(sink, { collectBytesMax });
  sink.framer = framer;
  return { sink, framer };
};

describe('the framer', () => {
  const stream = Buffer.concat([
    physical(Buffer.from('collected one'), 0),
    physical(Buffer.from('row a'), 1),
    physical(Buffer.from('row b'), 2),
    physical(Buffer.alloc(0), 3),
    physical(Buffer.from('dropped'), 4),
    physical(Buffer.from('c'), 5),
    physical(Buffer.from('followed'), 6),
    physical(Buffer.from('row c'), 255),
  ]);
  const story = [
    'begin 13 c 0 collect',
    'packet collected one',
    'begin 5 r 1 relay',
    'begin 5 r 2 relay',
    'begin 0  3 follow',
    'end 3',
    'begin 7 d 4 drop',
    'end 4',
    'begin 1 c 5 collect',
    'packet c',
    'begin 8 f 6 follow',
    'end 6',
    'begin 5 r 255 relay',
  ];
  const relayed = Buffer.concat([
    physical(Buffer.from('row a'), 1),
    physical(Buffer.from('row b'), 2),
    physical(Buffer.alloc(0), 3),
    physical(Buffer.from('followed'), 6),
    physical(Buffer.from('row c'), 255),
  ]);

  it('tells the same story wherever one boundary falls', () => {
    for (let split = 0; split <= stream.length; split++) {
      const { sink, framer } = recorder();
      expect(framer.push(stream.subarray(0, split))).toBe(split);
      expect(framer.push(stream.subarray(split))).toBe(stream.length - split);
      expect(sink.story, `split at ${split}`).toEqual(story);
      expect(sink.relayed, `split at ${split}`).toEqual(relayed);
      expect(framer.atBoundary).toBe(true);
      expect(framer.keptBytes).toBe(0);
    }
  });

  it('tells the same story byte by byte and in random chunks', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 200; round++) {
      const { sink, framer } = recorder();
      let at = 0;
      while (at < stream.length) {
        const to = Math.min(stream.length, at + (round === 0 ? 1 : random.integer(0, 9)));
        framer.push(stream.subarray(at, to));
        at = to;
      }
      expect(sink.story).toEqual(story);
      expect(sink.relayed).toEqual(relayed);
    }
  });

  it('leaves packets that are understood in place where they lie', () => {
    const all = Buffer.concat([physical(Buffer.from('collected one'), 0), stream.subarray(17)]);
    const dropped = physical(Buffer.from('dropped'), 4);
    const at = all.indexOf(dropped);
    const expected = Buffer.concat([all.subarray(0, at), all.subarray(at + dropped.length)]);
    for (let split = 0; split <= all.length; split++) {
      const { sink, framer } = recorder();
      sink.understands = true;
      framer.push(all.subarray(0, split));
      framer.push(all.subarray(split));
      expect(sink.story, `split at ${split}`).toEqual(story);
      expect(sink.relayed, `split at ${split}`).toEqual(expected);
      expect(framer.keptBytes).toBe(0);
    }
  });

  it('relays what is passed over as it relays anything else', () => {
    for (let split = 0; split <= stream.length; split++) {
      const { sink, framer } = recorder();
      sink.passes = true;
      framer.push(stream.subarray(0, split));
      framer.push(stream.subarray(split));
      expect(sink.relayed, `split at ${split}`).toEqual(relayed);
      const told = sink.story.filter((line) => !line.startsWith('begin 5 r'));
      expect(told).toEqual(story.filter((line) => !line.startsWith('begin 5 r')));
      expect(framer.atBoundary).toBe(true);
    }
  });

  it('hands a chunk over as it came when all of it is relayed, and what is before a fault too', () => {
    const { sink, framer } = recorder();
    sink.understands = true;
    const chunk = Buffer.concat([physical(Buffer.from('c'), 0), physical(Buffer.from('row'), 1)]);
    const handed: Buffer[] = [];
    sink.relay = (bytes) => {
      handed.push(bytes);
    };
    framer.push(chunk);
    expect(handed[0]).toBe(chunk);
    expect(
      framer.push(Buffer.concat([physical(Buffer.from('c'), 2), physical(Buffer.from('!'), 3)])),
    ).toEqual(faultOf('unexpected', 'an exclamation mark'));
    expect(handed[1]).toEqual(physical(Buffer.from('c'), 2));
  });

  it('relays without copying, and many rows as one slice', () => {
    const slices: Buffer[] = [];
    const { sink, framer } = recorder();
    sink.relay = (bytes) => {
      slices.push(bytes);
    };
    const rows = Buffer.concat([1, 2, 3, 4].map((sequence) => physical(Buffer.from('row'), sequence)));
    framer.push(rows);
    expect(slices).toHaveLength(1);
    expect(slices[0]?.buffer).toBe(rows.buffer);
    expect(slices[0]?.byteOffset).toBe(rows.byteOffset);
    expect(slices[0]?.length).toBe(rows.length);
  });

  it('follows a packet of exactly 16,777,215 bytes to the empty one behind it', () => {
    const { sink, framer } = recorder();
    const big = Buffer.alloc(physicalBytesMax, 'f');
    framer.push(physical(big, 0));
    expect(framer.atBoundary).toBe(false);
    framer.push(physical(Buffer.alloc(0), 1));
    expect(framer.atBoundary).toBe(true);
    expect(sink.story).toEqual([`begin ${physicalBytesMax} f 0 follow`, 'end 1']);
    expect(sink.relayed.length).toBe(physicalBytesMax + 2 * headerBytes);
  });

  it('refuses a long packet whose parts are out of sequence, and stays refused', () => {
    const { framer } = recorder();
    framer.push(physical(Buffer.alloc(physicalBytesMax, 'f'), 0));
    const fault = framer.push(physical(Buffer.from('rest'), 3));
    expect(fault).toMatchObject({ fault: 'sequence' });
    expect(framer.push(physical(Buffer.from('row'), 0))).toBe(fault);
  });

  it('hands over the head of a packet that is too long to collect and relays the rest', () => {
    const long = physical(Buffer.from(`c${'x'.repeat(60)}`), 0);
    for (let split = 0; split <= long.length; split++) {
      const { sink, framer } = recorder(20);
      framer.push(long.subarray(0, split));
      framer.push(long.subarray(split));
      expect(sink.story).toEqual(['begin 61 c 0 collect', 'overflow 20', 'end 0']);
      expect(sink.relayed).toEqual(long);
    }
  });

  it('gives a fault when a packet that must be collected is too long', () => {
    const { sink, framer } = recorder(20);
    sink.afterOverflow = 'collect';
    expect(framer.push(physical(Buffer.from(`c${'x'.repeat(60)}`), 0))).toMatchObject({ fault: 'too-long' });
    expect(framer.keptBytes).toBe(0);
  });

  it('passes the fault of its sink on', () => {
    const { framer } = recorder();
    expect(framer.push(physical(Buffer.from('!'), 0))).toMatchObject({ detail: 'an exclamation mark' });
  });

  it('stops after a packet when suspended and goes on from there', () => {
    const { sink, framer } = recorder();
    sink.suspendOnPacket = true;
    const two = Buffer.concat([physical(Buffer.from('c1'), 0), physical(Buffer.from('c2'), 0)]);
    expect(framer.push(two)).toBe(6);
    expect(framer.push(two.subarray(6))).toBe(0);
    framer.resume();
    expect(framer.push(two.subarray(6))).toBe(6);
    expect(sink.story.filter((line) => line.startsWith('packet'))).toEqual(['packet c1', 'packet c2']);
  });

  it('keeps no more than a cut packet', () => {
    const { framer } = recorder(100);
    framer.push(physical(Buffer.from(`c${'x'.repeat(80)}`), 0).subarray(0, 50));
    expect(framer.keptBytes).toBe(50);
  });
});
