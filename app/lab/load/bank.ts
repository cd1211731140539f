/**
 * The application that the generator plays: a bank. Money only moves, so the sum over all accounts never changes,
 * and anybody can check with one query that no half transaction ever became visible.
 */
import type { Random } from '../../base/random.js';
import type { SqlSession } from './sql-session.js';

export const bank = {
  customers: 2500,
  /** Accounts 1 to 1000 belong to the tellers: cash that comes in or goes out moves from and to them. */
  tellers: 1000,
  accounts: 10_000,
  openingBalanceCents: 1_000_000,
  /** Transfers kept; older ones are deleted, so that a lab that runs for days does not fill the disk. */
  transfersKept: 50_000,
  /** One deletion of old transfers per so many new ones. */
  transfersPerPurge: 200,
} as const;

/** The sum over all accounts, for ever. */
export const bankTotalCents = bank.accounts * bank.openingBalanceCents;

/** One thing that a customer or the bank does; carried out as one database transaction. */
export type BankTransaction =
  | { readonly kind: 'account'; readonly account: number }
  | { readonly kind: 'customer'; readonly customer: number }
  | { readonly kind: 'transfer'; readonly from: number; readonly to: number; readonly cents: number }
  | { readonly kind: 'purge'; readonly upTo: number };

/** Does it change anything? */
export const isWrite = (transaction: BankTransaction): boolean =>
  transaction.kind === 'transfer' || transaction.kind === 'purge';

/** A reading transaction: mostly one account, sometimes all balances of one customer. */
export function randomRead(random: Random): BankTransaction {
  return random.chance(0.8)
    ? { kind: 'account', account: random.integer(1, bank.accounts) }
    : { kind: 'customer', customer: random.integer(1, bank.customers) };
}

/** A writing transaction: a transfer between two customers, or a deposit, which comes from a teller's cash. */
export function randomWrite(random: Random): BankTransaction {
  const deposit = random.chance(0.3);
  const from = deposit ? random.integer(1, bank.tellers) : random.integer(bank.tellers + 1, bank.accounts);
  const drawn = random.integer(bank.tellers + 1, bank.accounts - 1);
  return {
    kind: 'transfer',
    from,
    // Skips `from` without drawing again: nobody transfers to himself.
    to: drawn >= from && !deposit ? drawn + 1 : drawn,
    cents: random.integer(1, 10_000),
  };
}

/**
 * Tells after each new transfer whether old ones are to be deleted: once for so many new ones.
 * @returns a function from the new id to the highest id to delete, null when it is not time
 */
export function purgeable(): (insertId: number) => number | null {
  let sincePurge = 0;
  return (insertId) => {
    sincePurge++;
    if (sincePurge < bank.transfersPerPurge || insertId <= bank.transfersKept) return null;
    sincePurge = 0;
    return insertId - bank.transfersKept;
  };
}

/** How far a transaction came; read after an error to know whether it can have happened. */
export interface Progress {
  commitSent: boolean;
}

const statements = {
  account: 'SELECT id, kind, balance_cents FROM accounts WHERE id = ?',
  customer: 'SELECT id, kind, balance_cents FROM accounts WHERE customer_id = ?',
  move: 'UPDATE accounts SET balance_cents = balance_cents + ? WHERE id = ?',
  record: 'INSERT INTO transfers (from_account, to_account, cents) VALUES (?, ?, ?)',
  purge: 'DELETE FROM transfers WHERE id <= ? ORDER BY id LIMIT 400',
} as const;

/**
 * Runs one transaction, statement by statement, as an application does.
 * @returns the id of the new transfer, where there is one
 * @throws what the server or the connection says; `progress` then tells whether COMMIT had been sent
 */
export async function runTransaction(
  sql: SqlSession,
  transaction: BankTransaction,
  progress: Progress,
): Promise<number | null> {
  switch (transaction.kind) {
    case 'account':
      await sql.execute(statements.account, [transaction.account]);
      return null;
    case 'customer':
      await sql.execute(statements.customer, [transaction.customer]);
      return null;
    case 'transfer': {
      const { from, to, cents } = transaction;
      await sql.query('BEGIN');
      // In the order of ids, so that two transfers between the same accounts wait instead of deadlocking.
      const moves: [number, number][] =
        from < to
          ? [
              [-cents, from],
              [cents, to],
            ]
          : [
              [cents, to],
              [-cents, from],
            ];
      for (const move of moves) await sql.execute(statements.move, move);
      const { insertId } = await sql.execute(statements.record, [from, to, cents]);
      progress.commitSent = true;
      await sql.query('COMMIT');
      return insertId;
    }
    case 'purge':
      // One autocommit statement: its answer is the answer to its commit.
      progress.commitSent = true;
      await sql.execute(statements.purge, [transaction.upTo]);
      return null;
  }
}
