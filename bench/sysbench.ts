/** Runs sysbench against a MySQL address and reads its report. */
import { type Outcome, run } from '../scripts/support/run.js';

/** Where sysbench connects: several ports are taken in turn, connection by connection. */
export interface SysbenchTarget {
  readonly ports: readonly number[];
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** How many tables, and rows in each. */
export interface TableSizes {
  readonly tables: number;
  readonly rows: number;
}

export interface SysbenchRun {
  /** A script of sysbench: `oltp_point_select`, or the path of one. */
  readonly script: string;
  readonly threads: number;
  readonly seconds: number;
  /** Further options of the script: `--skip-trx=on`. */
  readonly options?: readonly string[];
}

/** What one run came to. */
export interface SysbenchReport {
  readonly transactionsPerSecond: number;
  readonly queriesPerSecond: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  /** Transactions that were rolled back and run again, per second: deadlocks and the like. */
  readonly retriesPerSecond: number;
}

/** Deadlock, lock wait timeout, changed since read: an application begins its transaction again, and so does sysbench. */
const retriedErrors = '1213,1205,1020';

function addressOptions({ ports, user, password, database }: SysbenchTarget): string[] {
  return [
    '--db-driver=mysql',
    '--mysql-host=127.0.0.1',
    `--mysql-port=${ports.join(',')}`,
    `--mysql-user=${user}`,
    `--mysql-password=${password}`,
    `--mysql-db=${database}`,
    `--mysql-ignore-errors=${retriedErrors}`,
  ];
}

const tableOptions = ({ tables, rows }: TableSizes): string[] => [
  `--tables=${tables}`,
  `--table-size=${rows}`,
];

function failed(what: string, { exitCode, stdout, stderr }: Outcome): Error {
  const words = `${stdout}\n${stderr}`.split('\n').filter((line) => /FATAL|error|Error/.test(line));
  return new Error(`sysbench ${what} ended with ${exitCode}: ${words.slice(0, 3).join(' ')}`);
}

/** One run. @throws Error with what sysbench said, also when it lost a connection */
export async function runSysbench(
  target: SysbenchTarget,
  tables: TableSizes,
  { script, threads, seconds, options = [] }: SysbenchRun,
): Promise<SysbenchReport> {
  const outcome = await run('sysbench', [
    script,
    ...addressOptions(target),
    ...tableOptions(tables),
    `--threads=${threads}`,
    `--time=${seconds}`,
    '--events=0',
    // Its default sends three of four changes to one row of a hundred; here the rows are not meant to be the contest.
    '--rand-type=uniform',
    '--histogram=on',
    ...options,
    'run',
  ]);
  if (outcome.exitCode !== 0) throw failed(`${script} with ${threads} threads`, outcome);
  return parseReport(outcome.stdout);
}

/**
 * Reads the report of `sysbench --histogram=on ... run`:
 *   `0.504 |**********     1234` (upper bound of a bucket in milliseconds, count)
 *   `transactions:    12345  (2468.21 per sec.)`
 * @throws Error when it is none
 */
export function parseReport(text: string): SysbenchReport {
  const rate = (name: string): number => {
    const found = new RegExp(`^\\s*${name}:\\s+\\d+\\s+\\(([\\d.]+) per sec\\.\\)`, 'm').exec(text);
    if (!found) throw new Error(`no "${name}" in the report of sysbench`);
    return Number(found[1]);
  };
  const buckets = [...text.matchAll(/^\s*([\d.]+) \|\**\s+(\d+)$/gm)].map(
    ([, value, count]) => [Number(value), Number(count)] as const,
  );
  return {
    transactionsPerSecond: rate('transactions'),
    queriesPerSecond: rate('queries'),
    retriesPerSecond: rate('ignored errors'),
    medianMs: percentileOf(buckets, 50),
    p95Ms: percentileOf(buckets, 95),
  };
}

/** The bucket in which the given share of all events has been passed. */
function percentileOf(buckets: readonly (readonly [number, number])[], percent: number): number {
  const all = buckets.reduce((sum, [, count]) => sum + count, 0);
  let passed = 0;
  for (const [value, count] of buckets) {
    passed += count;
    if (passed >= (all * percent) / 100) return value;
  }
  throw new Error('no histogram in the report of sysbench');
}
