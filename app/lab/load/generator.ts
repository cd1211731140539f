/** The load generator: all its sessions, where they sit, and how they move when the nodes to use change. */
import type { Clock, Timer } from '../../base/clock.js';
import type { Random } from '../../base/random.js';
import type { LoadSettings } from '../../model/cluster.js';
import { purgeable } from './bank.js';
import {
  addressKey,
  type LoadAddress,
  type LoadStats,
  type LoadTargets,
  type SchemaReport,
} from './contract.js';
import { Limiter } from './limiter.js';
import { prepareSchema } from './schema.js';
import { LoadSession, type SessionOwner } from './session.js';
import { evenOut, leastLoaded } from './spread.js';
import { type Login, SqlSession } from './sql-session.js';
import { Statistics } from './statistics.js';
import { Turnstile } from './turnstile.js';

/** Connections that are opened at the same time, over all nodes. */
const openingMax = 16;
/** How long a session may hold a node that must be left, or a write on the old writer, before it is cut. */
const drainMs = 10_000;
/** How long sessions have to end when the generator stops. */
const stopMs = 5_000;
/** How often the spread is looked at, and the share of all sessions that may move each time. */
const evenOutEveryMs = 200;
const moveShare = 0.02;
/** A node that does not answer is left alone for this long, doubled each time, up to the maximum. */
const restMs = 100;
const restMsMax = 2_000;
/** How long a session without a node waits before it looks again by itself. */
const lookAgainMs = 100;

interface Rest {
  readonly failures: number;
  readonly untilMs: number;
}

/** The generator as its process sees it; works from construction until `stop`. */
export class LoadGenerator implements SessionOwner {
  readonly statistics: Statistics;
  readonly turnstile: Turnstile;
  readonly nextPurge = purgeable();
  private readonly sessions = new Map<LoadSession, Promise<void>>();
  private readonly resting = new Map<string, Rest>();
  private readonly opening = new Limiter(openingMax);
  private readonly evenOutTimer: Timer;
  private servers = new Map<string, LoadAddress>();
  private writers = new Set<string>();
  private settled: (() => void)[] = [];
  private onTargets: (() => void)[] = [];
  private stopping = false;

  constructor(
    readonly clock: Clock,
    readonly random: Random,
    private readonly login: Login,
    private settings: LoadSettings,
  ) {
    this.statistics = new Statistics(clock);
    this.turnstile = new Turnstile(clock, settings.writePercent, settings.targetRate);
    this.evenOutTimer = clock.every(evenOutEveryMs, () => this.evenOut());
    this.setSettings(settings);
  }

  /** Opens or ends sessions, each after its transaction, and changes share and rate at once. */
  setSettings(settings: LoadSettings): void {
    this.settings = settings;
    this.turnstile.configure(settings.writePercent, settings.targetRate);
    const live = [...this.sessions.keys()].filter((session) => !session.isRetired);
    for (let count = live.length; count < settings.connections; count++) this.addSession();
    const surplus = Math.max(0, live.length - settings.connections);
    // Those with the highest places in an order that alternates between nodes: the spread stays even.
    for (const session of interleaved(live).slice(0, surplus)) session.retire();
    if (surplus > 0) this.wakeAll();
  }

  /**
   * Moves to these nodes. Resolves when no session is left on any other and no write is in flight on a node that
   * takes none. A session that does not let go within ten seconds is cut; its transaction is then made again elsewhere.
   */
  async setTargets(targets: LoadTargets): Promise<void> {
    this.writers = new Set(targets.writers.map(addressKey));
    const all = [...targets.writers, ...targets.readers];
    this.servers = new Map(all.map((server) => [addressKey(server), server]));
    for (const key of this.resting.keys()) if (!this.servers.has(key)) this.resting.delete(key);
    this.turnstile.setWriterExists(this.writers.size > 0);
    for (const session of this.sessions.keys()) {
      if (session.node !== null && !this.isTarget(session.node)) session.stopOpening();
    }
    this.wakeAll();
    const lastResort = this.clock.after(drainMs, () => {
      for (const session of this.strays()) session.cut();
    });
    while (this.strays().length > 0) await new Promise<void>((resolve) => this.settled.push(resolve));
    lastResort.cancel();
  }

  /** Makes the bank's tables and rows, if they are missing. @throws RingmasterError load.schema-failed */
  prepareSchema(writer: LoadAddress): Promise<SchemaReport> {
    return prepareSchema(writer, this.login);
  }

