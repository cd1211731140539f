/** What is checked on the nodes themselves: the same tables everywhere, and the same numbers without gaps. */
import { type Clock, delay } from '../../base/clock.js';
import type { SqlAddress, TableChecksum } from '../../contract/control.js';
import { type Admin, type Row, textOf } from '../../io/mariadb/admin.js';
import { checksumTables } from '../../io/mariadb/checksums.js';
import { formatGtid, type Gtid, parseGtidList, sequenceOf } from '../../model/gtid.js';

export interface DirectNode {
  readonly name: string;
  readonly address: SqlAddress;
}

/** How long the nodes may take to have everything after the last client ended, without any of them moving. */
const settleMs = 20_000;
const lookEveryMs = 50;
const differencesShown = 20;

/**
 * Waits until all nodes stand at the same place.
 * @returns what is wrong, when they did not get there
 */
export async function settle(
  nodes: readonly { readonly name: string; readonly admin: Admin }[],
  clock: Clock,
): Promise<string[]> {
  let before = '';
  let movedAtMs = clock.monotonicMs();
  for (;;) {
    const positions = await Promise.all(
      nodes.map(async ({ admin }) =>
        sequenceOf(textOf(await admin.one('SELECT @@global.gtid_binlog_pos AS position'), 'position')),
      ),
    );
    const now = positions.join();
    // Twice the same: a change that is under way has a number only when it is written.
    if (now === before && new Set(positions).size === 1) return [];
    if (now !== before) movedAtMs = clock.monotonicMs();
    else if (clock.monotonicMs() - movedAtMs > settleMs)
      return [
        `the nodes do not meet: ${nodes.map(({ name }, index) => `${name} stands at ${positions[index]}`).join(', ')}`,
      ];
    before = now;
    await delay(clock, lookEveryMs);
  }
}

/**
 * Every number in a node's binlogs, in their order. Needs the right to read binlogs.
 * @param newest how many binlogs are read; all where left out
 */
export async function readNumbers(admin: Admin, newest = Number.POSITIVE_INFINITY): Promise<Gtid[]> {
  const numbers: Gtid[] = [];
  for (const file of (await admin.query('SHOW BINARY LOGS')).slice(-newest)) {
    for (const event of await admin.query('SHOW BINLOG EVENTS IN ?', [textOf(file, 'Log_name')])) {
      if (textOf(event, 'Event_type') !== 'Gtid') continue;
      const text = /GTID (\d+-\d+-\d+)/.exec(textOf(event, 'Info'))?.[1];
      numbers.push(...parseGtidList(text ?? ''));
    }
  }
  return numbers;
}

/**
 * The total order, as each node wrote it: no gap, no number twice, and each number given by the same server. A node that
 * was copied or has removed old binlogs begins later; all must end at the same number.
 */
export function judgeNumbers(nodes: ReadonlyMap<string, readonly Gtid[]>): string[] {
  const wrong: string[] = [];
  const given = new Map<number, { readonly gtid: string; readonly node: string }>();
  for (const [node, numbers] of nodes) {
    for (const [index, { sequence }] of numbers.entries()) {
      const before = numbers[index - 1]?.sequence;
      if (before !== undefined && sequence !== before + 1)
        wrong.push(`${node}: ${sequence} follows ${before} in the binlog`);
    }
    for (const number of numbers) {
      const gtid = formatGtid(number);
      const known = given.get(number.sequence);
      if (!known) given.set(number.sequence, { gtid, node });
      else if (known.gtid !== gtid)
        wrong.push(`number ${number.sequence} is ${known.gtid} on ${known.node} and ${gtid} on ${node}`);
    }
  }
  const ends = [...nodes].map(([node, numbers]) => [node, numbers.at(-1)?.sequence ?? 0] as const);
  if (new Set(ends.map(([, end]) => end)).size > 1)
    wrong.push(`the binlogs end at ${ends.map(([node, end]) => `${end} on ${node}`).join(', ')}`);
  return wrong;
}

/** The same tables with the same rows everywhere. */
export function judgeTables(nodes: ReadonlyMap<string, readonly TableChecksum[]>): string[] {
  const [first, ...others] = [...nodes];
  if (!first) return [];
  const wrong: string[] = [];
  for (const [node, tables] of others) {
    const expected = new Map(first[1].map((each) => [each.table, each]));
    for (const { table, checksum, rows } of tables) {
      const other = expected.get(table);
      expected.delete(table);
      if (!other) wrong.push(`${table} is on ${node} and not on ${first[0]}`);
      else if (other.checksum !== checksum || other.rows !== rows)
        wrong.push(
          `${table} differs: ${first[0]} has ${other.rows} rows (checksum ${other.checksum}), ${node} ${rows} (${checksum})`,
        );
    }
    for (const table of expected.keys()) wrong.push(`${table} is on ${first[0]} and not on ${node}`);
  }
  return wrong;
}

/** Reads and judges both on all nodes, which must stand still. */
export async function judgeNodes(
  nodes: readonly { readonly name: string; readonly admin: Admin }[],
  clock: Clock,
): Promise<{ readonly problems: string[]; readonly changesBy: Readonly<Record<string, number>> }> {
  const tables = new Map<string, readonly TableChecksum[]>();
  const numbers = new Map<string, readonly Gtid[]>();
  const context = { signal: new AbortController().signal, progress: () => undefined };
  for (const { name, admin } of nodes) {
    tables.set(name, (await checksumTables(admin, clock, context)).tables);
    numbers.set(name, await readNumbers(admin));
  }
  return {
    problems: [...judgeTables(tables), ...judgeNumbers(numbers)],
    changesBy: countByServer([...numbers.values()]),
  };
}

/** How many changes each server gave their number, by the binlog that holds most. */
function countByServer(binlogs: readonly (readonly Gtid[])[]): Record<string, number> {
  const [fullest = []] = binlogs.toSorted((a, b) => b.length - a.length);
  const counts: Record<string, number> = {};
  for (const { serverId } of fullest) counts[serverId] = (counts[serverId] ?? 0) + 1;
  return counts;
}

/** The rows that are not the same everywhere, node by node. */
export async function differingRows(
  nodes: readonly { readonly name: string; readonly admin: Admin }[],
  database: string,
): Promise<string[]> {
  const found: string[] = [];
  const tables = await nodes[0]?.admin.query(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? ORDER BY 1',
    [database],
  );
  for (const table of tables ?? []) {
    const name = textOf(table, 'name');
    const contents = await Promise.all(
      nodes.map(async ({ admin }) =>
        rowsById(await admin.query(`SELECT * FROM \`${database}\`.\`${name}\``)),
      ),
    );
    const ids = new Set(contents.flatMap((rows) => [...rows.keys()]));
    for (const id of ids) {
      const versions = contents.map((rows) => rows.get(id) ?? 'no such row');
      if (new Set(versions).size === 1) continue;
      found.push(
        `${name} ${id}: ${nodes.map((node, index) => `${node.name} ${versions[index]}`).join('; ')}`,
      );
    }
  }
  return found.slice(0, differencesShown);
}

const rowsById = (rows: readonly Row[]): Map<string, string> =>
  new Map(rows.map((row) => [String(Object.values(row)[0]), JSON.stringify(row)]));
