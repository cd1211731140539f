/**
 * Reads SHOW ENGINE INNODB STATUS: the only live view of InnoDB's lock waits.
 *
 * INNODB_LOCK_WAITS and its sisters are refreshed only when nobody read them for 100 ms (MariaDB,
 * storage/innobase/trx/trx0i_s.cc, CACHE_MIN_IDLE_TIME_NS), so they cannot be polled, and after one conflict they are
 * blind for the next. This text is made anew each time and costs half as much (measured on 10.11 with 100 open
 * transactions: 125 microseconds against 250). With `innodb_status_output_locks` it also lists locks, at most ten per
 * transaction, which costs 4 ms then.
 *
 * The text repeats what clients said. A statement made to look like a part of it could at worst have the wrong local
 * transaction rolled back.
 */
import type { WaitPair } from './blockers.js';

/** A lock of a transaction, as far as it is listed. */
interface EngineLock {
  /** `space/page` for records, the table's name for table locks. */
  readonly place: string;
  /** Records by their place in the page; empty for a table lock. */
  readonly heaps: ReadonlySet<number>;
  readonly mode: string;
  readonly gapOnly: boolean;
  readonly recordOnly: boolean;
  readonly insertIntention: boolean;
  readonly supremum: boolean;
  readonly waiting: boolean;
}

export interface EngineTransaction {
  /** Connection id. */
  readonly id: number;
  /** How long it has been waiting for a lock, milliseconds; null when it is not. */
  readonly waitedMs: number | null;
  readonly locks: readonly EngineLock[];
}

const threadPattern = /^MariaDB thread id (\d+),/m;
const waitPattern = /^-+ TRX HAS BEEN WAITING (\d+) (us|SEC)/im;
const recordPattern =
  /^RECORD LOCKS space id (\d+) page no (\d+) n bits \d+ index .* trx id \d+ lock[_ ]mode ([A-Z_-]+)(.*)$/;
const tablePattern = /^TABLE LOCK table (.+) trx id \d+ lock mode ([A-Z_-]+)(.*)$/;
const heapPattern = /^Record lock, heap no (\d+)(.*)/;

/** All transactions that belong to a connection. */
export function parseEngineStatus(text: string): EngineTransaction[] {
  // What stands above describes the latest deadlock, which is over.
  const list = text.slice(text.indexOf('LIST OF TRANSACTIONS FOR EACH SESSION'));
  const transactions: EngineTransaction[] = [];
  for (const section of list.split(/^---TRANSACTION /m).slice(1)) {
    const thread = threadPattern.exec(section);
    if (!thread) continue;
    const wait = waitPattern.exec(section);
    transactions.push({
      id: Number(thread[1]),
      waitedMs: wait ? Number(wait[1]) / (wait[2]?.toLowerCase() === 'us' ? 1_000 : 0.001) : null,
      locks: parseLocks(section),
    });
  }
  return transactions;
}

function parseLocks(section: string): EngineLock[] {
  const locks: (EngineLock & { heaps: Set<number>; supremum: boolean })[] = [];
  const add = (place: string, mode: string, flags: string) =>
    locks.push({
      place,
      heaps: new Set(),
      mode,
      gapOnly: flags.includes('gap before rec'),
      recordOnly: flags.includes('rec but not gap'),
      insertIntention: flags.includes('insert intention'),
      supremum: false,
      waiting: flags.includes('waiting'),
    });
  for (const line of section.split('\n')) {
    const heap = heapPattern.exec(line);
    if (heap) {
      const lock = locks.at(-1);
      lock?.heaps.add(Number(heap[1]));
      // The record above all others stands for the gap below it only.
      if (lock && heap[1] === '1') lock.supremum = true;
      continue;
    }
    const record = recordPattern.exec(line);
    if (record) {
      add(`${record[1]}/${record[2]}`, record[3] ?? '', record[4] ?? '');
      continue;
    }
    const table = tablePattern.exec(line);
    if (table) add(table[1] ?? '', table[2] ?? '', table[3] ?? '');
  }
  return locks;
}

/** Which table lock modes let each other through. Source: MariaDB, lock0priv.h, `lock_compatibility_matrix`. */
const compatible: Readonly<Record<string, readonly string[]>> = {
  IS: ['IS', 'IX', 'S', 'AUTO-INC'],
  IX: ['IS', 'IX', 'AUTO-INC'],
  S: ['IS', 'S'],
  X: [],
  'AUTO-INC': ['IS', 'IX'],
};

/** Must the request wait for the other lock? Source: MariaDB, lock0lock.cc, `lock_rec_has_to_wait`. */
function hasToWait(request: EngineLock, other: EngineLock): boolean {
  if (request.place !== other.place) return false;
  if (compatible[request.mode]?.includes(other.mode) ?? false) return false;
  if (request.heaps.size === 0) return true;
  if (![...request.heaps].some((heap) => other.heaps.has(heap))) return false;
  if ((request.gapOnly || request.supremum) && !request.insertIntention) return false;
  if (!request.insertIntention && other.gapOnly) return false;
  if (request.gapOnly && other.recordOnly) return false;
  return !other.insertIntention;
}

/** Who waits for whom, as far as the locks are listed: for locks held, and for requests that have waited longer. */
export function enginePairs(transactions: readonly EngineTransaction[]): WaitPair[] {
  const pairs: WaitPair[] = [];
  for (const waiter of transactions) {
    const request = waiter.locks.find(({ waiting }) => waiting);
    if (waiter.waitedMs === null || !request) continue;
    for (const other of transactions) {
      if (other.id === waiter.id) continue;
      const blocks = other.locks.some(
        (lock) =>
          (!lock.waiting || (other.waitedMs ?? 0) > (waiter.waitedMs ?? 0)) && hasToWait(request, lock),
      );
      if (blocks) pairs.push({ waiter: waiter.id, blocker: other.id });
    }
  }
  return pairs;
}
