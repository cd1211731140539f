/**
 * Sees that the node's applier is blocked by local transactions, and names those that must give way.
 *
 * A change that was ordered before them comes first: whoever holds a lock that the applier needs is rolled back by the
 * owner of the watch. The same goes for a session that holds the permission to commit and waits for a lock of one that
 * does not: the whole ring would wait with it.
 */
import type { Clock, Timer } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Admin } from '../../io/mariadb/admin.js';
import { killUnlessCommitting } from '../../io/mariadb/sessions.js';
import { Attention, Reports } from './attention.js';
import { metadataPairs, victimsOf, type WaitPair } from './blockers.js';
import { type EngineTransaction, enginePairs } from './engine-status.js';
import * as views from './lock-views.js';

/** How long the server shows the same lock waits to everybody who reads them sooner. */
const lockViewFreshMs = 105;
/** After a lost connection, milliseconds. */
const reconnectMs = 100;

export interface Blocked {
  /** Connection ids of the node whose transactions must be rolled back. */
  readonly backendIds: readonly number[];
  readonly what: 'row' | 'metadata';
  /** How long the applier had waited when this was seen, milliseconds. */
  readonly waitedMs: number;
}

export interface ConflictWatchOptions {
  /** A connection for the watch alone, with all privileges. */
  readonly connect: () => Promise<Admin>;
  readonly clock: Clock;
  readonly log: Log;
  /** Accounts of ours: their connections are never victims. */
  readonly ownUsers: readonly string[];
  /** Connections of ours that give way all the same: what they do can be done again. */
  readonly expendable: { has(id: number): boolean };
  /** False for a session between its COMMIT and the OK, and for any other that must not be touched now. */
  readonly mayRollBack: (backendId: number) => boolean;
  /** Told again while it lasts, at a bounded pace. */
  readonly onBlocked: (blocked: Blocked) => void;
}

/** Counted since the watch began. */
export interface ConflictCounts {
  /** Transactions that blocked the applier, each once. */
  row: number;
  metadata: number;
  polls: number;
  looks: number;
}

export class ConflictWatch {
  readonly counts: ConflictCounts = { row: 0, metadata: 0, polls: 0, looks: 0 };
  private readonly attention = new Attention();
  private readonly reports = { row: new Reports(), metadata: new Reports() };
  private connections: views.Connections = { roles: new Map(), inStateMs: new Map() };
  private admin: Admin | null = null;
  private metadataVisible = false;
  private lastRowWaitsMs = Number.NEGATIVE_INFINITY;
  private running = false;
  private polling = false;
  private wakeMs = 0;
  /** No connection is tried before. */
  private reconnectAtMs = 0;
  private round: Promise<void> = Promise.resolve();
  private timer: Timer | null = null;

  constructor(private readonly options: ConflictWatchOptions) {}

  start(): void {
    if (this.running) return;
    this.running = true;
    this.attention.forget();
    this.wakeAt(0);
  }

  /** Ends the watch and closes its connection. */
  async stop(): Promise<void> {
    this.running = false;
    this.timer?.cancel();
    this.timer = null;
    await this.round;
    // It may have been started again meanwhile: then the connection, or what takes its place, goes on.
    if (this.running) return;
    const { admin } = this;
    this.admin = null;
    await admin?.close();
  }

  /**
   * The applier will have to reach this sequence number: changes of other nodes up to it exist. From now on it is watched
   * closely. What nobody tells is found within 210 ms.
   */
  expect(sequence: number): void {
    this.attention.expect(sequence, this.options.clock.monotonicMs());
    this.wakeAt(this.attention.dueMs);
  }

  /** The applier has reached this sequence number, as the caller knows anyhow: saves the watch from asking the server. */
  reached(sequence: number): void {
    this.attention.reached(sequence, this.options.clock.monotonicMs());
  }

  /** This connection got the permission to commit: it must not wait for others either. */
  hold(backendId: number): void {
    this.attention.hold(backendId, this.options.clock.monotonicMs());
    this.wakeAt(this.attention.dueMs);
  }

  release(backendId: number): void {
    this.attention.release(backendId);
  }

  /**
   * Ends connections that no front end knows; their transactions are rolled back. Those in the middle of a commit are
   * left alone.
   * @returns those that were ended
   */
  async kill(backendIds: readonly number[]): Promise<number[]> {
    const { admin } = this;
    if (!admin) return [];
    const killed: number[] = [];
    for (const id of backendIds) if (await killUnlessCommitting(admin, id)) killed.push(id);
    return killed;
  }

  /** Wakes at `dueMs`, or sooner where that was wanted before; while a round runs, it sees to that itself. */
  private wakeAt(dueMs: number): void {
    const atMs = Math.max(dueMs, this.reconnectAtMs);
    if (!this.running || this.polling || (this.timer && this.wakeMs <= atMs)) return;
    this.timer?.cancel();
    this.wakeMs = atMs;
    const { clock } = this.options;
    this.timer = clock.after(Math.max(0, atMs - clock.monotonicMs()), () => {
      this.timer = null;
      // Timers come up to a millisecond early; more often the reason to wake is gone by now.
      const laterMs = this.attention.dueMs;
      if (laterMs > clock.monotonicMs() + 0.5) this.wakeAt(laterMs);
      else this.round = this.turn();
    });
  }

