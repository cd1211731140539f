/**
 * Where a stopped server stands, read from the binlogs in its data folder. After a crash no variable tells it, and a
 * memory of ours would be a second old.
 * Source: MariaDB documentation, "2-Binlog Event Header", "GTID_EVENT", "GTID_LIST_EVENT".
 */
import { join } from 'node:path';
import type { ServerPosition } from '../../contract/control.js';
import { formatGtid, formatGtidList, type Gtid } from '../../model/gtid.js';
import type { Host } from '../../model/ports.js';

/** The four bytes that a binlog begins with: 0xfe "bin". */
const magicBytes = 4;
const headerBytes = 19;
/** Bytes of the longest part of an event that we read: the head of a GTID event. */
const gtidBytes = 13;
const windowBytes = 1 << 20;

const eventTypes = { query: 2, xid: 16, xaPrepare: 38, gtid: 162, gtidList: 163 } as const;
/** FL_STANDALONE: the group is one event long (DDL). */
const standaloneFlag = 1;

type Bytes = Pick<Host, 'readBytes' | 'readText'>;

/** Reads a file forward in windows, so that a binlog with one huge transaction does not fill the memory. */
class FileWindow {
  readonly #host: Bytes;
  readonly #path: string;
  #start = 0;
  #bytes = Buffer.alloc(0);

  constructor(host: Bytes, path: string) {
    this.#host = host;
    this.#path = path;
  }

  /** `length` bytes at `offset`; undefined when the file ends before. */
  async at(offset: number, length: number): Promise<Buffer | undefined> {
    if (offset < this.#start || offset + length > this.#start + this.#bytes.length) {
      this.#bytes = Buffer.from(
        await this.#host.readBytes(this.#path, offset, Math.max(length, windowBytes)),
      );
      this.#start = offset;
    }
    const from = offset - this.#start;
    return from + length <= this.#bytes.length ? this.#bytes.subarray(from, from + length) : undefined;
  }
}

/** What one binlog says. */
interface BinlogContent {
  /** Per server the last change before this file; empty for the first file. */
  readonly before: readonly Gtid[];
  /** Whole changes in it, per server the last one; the order is the order of the last ones. */
  readonly changes: readonly Gtid[];
}

/**
 * Reads one binlog. Event header: timestamp(4) type(1) server(4) length(4) next position(4) flags(2).
 * A change counts when its group is whole: a torn tail was never committed.
 */
export async function readBinlog(
  host: Bytes,
  path: string,
  { headOnly = false }: { headOnly?: boolean } = {},
): Promise<BinlogContent> {
  const file = new FileWindow(host, path);
  let before: readonly Gtid[] = [];
  const changes = new Map<number, Gtid>();
  let open: { readonly gtid: Gtid; readonly standalone: boolean } | null = null;
  for (let offset = magicBytes; ; ) {
    const header = await file.at(offset, headerBytes);
    if (!header) break;
    const type = header.readUInt8(4);
    const length = header.readUInt32LE(9);
    // A length shorter than its header is no binlog of ours, or the torn end of one; so is an event without its end.
    if (length < headerBytes || !(await file.at(offset + length - 1, 1))) break;
    if (type === eventTypes.gtidList) {
      before = decodeGtidList((await file.at(offset + headerBytes, length - headerBytes)) ?? Buffer.alloc(4));
      if (headOnly) break;
    } else if (type === eventTypes.gtid) {
      if (headOnly) break;
      const body = await file.at(offset + headerBytes, gtidBytes);
      if (!body) break;
      open = decodeGtid(header, body);
    } else if (open && endsGroup(type, open.standalone)) {
      // Taken out and put in again: a map keeps the order of first insertion.
      changes.delete(open.gtid.serverId);
      changes.set(open.gtid.serverId, open.gtid);
      open = null;
    }
    offset += length;
  }
  return { before, changes: [...changes.values()] };
}

const endsGroup = (type: number, standalone: boolean): boolean =>
  standalone || type === eventTypes.xid || type === eventTypes.query || type === eventTypes.xaPrepare;

/** GTID_EVENT: sequence(8) domain(4) flags(1); the server is in the header. */
function decodeGtid(header: Buffer, body: Buffer): { gtid: Gtid; standalone: boolean } {
  return {
    gtid: {
      domainId: body.readUInt32LE(8),
      serverId: header.readUInt32LE(5),
      sequence: Number(body.readBigUInt64LE(0)),
    },
    standalone: (body.readUInt8(12) & standaloneFlag) !== 0,
  };
}

/** GTID_LIST_EVENT: count(4, the upper four bits are flags), then for each: domain(4) server(4) sequence(8). */
function decodeGtidList(body: Buffer): Gtid[] {
  const count = body.readUInt32LE(0) & 0x0fff_ffff;
  const gtids: Gtid[] = [];
  for (let index = 0; index < count && 4 + (index + 1) * 16 <= body.length; index++) {
    const at = 4 + index * 16;
    gtids.push({
      domainId: body.readUInt32LE(at),
      serverId: body.readUInt32LE(at + 4),
      sequence: Number(body.readBigUInt64LE(at + 8)),
    });
  }
  return gtids;
}

/**
 * Where the stopped server of `data` stands.
 * @param applied its last known `gtid_slave_pos`, which is in a table that cannot be read without a server
 * @returns null when it has no binlog
 */
export async function readStoppedPosition(
  host: Bytes,
  data: string,
  applied: string,
): Promise<ServerPosition | null> {
  const index = await host.readText(join(data, 'binlog.index'));
  const files = (index ?? '').split('\n').filter((line) => line.trim() !== '');
  const [oldest, newest] = [files[0], files.at(-1)];
  if (oldest === undefined || newest === undefined) return null;
  const { before } = await readBinlog(host, join(data, oldest), { headOnly: true });
  const last = await readBinlog(host, join(data, newest));
  const state = new Map(last.before.map((gtid) => [gtid.serverId, gtid]));
  for (const gtid of last.changes) state.set(gtid.serverId, gtid);
  const all = [...state.values()];
  const end = all.reduce<Gtid | null>(
    (high, gtid) => (high && high.sequence > gtid.sequence ? high : gtid),
    null,
  );
  return {
    binlog: end ? formatGtid(end) : '',
    applied,
    binlogState: formatGtidList(all),
    oldestBinlog: formatGtidList(before),
  };
}
