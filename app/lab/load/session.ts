/**
 * One client of the bank: a loop that keeps a connection to one node, as an application's pooled connection does,
 * waits for its turn, runs a transaction and, where an application would, runs it again.
 *
 *   away --choose node--> opening --logged in--> seated --turn--> running --done--> seated
 *     ^                      |                      |                |
 *     +----- refused --------+      node left ------+--- connection lost
 *
 * A transaction that has begun is never given up because its node must be left: it ends first, or it is run again
 * elsewhere.
 */
import { type Clock, delay } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Random } from '../../base/random.js';
import {
  type BankTransaction,
  isWrite,
  type Progress,
  randomRead,
  randomWrite,
  runTransaction,
} from './bank.js';
import { addressKey, type LoadAddress } from './contract.js';
import { isReadOnlyError, verdictOf } from './sql-errors.js';
import type { SqlSession } from './sql-session.js';
import type { Statistics } from './statistics.js';
import type { Turnstile } from './turnstile.js';

/** Attempts at one transaction that the server rolled back, before the application gives up. */
const attemptsMax = 20;
/** How long an application waits for a node that can run its transaction before it gives up. */
const patienceMs = 30_000;
/** Pause before the next attempt, per attempt made, and at most. */
const retryPauseMs = 5;
const retryPauseMsMax = 250;

/** What a session needs from the generator that owns it. */
export interface SessionOwner {
  readonly clock: Clock;
  readonly random: Random;
  readonly statistics: Statistics;
  readonly turnstile: Turnstile;
  /** Opens a connection; few at a time, so that hundreds of sessions do not storm a server. */
  open(server: LoadAddress, signal: AbortSignal): Promise<SqlSession>;
  /** The node for this session; undefined while there is none. */
  choose(session: LoadSession): LoadAddress | undefined;
  isTarget(key: string): boolean;
  isWriter(key: string): boolean;
  /** A node did not answer: it is left alone for a while. */
  nodeFailed(key: string): void;
  nodeAnswered(key: string): void;
  /** Resolves when targets change, or after a short while. */
  targetsChanged(): Promise<void>;
  /** The session left a node or ended a write: whoever waits for that may look. */
  sessionChanged(): void;
  nextPurge(insertId: number): number | null;
}

interface Pending {
  readonly transaction: BankTransaction;
  readonly beganAtMs: number;
  attempts: number;
}

/** A client of the bank. `run` ends when it was retired and has left its node. */
export class LoadSession {
  /** The node it sits on or is logging in to; null when it is away. */
  node: string | null = null;
  /** Logged in. */
  seated = false;
  /** A write of this session may be in flight on `node`. */
  writing = false;
  /** Asked to sit elsewhere: the node has more sessions than its share. */
  moving = false;
  private sql: SqlSession | null = null;
  private opening: AbortController | null = null;
  private pending: Pending | null = null;
  private retired = false;
  private abandoned = false;

  constructor(private readonly owner: SessionOwner) {}

  /** Is a write to be run (again)? Then only the writer will do. */
  get needsWriter(): boolean {
    return this.pending !== null && isWrite(this.pending.transaction);
  }

  get isRetired(): boolean {
    return this.retired;
  }

  /** Ends the session after its transaction. */
  retire(): void {
    this.retired = true;
  }

  /** Ends the session now: what it waits for no longer matters. */
  abandon(): void {
    this.retired = true;
    this.abandoned = true;
    this.cut();
  }

  /** Cuts the connection, transaction or not: the last resort when a node does not let go. */
  cut(): void {
    this.stopOpening();
    this.sql?.destroy();
  }

  /** Gives up logging in to a node that is no longer wanted. */
  stopOpening(): void {
    this.opening?.abort();
  }

  async run(): Promise<void> {
    while (!this.abandoned && !(this.retired && this.pending === null)) {
      if (!(await this.takeSeat())) {
        this.losePatience();
        continue;
      }
      this.pending ??= await this.nextTransaction();
      if (this.pending === null || this.mustLeave()) continue;
      await this.attempt(this.pending);
    }
    await this.leave();
  }

  /** Sits down on the right node. @returns false when there is none now: time has passed, look again. */
  private async takeSeat(): Promise<boolean> {
    if (this.sql?.lost || this.mustLeave()) await this.leave();
    if (this.sql) return true;
    const server = this.owner.choose(this);
    if (!server) {
      await this.owner.targetsChanged();
      return false;
    }
    const key = addressKey(server);
    this.node = key;
    this.moving = false;
    const opening = new AbortController();
    this.opening = opening;
    try {
      this.sql = await this.owner.open(server, opening.signal);
      this.seated = true;
      this.owner.nodeAnswered(key);
      return true;
    } catch (error) {
      this.node = null;
      if (!opening.signal.aborted) {
        this.owner.nodeFailed(key);
        this.owner.statistics.trouble(`${key}: ${messageOf(error)}`);
      }
      this.owner.sessionChanged();
      return false;
    } finally {
      this.opening = null;
    }
  }

