/**
 * Money moves between few accounts, so that transactions meet; the total never changes. Readers ask for causal reads: they
 * must see the total, and every transfer that was acknowledged before they asked, on whatever node.
 */
import { type Client, newTally } from './client.js';
import { type NodeReader, Violations, type Workload } from './workload.js';

const accounts = 24;
const opening = 1_000;
const total = accounts * opening;

/** What a causal reader saw. */
export interface BankReading {
  readonly total: number;
  readonly transfers: number;
  /** Transfers that were acknowledged before the reader asked. */
  readonly acknowledgedBefore: number;
}

/** @returns what is wrong with a reading; null when nothing is */
export function judgeReading(reading: BankReading, expectedTotal: number): string | null {
  if (reading.total !== expectedTotal)
    return `a causal read saw a total of ${reading.total}, not ${expectedTotal}`;
  if (reading.transfers < reading.acknowledgedBefore)
    return `a causal read saw ${reading.transfers} transfers when ${reading.acknowledgedBefore} were acknowledged`;
  return null;
}

/** @returns what is wrong with what remained on a node */
export function judgeBank(
  node: string,
  found: { readonly total: number; readonly transfers: number },
  known: { readonly total: number; readonly done: number; readonly unknown: number },
): string[] {
  const wrong: string[] = [];
  if (found.total !== known.total) wrong.push(`${node}: the total is ${found.total}, not ${known.total}`);
  if (found.transfers < known.done || found.transfers > known.done + known.unknown)
    wrong.push(
      `${node}: ${found.transfers} transfers; ${known.done} were acknowledged, ${known.unknown} are unknown`,
    );
  return wrong;
}

export function bankWorkload(clients: number): Workload {
  const violations = new Violations();
  const tally = newTally();
  let done = 0;
  let unknown = 0;

  async function transfer(client: Client, number: number, stop: AbortSignal): Promise<void> {
    const { random } = client.options;
    const from = random.integer(1, accounts);
    const to = ((from + random.integer(0, accounts - 2)) % accounts) + 1;
    const cents = random.integer(1, 50);
    const careful = random.chance(0.5);
    const outcome = await client.transaction(stop, async (attempt) => {
      await attempt.run('BEGIN');
      if (careful)
        await attempt.rows('SELECT balance FROM bank_account WHERE id IN (?, ?) ORDER BY id FOR UPDATE', [
          from,
          to,
        ]);
      await attempt.run('UPDATE bank_account SET balance = balance - ? WHERE id = ?', [cents, from]);
      await attempt.run('UPDATE bank_account SET balance = balance + ? WHERE id = ?', [cents, to]);
      await attempt.run('UPDATE bank_progress SET transfers = transfers + 1 WHERE client = ?', [number]);
      attempt.committing();
      await attempt.run('COMMIT');
    });
    if (outcome.kind === 'done') done++;
    if (outcome.kind === 'unknown') unknown++;
  }

  async function look(client: Client, stop: AbortSignal): Promise<void> {
    const acknowledgedBefore = done;
    const rows = await client.read(
      stop,
      `SELECT (SELECT SUM(balance) FROM bank_account) AS total,
       (SELECT SUM(transfers) FROM bank_progress) AS transfers`,
    );
    if (!rows) return;
    const [row] = rows;
    const reading = { total: Number(row?.total), transfers: Number(row?.transfers), acknowledgedBefore };
    const wrong = judgeReading(reading, total);
    if (wrong !== null) violations.add(wrong);
  }

  return {
    name: 'bank',
    tally,
    greeting: ["SET @ringmaster_read = 'causal'"],
    prepare: [
      'DROP TABLE IF EXISTS bank_account, bank_progress',
      'CREATE TABLE bank_account (id INT PRIMARY KEY, balance BIGINT NOT NULL) ENGINE=InnoDB',
      'CREATE TABLE bank_progress (client INT PRIMARY KEY, transfers BIGINT NOT NULL) ENGINE=InnoDB',
      `INSERT INTO bank_account SELECT seq, ${opening} FROM seq_1_to_${accounts}`,
      `INSERT INTO bank_progress SELECT seq, 0 FROM seq_0_to_${clients - 1}`,
    ],
    step: (client, number, stop) =>
      client.options.random.chance(0.3) ? look(client, stop) : transfer(client, number, stop),
    async check(nodes: readonly NodeReader[]) {
      const wrong: string[] = [];
      for (const node of nodes) {
        const [row] = await node.rows(
          `SELECT (SELECT SUM(balance) FROM bank_account) AS total,
           (SELECT SUM(transfers) FROM bank_progress) AS transfers`,
        );
        const found = { total: Number(row?.total), transfers: Number(row?.transfers) };
        wrong.push(...judgeBank(node.name, found, { total, done, unknown }));
      }
      return [...wrong, ...violations.list];
    },
  };
}