  stats(): LoadStats {
    const { statistics } = this;
    return {
      connected: [...this.sessions.keys()].filter((session) => session.seated).length,
      sessions: Object.fromEntries(this.counts()),
      transactions: statistics.transactions,
      failedTransactions: statistics.failedTransactions,
      retriedTransactions: statistics.retriedTransactions,
      unknownOutcomes: statistics.unknownOutcomes,
      sample: statistics.cut(),
      lastError: statistics.lastError,
    };
  }

  /** Ends all sessions, each after its transaction where that is possible within five seconds. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.evenOutTimer.cancel();
    for (const session of this.sessions.keys()) session.retire();
    this.wakeAll();
    const lastResort = this.clock.after(stopMs, () => {
      for (const session of this.sessions.keys()) session.abandon();
      this.wakeAll();
    });
    await Promise.all(this.sessions.values());
    lastResort.cancel();
  }

  open(server: LoadAddress, signal: AbortSignal): Promise<SqlSession> {
    return this.opening.run(() => SqlSession.open(server, this.login, signal));
  }

  choose(session: LoadSession): LoadAddress | undefined {
    const nowMs = this.clock.monotonicMs();
    const candidates = session.needsWriter ? this.writers : this.servers.keys();
    const awake = [...candidates].filter((key) => (this.resting.get(key)?.untilMs ?? 0) <= nowMs);
    const key = leastLoaded(awake, this.counts());
    return key === undefined ? undefined : this.servers.get(key);
  }

  isTarget(key: string): boolean {
    return this.servers.has(key);
  }

  isWriter(key: string): boolean {
    return this.writers.has(key);
  }

  nodeFailed(key: string): void {
    const nowMs = this.clock.monotonicMs();
    const before = this.resting.get(key);
    // Many sessions lose the same node in the same moment: that is one failure.
    if (before && before.untilMs > nowMs) return;
    const failures = (before?.failures ?? 0) + 1;
    const pauseMs = Math.min(restMs * 2 ** (failures - 1), restMsMax) * (0.75 + this.random.next() / 2);
    this.resting.set(key, { failures, untilMs: nowMs + pauseMs });
  }

  nodeAnswered(key: string): void {
    this.resting.delete(key);
  }

  targetsChanged(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        resolve();
      };
      const timer = this.clock.after(lookAgainMs * (0.5 + this.random.next()), () => {
        this.onTargets = this.onTargets.filter((waiting) => waiting !== done);
        resolve();
      });
      this.onTargets.push(done);
    });
  }

  sessionChanged(): void {
    if (this.settled.length === 0) return;
    for (const look of this.settled.splice(0)) look();
  }

  private addSession(): void {
    const session = new LoadSession(this);
    const running = session.run().finally(() => this.sessions.delete(session));
    this.sessions.set(session, running);
  }

  /** Sessions that keep `setTargets` waiting. */
  private strays(): LoadSession[] {
    return [...this.sessions.keys()].filter(
      ({ node, writing }) => node !== null && (!this.isTarget(node) || (writing && !this.isWriter(node))),
    );
  }

  private counts(): Map<string, number> {
    const counts = new Map([...this.servers.keys()].map((key) => [key, 0]));
    for (const { node } of this.sessions.keys()) {
      if (node !== null) counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    return counts;
  }

  private wakeAll(): void {
    this.turnstile.sendAway();
    for (const wake of this.onTargets.splice(0)) wake();
  }

  /** Asks a few sessions to sit elsewhere, so that a node that was added gets its share within a few seconds. */
  private evenOut(): void {
    if (this.stopping) return;
    const nowMs = this.clock.monotonicMs();
    const awake = [...this.servers.keys()].filter((key) => (this.resting.get(key)?.untilMs ?? 0) <= nowMs);
    const movesMax = Math.max(1, Math.ceil(this.settings.connections * moveShare));
    const moves = evenOut(awake, this.counts(), movesMax);
    for (const { from } of moves) {
      const mover = [...this.sessions.keys()].find(
        (session) => session.node === from && session.seated && !session.moving,
      );
      if (mover) mover.moving = true;
    }
    if (moves.length > 0) this.turnstile.sendAway();
  }
}

/** Sessions in an order that takes one from each node in turn, the most loaded node first. */
function interleaved(sessions: readonly LoadSession[]): LoadSession[] {
  const byNode = new Map<string | null, LoadSession[]>();
  for (const session of sessions) {
    const group = byNode.get(session.node);
    if (group) group.push(session);
    else byNode.set(session.node, [session]);
  }
  const ranked = [...byNode.values()].flatMap((group) =>
    group.map((session, index) => ({ session, left: group.length - index })),
  );
  return ranked.sort((a, b) => b.left - a.left).map(({ session }) => session);
}