  /** One poll, and a look where it is due. */
  private async turn(): Promise<void> {
    const { clock, log } = this.options;
    this.polling = true;
    try {
      await this.poll(await this.connected());
    } catch (thrown) {
      this.reconnectAtMs = clock.monotonicMs() + reconnectMs;
      // A server that is being stopped or started is no news.
      if (this.running && this.admin && !this.admin.lost)
        log.warn({ cause: messageOf(thrown) }, 'the watch for conflicts begins anew');
      this.admin?.destroy();
      this.admin = null;
    }
    this.polling = false;
    this.wakeAt(this.attention.dueMs);
  }

  private async connected(): Promise<Admin> {
    if (this.admin && !this.admin.lost) return this.admin;
    const admin = await this.options.connect();
    this.admin = admin;
    // Another server, or the same after a start: connection ids begin anew.
    this.connections = { roles: new Map(), inStateMs: new Map() };
    this.attention.forget();
    this.metadataVisible = await views.enableMetadataView(admin);
    if (!this.metadataVisible)
      this.options.log.warn('metadata locks cannot be watched: performance_schema is off');
    return admin;
  }

  private async poll(admin: Admin): Promise<void> {
    const { clock } = this.options;
    this.counts.polls++;
    const both = this.attention.wantsReceived(clock.monotonicMs());
    const seen = both ? await views.readBoth(admin) : await views.readApplied(admin);
    const look = this.attention.see({ ...seen, atMs: clock.monotonicMs() });
    if (look && this.running) await this.look(admin);
  }

  private async look(admin: Admin): Promise<void> {
    this.counts.looks++;
    const transactions = await views.readEngine(admin, false);
    const waiting = transactions.filter(({ waitedMs }) => waitedMs !== null);
    await this.know(
      admin,
      waiting.map(({ id }) => id),
    );
    const urgent = waiting.filter(({ id }) => this.mustGoOn(id));
    if (urgent.length > 0) await this.rowConflict(admin, urgent);
    else this.report('row', [], 0);
    if (this.metadataVisible) await this.lookAtMetadata(admin);
  }

  private async rowConflict(admin: Admin, urgent: readonly EngineTransaction[]): Promise<void> {
    const pairs = await this.rowPairs(admin, urgent);
    await this.know(
      admin,
      pairs.map(({ blocker }) => blocker),
    );
    const waitedMs = Math.max(...urgent.map((transaction) => transaction.waitedMs ?? 0));
    this.report('row', victimsOf(pairs, this), waitedMs);
  }

  /** From the view that lists every lock, when it is fresh; else from the one that is live and lists ten of each. */
  private async rowPairs(admin: Admin, urgent: readonly EngineTransaction[]): Promise<WaitPair[]> {
    const { clock } = this.options;
    if (clock.monotonicMs() - this.lastRowWaitsMs > lockViewFreshMs) {
      const pairs = await views.readRowWaits(admin);
      this.lastRowWaitsMs = clock.monotonicMs();
      // Somebody else may have read it just before: then it shows what was before this wait.
      if (urgent.some(({ id }) => pairs.some(({ waiter }) => waiter === id))) return pairs;
    }
    return enginePairs(await views.readEngine(admin, true));
  }

  private async lookAtMetadata(admin: Admin): Promise<void> {
    const waiters = await views.readMetadataWaiters(admin);
    if (waiters.length > 0) await this.know(admin, waiters);
    const urgent = waiters.filter((id) => this.mustGoOn(id));
    if (urgent.length === 0) {
      this.report('metadata', [], 0);
      return;
    }
    const pairs = metadataPairs(await views.readMetadataLocks(admin));
    this.connections = await views.readConnections(admin, this.options);
    const waitedMs = Math.max(...urgent.map((id) => this.connections.inStateMs.get(id) ?? 0));
    this.report('metadata', victimsOf(pairs, this), waitedMs);
  }

  private report(what: 'row' | 'metadata', victims: readonly number[], waitedMs: number): void {
    const nowMs = this.options.clock.monotonicMs();
    const { due, fresh } = this.reports[what].due(victims, this.attention.standstill, nowMs);
    this.counts[what] += fresh;
    if (fresh > 0) this.attention.conflict(nowMs);
    if (due.length > 0 && this.running) this.options.onBlocked({ backendIds: due, what, waitedMs });
  }

  /** Learns what these connections are, where that is not known yet. */
  private async know(admin: Admin, ids: readonly number[]): Promise<void> {
    if (ids.every((id) => this.connections.roles.has(id))) return;
    this.connections = await views.readConnections(admin, this.options);
  }

  /** Part of `Roles`. */
  readonly mustGoOn = (id: number): boolean =>
    this.connections.roles.get(id) === 'applier' || this.attention.holds(id);

  /** Part of `Roles`. */
  readonly mayRollBack = (id: number): boolean =>
    this.connections.roles.get(id) === 'session' && this.options.mayRollBack(id);
}
