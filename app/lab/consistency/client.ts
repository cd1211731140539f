/** A client as an application has it: repeats what was rolled back, and knows what it does not know. */
import { type Connection, createConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';
import { type Clock, delay } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Random } from '../../base/random.js';
import type { SqlAddress } from '../../contract/control.js';
import { errorOf, verdictOf } from '../load/sql-errors.js';

export interface Login {
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/**
 * - `done`: acknowledged. - `refused`: certainly not done, by an error that repeating does not help.
 * - `unknown`: the connection went away after the commit had been sent. - `stopped`: certainly not done, time was up.
 */
export type Outcome =
  | { readonly kind: 'done' | 'unknown' | 'stopped' }
  | { readonly kind: 'refused'; readonly errorNumber: number };

/** What all clients of a workload did together. */
export interface Tally {
  done: number;
  /** Those of `done` that changed something: commits that were acknowledged. */
  commits: number;
  /** Attempts that were rolled back or found no node, and were repeated. */
  repeated: number;
  unknown: number;
  refused: number;
}

export const newTally = (): Tally => ({ done: 0, commits: 0, repeated: 0, unknown: 0, refused: 0 });

/** Statements of one attempt. */
export interface Attempt {
  run(statement: string, values?: readonly (string | number)[]): Promise<ResultSetHeader>;
  rows(statement: string, values?: readonly (string | number)[]): Promise<RowDataPacket[]>;
  /** Says that the next statement commits: from then on the outcome can be unknown. */
  committing(): void;
}

export interface ClientOptions {
  readonly addresses: readonly SqlAddress[];
  /** Which of them comes first. */
  readonly first: number;
  readonly login: Login;
  /** Sent after each login. */
  readonly greeting: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly tally: Tally;
  /** Told of errors that no repeating helps and that the workload did not expect. */
  readonly onTrouble: (text: string) => void;
}

const connectTimeoutMs = 5_000;
const pauseMsMax = 50;
/** Errors that clients and proxies use for a connection that is gone: CR_SERVER_GONE_ERROR, CR_SERVER_LOST. */
const lostErrors = new Set([2006, 2013]);
/** ER_QUERY_INTERRUPTED */
const interruptedError = 1317;

export class Client {
  private connection: Connection | null = null;
  private lost = false;
  private place: number;

  constructor(readonly options: ClientOptions) {
    this.place = options.first;
  }

  /**
   * Runs a transaction until it is done, refused, or time is up. An error that the transaction caused is repeated where
   * the server said so (1213, 1205, 1020 and their like), on the same connection or on another one.
   * @param expected error numbers that are an answer, such as 1062
   */
  async transaction(
    stop: AbortSignal,
    work: (attempt: Attempt) => Promise<void>,
    expected: readonly number[] = [],
  ): Promise<Outcome> {
    const { tally, clock, random } = this.options;
    for (let attempts = 1; ; attempts++) {
      if (stop.aborted) return { kind: 'stopped' };
      const outcome = await this.attempt(work, expected);
      if (outcome) {
        if (outcome.kind !== 'stopped') tally[outcome.kind]++;
        return outcome;
      }
      tally.repeated++;
      await delay(clock, Math.min(attempts * 2, pauseMsMax) * random.next());
    }
  }

  /** Rows of one reading statement, repeated until it succeeds; null when time is up. */
  async read(
    stop: AbortSignal,
    statement: string,
    values: readonly (string | number)[] = [],
  ): Promise<RowDataPacket[] | null> {
    let rows: RowDataPacket[] = [];
    const outcome = await this.transaction(stop, async (attempt) => {
      rows = await attempt.rows(statement, values);
    });
    return outcome.kind === 'done' ? rows : null;
  }

  close(): void {
    this.connection?.destroy();
    this.connection = null;
  }

  /** @returns null when it is to be repeated */
  private async attempt(
    work: (attempt: Attempt) => Promise<void>,
    expected: readonly number[],
  ): Promise<Outcome | null> {
    let commitSent = false;
    try {
      const connection = await this.connected();
      await work({
        run: async (statement, values = []) =>
          (await connection.query<ResultSetHeader>(statement, [...values]))[0],
        rows: async (statement, values = []) =>
          (await connection.query<RowDataPacket[]>(statement, [...values]))[0],
        committing: () => {
          commitSent = true;
        },
      });
      if (commitSent) this.options.tally.commits++;
      return { kind: 'done' };
    } catch (thrown) {
      return this.judge(thrown, commitSent, expected);
    }
  }

  private async judge(
    thrown: unknown,
    commitSent: boolean,
    expected: readonly number[],
  ): Promise<Outcome | null> {
    const errorNumber = errorOf(thrown).errno;
    const lost = this.connection === null || this.lost || lostErrors.has(errorNumber);
    // An interrupted COMMIT may have come through.
    const interrupted = commitSent && errorNumber === interruptedError;
    const verdict = verdictOf(thrown, commitSent, lost || interrupted);
    if (verdict === 'elsewhere' || verdict === 'unknown') {
      this.close();
      this.place++;
      return verdict === 'unknown' ? { kind: 'unknown' } : null;
    }
    await this.connection?.query('ROLLBACK').catch(() => this.close());
    if (verdict === 'again') return null;
    if (!expected.includes(errorNumber)) this.options.onTrouble(messageOf(thrown));
    return { kind: 'refused', errorNumber };
  }

  private async connected(): Promise<Connection> {
    if (this.connection) return this.connection;
    const { addresses, login, greeting } = this.options;
    const address = addresses[this.place % addresses.length];
    if (!address) throw new RangeError('no address');
    const connection = await createConnection({ ...address, ...login, connectTimeout: connectTimeoutMs });
    // A lost connection is told to the statement that runs, too; without a listener it would end the process.
    connection.on('error', () => {
      if (this.connection === connection) this.lost = true;
    });
    try {
      for (const statement of greeting) await connection.query(statement);
    } catch (thrown) {
      connection.destroy();
      throw thrown;
    }
    this.connection = connection;
    this.lost = false;
    return connection;
  }
}
