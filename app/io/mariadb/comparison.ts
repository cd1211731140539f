/**
 * One node's part in a comparison of all nodes: a snapshot at a change that is known, and sums over ranges of its tables.
 *
 * The ranges are read one after the other in the same transaction. Before each there is a savepoint that is gone back to
 * afterwards: that gives the metadata lock of the table back, so that no change of a table waits for more than one range.
 */
import { type Clock, delay } from '../../base/clock.js';
import { RingmasterError } from '../../base/errors.js';
import type { MethodContext } from '../../contract/control.js';
import { sequenceOf } from '../../model/gtid.js';
import type { KeyKind, RangeSum, TableDefinition, TableRanges, TableSums } from '../../model/verification.js';
import { type Admin, numberOf, type Row, sqlErrorNumber, textOf } from './admin.js';
import { agreedSnapshotPlace, snapshotPosition } from './checksums.js';
import { ProgressMeter } from './progress-meter.js';
import { type KnownTable, listTables, quotedName } from './table-list.js';

/** Rows of a range, as many as are read within some milliseconds; and ranges of a table at most, so that lists stay small. */
const rowsPerRange = 1_000;
const rangesPerTableMax = 2_000;
/** How soon a node that is not at the change yet is looked at again. Milliseconds. */
const lookAgainMs = 2;
/** How often a small statement is asked for again that was ended in the place of a read. */
const attemptsMax = 5;
/** The longest rest after one range. Milliseconds. */
const restMaxMs = 10_000;

/** What a snapshot cannot read because the table was changed after it: table definition, no such table, no such column. */
const changedErrors = new Set([1412, 1146, 1054, 1932]);
const changedWords = 'it was changed while it was compared';
/** The statement was ended: a change of the table had to wait for it. */
const interruptedErrors = new Set([1317, 1969]);
const interruptedWords = 'a change of it came while it was read, and was let through';

/** How a comparison reads. */
interface ReadOptions {
  readonly loadPercent: number;
  readonly context: MethodContext;
}

export class Comparison {
  readonly #admin: Admin;
  readonly #clock: Clock;
  readonly #node: string;
  readonly #tables: ReadonlyMap<string, KnownTable>;

  private constructor(admin: Admin, clock: Clock, node: string, tables: readonly KnownTable[]) {
    this.#admin = admin;
    this.#clock = clock;
    this.#node = node;
    this.#tables = new Map(tables.map((table) => [table.table, table]));
  }

  /** Readies a connection; the server has opened the tables that it will be asked for. */
  static async prepare(admin: Admin): Promise<void> {
    await admin.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await admin.query("SET SESSION time_zone = '+00:00', sql_mode = ''");
    await listTables(admin);
  }

  /**
   * Opens the snapshot as soon as the node has applied change `sequence`. Whoever asks keeps all nodes from committing
   * meanwhile, so that nothing comes after it. The list of tables is read in the same pause: it is no part of a snapshot.
   * @param admin a connection of its own, readied by `prepare`: the snapshot lives in it, and ends with it
   * @throws verification.snapshot-missed when the node does not get there within `patienceMs`, or is past it
   */
  static async open(
    admin: Admin,
    clock: Clock,
    { node, sequence, patienceMs }: { node: string; sequence: number; patienceMs: number },
  ): Promise<Comparison> {
    const deadlineMs = clock.monotonicMs() + patienceMs;
    for (;;) {
      const cause = await openAt(admin, sequence);
      if (cause === null) return new Comparison(admin, clock, node, await listTables(admin));
      if (clock.monotonicMs() >= deadlineMs)
        throw new RingmasterError('verification.snapshot-missed', { node, sequence, cause });
      await delay(clock, lookAgainMs);
    }
  }

