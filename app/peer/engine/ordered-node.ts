/**
 * The node behind a member whose commits the token orders: stops and re-points its replication as views end and begin,
 * opens and closes the commit queue, and tells the ring where it stands.
 *
 *   up --fence--> fenced --(fetch)--> fetching --begin--> following, queue open
 *                    ^                                        |
 *                    +---------------- fence -----------------+      outside: queue refuses, server read-only
 */
import { type Clock, delay } from '../../base/clock.js';
import { messageOf, RingmasterError } from '../../base/errors.js';
import { Lane } from '../../base/lane.js';
import type { Log } from '../../base/log.js';
import type { FollowStatus, ServerPosition, SqlAddress } from '../../contract/control.js';
import type { Admin } from '../../io/mariadb/admin.js';
import { type Replication, readFollow, readPosition } from '../../io/mariadb/replication.js';
import { lastChange, sequenceOf } from '../../model/gtid.js';
import {
  type GatherReason,
  gatherReasons,
  type MemberId,
  type RingEvent,
  type View,
} from '../../ring/model.js';
import type { RingNode, Standing } from '../ring/ring-node.js';
import { Applied } from './applied.js';
import { CommitQueue } from './commit-queue.js';
import { Horizon } from './horizon.js';

/** A server that does not do what the view asks is asked again, more and more seldom. Milliseconds. */
const againAfterMs = 20;
const againAfterMaxMs = 2_000;
/** How often a node that fetches what a view starts with tells how far it is. Milliseconds. */
const fetchLookMs = 10;
/**
 * In a cluster of so many nodes the successor's acknowledgement makes a majority (design, section 3). Configured nodes
 * count, not members of the view: a joiner that follows us answers in the place of the successor, and in a view of three
 * beside it that would be the majority of nothing.
 */
const successorIsMajority = 3;

