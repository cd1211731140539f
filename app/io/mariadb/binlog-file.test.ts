import { describe, expect, it } from 'vitest';
import { readBinlog, readStoppedPosition } from './binlog-file.js';

/** A binlog as bytes: the magic number, then events whose bodies are given. */
function binlog(...events: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([0xfe, 0x62, 0x69, 0x6e]), ...events]);
}

function event(type: number, server: number, body: Buffer): Buffer {
  const header = Buffer.alloc(19);
  header.writeUInt8(type, 4);
  header.writeUInt32LE(server, 5);
  header.writeUInt32LE(19 + body.length, 9);
  return Buffer.concat([header, body]);
}

function gtid(server: number, sequence: number, { standalone = false } = {}): Buffer {
  const body = Buffer.alloc(19);
  body.writeBigUInt64LE(BigInt(sequence), 0);
  body.writeUInt8(standalone ? 1 : 0, 12);
  return event(162, server, body);
}

function gtidList(...entries: readonly (readonly [server: number, sequence: number])[]): Buffer {
  const body = Buffer.alloc(4 + entries.length * 16);
  body.writeUInt32LE(entries.length, 0);
  entries.forEach(([server, sequence], index) => {
    body.writeUInt32LE(server, 4 + index * 16 + 4);
    body.writeBigUInt64LE(BigInt(sequence), 4 + index * 16 + 8);
  });
  return event(163, 1, body);
}

const format = event(15, 1, Buffer.alloc(230));
const rows = event(23, 1, Buffer.alloc(40));
const xid = event(16, 1, Buffer.alloc(8));
const query = event(2, 1, Buffer.from('CREATE TABLE t (a INT)'));

/** A host that has these files and counts how it is read. */
const hostWith = (files: Readonly<Record<string, Buffer | string>>) => ({
  readText: async (path: string) => files[path]?.toString(),
  readBytes: async (path: string, offset: number, length: number) =>
    Buffer.from(files[path] ?? '').subarray(offset, offset + length),
});

const read = (file: Buffer) => readBinlog(hostWith({ file }), 'file');

describe('a binlog', () => {
  const whole = binlog(
    format,
    gtidList([1, 40], [2, 38]),
    gtid(1, 41),
    rows,
    xid,
    gtid(2, 42, { standalone: true }),
    query,
    gtid(1, 43),
    rows,
    xid,
  );

  it('tells what stood before it and the last change of each server', async () => {
    expect(await read(whole)).toEqual({
      before: [
        { domainId: 0, serverId: 1, sequence: 40 },
        { domainId: 0, serverId: 2, sequence: 38 },
      ],
      changes: [
        { domainId: 0, serverId: 2, sequence: 42 },
        { domainId: 0, serverId: 1, sequence: 43 },
      ],
    });
  });

  it('counts only whole changes, wherever a crash tore it', async () => {
    const lastEvent = whole.length - xid.length;
    for (let length = 0; length < whole.length; length++) {
      const { changes } = await read(whole.subarray(0, length));
      const highest = Math.max(0, ...changes.map(({ sequence }) => sequence));
      expect(highest).toBeLessThan(43);
      if (length > lastEvent) expect(highest).toBe(42);
    }
  });

  it('gives nothing for bytes that are no binlog', async () => {
    expect(await read(Buffer.alloc(500))).toEqual({ before: [], changes: [] });
    expect(await read(Buffer.alloc(500, 0xff))).toEqual({ before: [], changes: [] });
  });
});

describe('where a stopped server stands', () => {
  it('is the end of its newest binlog; the oldest says how far back it reaches', async () => {
    const host = hostWith({
      '/data/binlog.index': './binlog.000003\n./binlog.000004\n',
      '/data/binlog.000003': binlog(format, gtidList([1, 10]), gtid(1, 11), rows, xid),
      '/data/binlog.000004': binlog(format, gtidList([1, 20], [2, 15]), gtid(2, 21), rows, xid),
    });
    expect(await readStoppedPosition(host, '/data', '0-1-20')).toEqual({
      binlog: '0-2-21',
      applied: '0-1-20',
      binlogState: '0-1-20,0-2-21',
      oldestBinlog: '0-1-10',
    });
  });

  it('is unknown without binlogs', async () => {
    expect(await readStoppedPosition(hostWith({}), '/data', '')).toBeNull();
  });
});