  private mustLeave(): boolean {
    if (this.node === null) return true;
    return (
      this.moving || !this.owner.isTarget(this.node) || (this.needsWriter && !this.owner.isWriter(this.node))
    );
  }

  private async leave(): Promise<void> {
    const sql = this.sql;
    this.sql = null;
    this.seated = false;
    this.moving = false;
    await sql?.close(this.owner.clock);
    this.node = null;
    this.owner.sessionChanged();
  }

  /** Waits for a turn. @returns null when there was none and the session should look where it belongs. */
  private async nextTransaction(): Promise<Pending | null> {
    const { turnstile, random, clock } = this.owner;
    if (this.retired) return null;
    const kind = await turnstile.enter(this.node !== null && this.owner.isWriter(this.node));
    if (kind === null) return null;
    const transaction = kind === 'read' ? randomRead(random) : randomWrite(random);
    return { transaction, beganAtMs: clock.monotonicMs(), attempts: 0 };
  }

  /** One attempt at the transaction; it stays pending when it is to be made again. */
  private async attempt(pending: Pending): Promise<void> {
    const { sql, owner } = this;
    if (!sql) return;
    const progress: Progress = { commitSent: false };
    this.writing = isWrite(pending.transaction);
    try {
      const insertId = await runTransaction(sql, pending.transaction, progress);
      this.pending = this.after(insertId);
      owner.statistics.completed(owner.clock.monotonicMs() - pending.beganAtMs);
    } catch (error) {
      await this.judge(pending, error, progress.commitSent);
    } finally {
      const wrote = this.writing;
      this.writing = false;
      if (wrote) owner.sessionChanged();
    }
  }

  /** Now and then a transfer is followed by the deletion of old ones. */
  private after(insertId: number | null): Pending | null {
    const upTo = insertId === null ? null : this.owner.nextPurge(insertId);
    if (upTo === null) return null;
    return { transaction: { kind: 'purge', upTo }, beganAtMs: this.owner.clock.monotonicMs(), attempts: 0 };
  }

  private async judge(pending: Pending, error: unknown, commitSent: boolean): Promise<void> {
    const { statistics, clock, random } = this.owner;
    const key = this.node ?? '';
    const reason = `${key}: ${messageOf(error)}`;
    // Repeating the deletion of rows that are gone already does no harm, so its outcome need not be known.
    const harmless = pending.transaction.kind === 'purge';
    const verdict = verdictOf(error, commitSent && !harmless, this.sql?.lost ?? true);
    pending.attempts++;
    if (verdict === 'unknown') {
      statistics.outcomeUnknown(reason);
      this.pending = null;
      this.connectionLost(key);
    } else if (verdict === 'elsewhere') {
      statistics.retried();
      this.connectionLost(key);
    } else if (verdict === 'again' && pending.attempts < attemptsMax) {
      statistics.retried();
      await this.rollBack();
      this.writing = false;
      this.owner.sessionChanged();
      const pauseMs = isReadOnlyError(error)
        ? retryPauseMsMax
        : Math.min(pending.attempts * retryPauseMs, retryPauseMsMax);
      await delay(clock, pauseMs * (0.5 + random.next()));
    } else {
      statistics.failed(reason);
      this.pending = null;
      await this.rollBack();
    }
  }

  private async rollBack(): Promise<void> {
    try {
      await this.sql?.query('ROLLBACK');
    } catch {
      // The connection is gone, and the transaction with it.
      this.sql?.destroy();
    }
  }

  private connectionLost(key: string): void {
    this.sql?.destroy();
    this.sql = null;
    this.seated = false;
    this.node = null;
    if (key !== '') this.owner.nodeFailed(key);
    this.owner.sessionChanged();
  }

  /** Gives a transaction up that found no node for too long. */
  private losePatience(): void {
    if (this.pending === null) return;
    if (this.owner.clock.monotonicMs() - this.pending.beganAtMs < patienceMs) return;
    const what = this.needsWriter ? 'takes writes' : 'takes sessions';
    this.owner.statistics.failed(`for ${patienceMs / 1000} s there was no node that ${what}`);
    this.pending = null;
  }
}