  get tables(): readonly TableDefinition[] {
    return [...this.#tables.values()].map(({ table, definition, unreadable }) => ({
      table,
      definition,
      unreadable,
    }));
  }

  /** Cuts all tables into ranges of about as many rows each, by the first column of their primary keys. */
  async ranges({ loadPercent, context }: ReadOptions): Promise<readonly TableRanges[]> {
    const tables: TableRanges[] = [];
    const meter = new ProgressMeter(this.#clock, { unit: 'tables', total: this.#tables.size, from: 0 });
    for (const table of this.#tables.values()) {
      const edges = table.key && !table.unreadable ? await this.#edges(table, { loadPercent, context }) : [];
      tables.push({ table: table.table, key: table.key, edges });
      meter.reach(tables.length);
      meter.reportTo(context.progress);
    }
    return tables;
  }

  async #edges(table: KnownTable, options: ReadOptions): Promise<readonly string[]> {
    const { key } = table;
    if (!key) return [];
    const size = Math.max(rowsPerRange, Math.ceil(table.rowsGuessed / rangesPerTableMax));
    const column = quotedName(key.column);
    const shown = key.kind === 'bytes' ? `HEX(${column})` : `CAST(${column} AS CHAR)`;
    const edges: string[] = [];
    for (;;) {
      const last = edges.at(-1);
      const where = last === undefined ? '' : `WHERE ${column} > ${literal(last, key.kind)}`;
      const offset = last === undefined ? size : size - 1;
      const rows = await this.#rested(options, () =>
        this.#read(
          `SELECT ${shown} AS edge FROM ${table.quoted} FORCE INDEX (PRIMARY) ${where} ORDER BY ${column} LIMIT 1 OFFSET ${offset}`,
          last !== undefined && key.kind === 'text' ? [last] : [],
        ).catch((thrown: unknown) => {
          // Whoever sums this table finds out, too, and says so.
          if (problemOf(thrown)) return [];
          throw thrown;
        }),
      );
      const [row] = rows;
      if (!row) return edges;
      edges.push(textOf(row, 'edge'));
    }
  }

  /** Sums over these ranges, on every node the same ones. `position` is what the snapshot itself says of its place. */
  async sums(
    wanted: readonly TableRanges[],
    options: ReadOptions,
  ): Promise<{ position: string; tables: readonly TableSums[] }> {
    const position = await snapshotPosition(this.#admin);
    const total = wanted.reduce((sum, { edges }) => sum + edges.length + 1, 0);
    const meter = new ProgressMeter(this.#clock, { unit: 'ranges', total, from: 0 });
    let done = 0;
    const tables: TableSums[] = [];
    for (const ranges of wanted) {
      const table = this.#tables.get(ranges.table);
      const before = done;
      if (table && !table.unreadable)
        tables.push(
          await this.#tableSums(table, ranges, options, () => {
            meter.reach(++done);
            meter.reportTo(options.context.progress);
          }),
        );
      done = before + ranges.edges.length + 1;
      meter.reach(done);
    }
    options.context.progress(meter.view());
    const now = new Map((await this.#listAgain()).map((table) => [table.table, table.definition]));
    return {
      position,
      tables: tables.map((sums) =>
        sums.problem !== null || now.get(sums.table) === this.#tables.get(sums.table)?.definition
          ? sums
          : { ...sums, problem: changedWords },
      ),
    };
  }

  async #tableSums(
    table: KnownTable,
    { key, edges, table: name }: TableRanges,
    options: ReadOptions,
    reached: () => void,
  ): Promise<TableSums> {
    const sums: RangeSum[] = [];
    try {
      for (let index = 0; index <= edges.length; index++) {
        const from = key && index > 0 ? edges[index - 1] : undefined;
        const before = key ? edges[index] : undefined;
        sums.push(await this.#rested(options, () => this.#rangeSum(table, key, from, before)));
        reached();
      }
      return { table: name, sums, problem: null };
    } catch (thrown) {
      const problem = problemOf(thrown);
      if (!problem) throw thrown;
      return { table: name, sums: [], problem };
    }
  }

  /**
   * A sum and not an exclusive or: two equal rows must not cancel each other in a table without a key. 64 bits of MD5 for
   * each row find every accident; this is no guard against somebody who makes two databases look alike.
   */
  async #rangeSum(
    table: KnownTable,
    key: TableRanges['key'],
    from: string | undefined,
    before: string | undefined,
  ): Promise<RangeSum> {
    const conditions: string[] = [];
    const values: string[] = [];
    const bound = (operator: string, edge: string | undefined) => {
      if (edge === undefined || !key) return;
      conditions.push(`${quotedName(key.column)} ${operator} ${literal(edge, key.kind)}`);
      if (key.kind === 'text') values.push(edge);
    };
    bound('>=', from);
    bound('<', before);
    const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
    const [row = {}] = await this.#read(
      `SELECT COUNT(*) AS rowCount, SUM(CAST(CONV(LEFT(MD5(${table.rowText}),16),16,10) AS UNSIGNED)) AS total FROM ${table.quoted}${where}`,
      values,
    );
    return { rows: numberOf(row, 'rowCount') ?? 0, sum: textOf(row, 'total') };
  }

  /** One read of the snapshot, which leaves no lock behind, not even when it is ended from outside. */
  async #read(statement: string, values: readonly string[]): Promise<readonly Row[]> {
    await this.#insistently('SAVEPOINT one_range');
    try {
      return await this.#admin.query(statement, values);
    } finally {
      if (!this.#admin.lost) await this.#insistently('ROLLBACK TO SAVEPOINT one_range');
    }
  }

  /** Whoever ends a read may come too late, and end what follows it: that is asked for again. */
  async #insistently(statement: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#admin.query(statement);
        return;
      } catch (thrown) {
        if (attempt === attemptsMax || !interruptedErrors.has(sqlErrorNumber(thrown) ?? 0)) throw thrown;
      }
    }
  }

  /** The tables as they are now; a change of one may end the look, and then it is looked again. */
  async #listAgain(): Promise<readonly KnownTable[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await listTables(this.#admin);
      } catch (thrown) {
        if (attempt === attemptsMax || !interruptedErrors.has(sqlErrorNumber(thrown) ?? 0)) throw thrown;
        await delay(this.#clock, lookAgainMs);
      }
    }
  }

  /**
   * Works, then rests for so long that work is `loadPercent` of the time. What clients need goes first on a host that has
   * nothing to spare: a range that took longer because of them is followed by a longer rest.
   */
  async #rested<Result>({ loadPercent, context }: ReadOptions, work: () => Promise<Result>): Promise<Result> {
    context.signal.throwIfAborted();
    if (this.#admin.lost)
      throw new RingmasterError('verification.snapshot-gone', {
        node: this.#node,
        cause: 'its connection was lost',
      });
    const startedMs = this.#clock.monotonicMs();
    const result = await work();
    const tookMs = this.#clock.monotonicMs() - startedMs;
    const restMs = Math.min(restMaxMs, tookMs * (100 / loadPercent - 1));
    if (restMs >= 1) await delay(this.#clock, restMs, context.signal);
    return result;
  }
}