export interface OrderedNodeTools {
  readonly node: string;
  readonly member: MemberId;
  /** Nodes of the cluster that have a database, members of the ring or not. */
  readonly configured: number;
  /** A new connection to the node's own server. */
  readonly connect: () => Promise<Admin>;
  /** A new connection to the server of another member. */
  readonly connectTo: (member: MemberId) => Promise<Admin>;
  readonly addressOf: (member: MemberId) => SqlAddress;
  readonly replication: Replication;
  readonly handle: (event: RingEvent) => void;
  /** Does another member wait for the token? */
  readonly othersWant: () => boolean;
  /** Is this peer, looked at this very moment, sure to be in its view? */
  readonly certain: () => boolean;
  /** The applier will have to reach this number, or has reached it. */
  readonly expects: (sequence: number) => void;
  readonly reached: (sequence: number) => void;
  /** This connection commits now, or does no longer. */
  readonly holds: (backendId: number, holds: boolean) => void;
  /** Sessions must be told that nothing can be committed here; null: they may come again. */
  readonly closed: (why: RingmasterError | null) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export class OrderedNode implements RingNode {
  readonly queue: CommitQueue;
  readonly #tools: OrderedNodeTools;
  readonly #applied: Applied;
  readonly #horizon: Horizon;
  readonly #lane = new Lane();
  #up = false;
  #tailCertain = true;
  /** Last change received that is known of. */
  #received = 0;
  /** While a membership is agreed positions are told as answers only. */
  #frozen = false;
  #view: View | null = null;
  #errand = new AbortController();
  #connections = new Map<'order' | 'read', Admin>();

  constructor(tools: OrderedNodeTools) {
    const { clock, log, handle, othersWant, connect, connectTo } = tools;
    this.#tools = tools;
    this.#applied = new Applied(
      connect,
      (applied) => {
        tools.reached(applied);
        this.#tell();
      },
      log,
    );
    this.#horizon = new Horizon({ connectTo, clock, log });
    this.queue = new CommitQueue({
      waiting: (length) => handle({ kind: 'queue', length }),
      committed: (ringId, upTo) => this.#committed(ringId, upTo),
      readSequence: async () => {
        const row = await (await this.#admin('read')).one('SELECT @@global.gtid_binlog_pos AS position');
        return sequenceOf(String(row.position ?? ''));
      },
      othersWant,
      okIsEnough: () => this.#okIsEnough(),
      holds: tools.holds,
      caughtUp: (signal) => this.#caughtUp(signal),
      clock,
      log,
    });
  }

  get ready(): boolean {
    return this.#view !== null && this.queue.isOpen;
  }

  get standing(): Standing {
    const applied = this.#applied.sequence;
    return { received: Math.max(this.#received, applied), applied };
  }

  async serverChanged(up: boolean, clean: boolean): Promise<void> {
    if (up === this.#up) return;
    this.#up = up;
    this.#errand.abort();
    if (!up) {
      this.#tailCertain = this.#tailCertain && clean;
      this.#view = null;
      void this.queue.close();
      for (const connection of this.#connections.values()) connection.destroy();
      this.#connections.clear();
      this.#applied.lost(new RingmasterError('server.not-running', { node: this.#tools.node }));
      this.#tools.handle({ kind: 'server', up: false, tailCertain: clean });
      return;
    }
    this.#start('serverUp', async (admin) => {
      const position = await readPosition(admin, '');
      // Nothing is under way in a server that has just begun: what its log holds is committed.
      this.#applied.reset(Math.max(sequenceOf(position.binlog), sequenceOf(position.applied)));
      this.#received = 0;
      this.seenPosition(position, await readFollow(admin));
      this.#tools.handle({ kind: 'position', ...this.standing });
      this.#tools.handle({ kind: 'server', up: true, tailCertain: this.#tailCertain });
      this.#tailCertain = true;
    });
  }

  /** Somebody looked at the server. */
  seenPosition(position: ServerPosition, follow: FollowStatus | null): void {
    // The log holds a foreign change before the engine has committed it: only the applier's position says "applied".
    this.#applied.seen(sequenceOf(position.applied));
    const logged = Math.max(sequenceOf(position.binlog), sequenceOf(follow?.received ?? ''));
    this.#received = Math.max(this.#received, logged);
    this.#tell();
  }

  async read(): Promise<Standing> {
    const admin = await this.#admin('read');
    const position = await readPosition(admin, '');
    const received = sequenceOf((await readFollow(admin))?.received ?? '');
    this.#applied.seen(sequenceOf(position.applied));
    this.#received = Math.max(sequenceOf(position.binlog), sequenceOf(position.applied), received);
    return this.standing;
  }

  fence(fence: number): void {
    this.#frozen = true;
    this.#view = null;
    const quiet = this.queue.close();
    this.#start('fence', async (admin, signal) => {
      // Commits that wait for a successor which may be gone go on: whether they survive, the next view says.
      await admin.query('SET GLOBAL rpl_semi_sync_master_enabled = OFF');
      await quiet;
      const standing = await this.#readQuiet(admin, await this.#tools.replication.stopReceiving(admin));
      if (!signal.aborted) this.#tools.handle({ kind: 'fenced', fence, ...standing });
    });
  }

  fetch(from: MemberId, upTo: number): void {
    this.#start('fetch', async (admin, signal) => {
      if (!(await this.#goOn(admin, from))) await this.#follow(admin, from, signal);
      for (;;) {
        let standing = await this.read();
        // Told before that, the view may begin, and what it commits would still arrive here: a node that is ahead of its
        // new predecessor cannot connect to it (1236), and the predecessor waits for its acknowledgement to catch up.
        if (standing.received >= upTo) {
          await this.#tools.replication.stopReceiving(admin);
          standing = await this.read();
        }
        const received = Math.min(standing.received, upTo);
        const applied = Math.min(standing.applied, upTo);
        if (signal.aborted) return;
        this.#tools.handle({ kind: 'position', received, applied });
        if (received >= upTo) return;
        await delay(this.#tools.clock, fetchLookMs, signal);
      }
    });
  }

  /**
   * Commits come last. Changes up to the start of the view need no acknowledgement, because every member has received
   * them, and a successor may only connect when its own last change is in our log: an applier that waited for its
   * acknowledgement before that, or a commit of our own before we have connected ourselves, would wait for ever.
   */
  begin(view: View, predecessor: MemberId | null): void {
    // Causal reads ask the new members from now on, however long the server takes to follow.
    this.#horizon.begin(view.members.filter(({ id, arbiter }) => !arbiter && id !== this.#tools.member));
    this.#start('begin', async (admin, signal) => {
      await admin.query('SET GLOBAL read_only = OFF');
      if (signal.aborted) return;
      this.#frozen = false;
      this.#view = view;
      this.#tell();
      if (predecessor === null) await this.#tools.replication.stop(admin, signal);
      else if (!(await this.#goOn(admin, predecessor))) await this.#follow(admin, predecessor, signal);
      await this.#applied.reach(view.start, signal);
      await admin.query(`SET GLOBAL rpl_semi_sync_master_enabled = ${predecessor === null ? 'OFF' : 'ON'}`);
      if (signal.aborted) return;
      this.queue.open(view.start);
      this.#tools.closed(null);
    });
  }

  outside(reason: GatherReason): void {
    const { node } = this.#tools;
    const why = new RingmasterError('session.no-quorum', { node, reason: gatherReasons[reason] });
    this.queue.refuse(why);
    this.#tools.closed(why);
    if (!this.#up) return;
    this.#lane
      .run(async () => (await this.#admin('order')).query('SET GLOBAL read_only = ON'))
      .catch((thrown: unknown) => this.#tools.log.warn({ cause: messageOf(thrown) }, 'not made read-only'));
  }

  commit(ringId: number, after: number, max: number): void {
    this.queue.grant(ringId, after, max);
  }

  acknowledge(upTo: number): void {
    this.queue.acknowledge(upTo);
  }

  safe(upTo: number): void {
    this.queue.reachedEverybody(upTo);
  }

  ordered(sequence: number): void {
    if (!this.#up) return;
    if (sequence > this.#applied.sequence) this.#tools.expects(sequence);
    this.#applied.want(sequence);
  }

  othersWant(): void {
    this.queue.yieldSoon();
  }

  close(): void {
    this.#errand.abort();
    this.queue.end();
    this.#horizon.close();
    this.#applied.lost(new Error('the peer ends'));
    for (const connection of this.#connections.values()) connection.destroy();
  }

  #committed(ringId: number, upTo: number): void {
    // Nobody else commits while this member holds the token: what its log ends with is its own, and committed.
    if (this.#view?.ringId === ringId) this.#applied.seen(upTo);
    this.#received = Math.max(this.#received, upTo);
    this.#tools.handle({ kind: 'committed', ringId, upTo, waiting: this.queue.length });
  }

  #okIsEnough(): boolean {
    return this.#view !== null && this.#tools.configured <= successorIsMajority && this.#tools.certain();
  }

  async #caughtUp(signal: AbortSignal): Promise<void> {
    const goal = await this.#horizon.acknowledged(signal);
    await this.#applied.reach(goal, signal);
  }

  /** Tells the ring where the node stands, unless it is to stand still. */
  #tell(): void {
    if (this.#up && !this.#frozen) this.#tools.handle({ kind: 'position', ...this.standing });
  }

  /** Where it stands when nothing is under way: no commit of its own, no receiving. */
  async #readQuiet(admin: Admin, follow: FollowStatus | null): Promise<Standing> {
    const position = await readPosition(admin, '');
    this.#applied.seen(sequenceOf(position.applied));
    const binlog = sequenceOf(position.binlog);
    // An own change at the end of the log is committed, because none is under way.
    if (lastChange(position.binlog)?.serverId === this.#tools.member) this.#applied.seen(binlog);
    this.#received = Math.max(binlog, sequenceOf(position.applied), sequenceOf(follow?.received ?? ''));
    return this.standing;
  }

  /** Goes on following `member`. @returns false when the node follows another one, or nobody */
  async #goOn(admin: Admin, member: MemberId): Promise<boolean> {
    const predecessor = this.#tools.addressOf(member);
    const follow = await readFollow(admin);
    if (follow?.predecessor?.host !== predecessor.host || follow.predecessor.port !== predecessor.port)
      return false;
    if (follow.applier === 'stopped' && follow.errorNumber !== 0) return false;
    if (follow.receiver === 'stopped') await admin.query('START SLAVE IO_THREAD');
    return true;
  }

  /** Follows `member`: applies what was received, then re-points. */
  async #follow(admin: Admin, member: MemberId, signal: AbortSignal): Promise<void> {
    const predecessor = this.#tools.addressOf(member);
    await this.#tools.replication.follow(admin, { predecessor, fromOwnBinlog: true }, signal);
  }

  /**
   * Begins an errand; the one before it ends at its next step. It is tried again until it is done or another begins.
   */
  #start(name: string, act: (admin: Admin, signal: AbortSignal) => Promise<void>): void {
    this.#errand.abort();
    const errand = new AbortController();
    this.#errand = errand;
    const { signal } = errand;
    const { clock, log } = this.#tools;
    const run = async () => {
      for (let waitMs = againAfterMs; !signal.aborted; waitMs = Math.min(2 * waitMs, againAfterMaxMs)) {
        try {
          await act(await this.#admin('order'), signal);
          return;
        } catch (thrown) {
          if (signal.aborted) return;
          log.warn(
            { errand: name, cause: messageOf(thrown) },
            'the node did not do what its ring asks; again',
          );
        }
        await delay(clock, waitMs, signal).catch(() => undefined);
      }
    };
    void this.#lane.run(run);
  }

  async #admin(purpose: 'order' | 'read'): Promise<Admin> {
    const known = this.#connections.get(purpose);
    if (known && !known.lost) return known;
    const admin = await this.#tools.connect();
    this.#connections.get(purpose)?.destroy();
    this.#connections.set(purpose, admin);
    return admin;
  }
}