/** Tries once. @returns null when the snapshot is open at that change, else why it is not */
async function openAt(admin: Admin, sequence: number): Promise<string | null> {
  const ended = await admin.one('SELECT @@global.gtid_binlog_pos AS position');
  const stands = sequenceOf(textOf(ended, 'position'));
  if (stands < sequence) return `it is ${sequence - stands} changes behind`;
  if (stands > sequence) return `it stands at change ${stands} already`;
  await admin.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
  const place = await agreedSnapshotPlace(admin);
  const end = await admin.one('SHOW MASTER STATUS');
  // The log holds a change a moment before the engine does, and a snapshot begins with what the engine has.
  if (textOf(end, 'File') === place.file && numberOf(end, 'Position') === place.offset) return null;
  await admin.query('ROLLBACK');
  return 'its last change is not committed yet';
}

/** An edge as a part of a statement; texts are filled in by the driver. */
function literal(edge: string, kind: KeyKind): string {
  if (kind === 'text') return '?';
  const valid = kind === 'number' ? /^-?\d+(\.\d+)?$/ : /^([0-9A-F]{2})*$/;
  if (!valid.test(edge)) throw new RingmasterError('defect', { cause: `no edge of a range: ${edge}` });
  return kind === 'number' ? edge : `x'${edge}'`;
}

/** Why a table could not be read although its node could; null for every other error. */
function problemOf(thrown: unknown): string | null {
  const number = sqlErrorNumber(thrown) ?? 0;
  if (changedErrors.has(number)) return changedWords;
  return interruptedErrors.has(number) ? interruptedWords : null;
}
