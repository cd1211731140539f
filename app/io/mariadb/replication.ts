/** GTID replication of one node: where it stands, whom it follows, and how it changes whom it follows. */
import { type Clock, delay, waitFor } from '../../base/clock.js';
import { RingmasterError } from '../../base/errors.js';
import type {
  FollowStatus,
  MethodContext,
  PeerSettings,
  ServerPosition,
  SqlAddress,
} from '../../contract/control.js';
import {
  binlogStateAt,
  firstUnknownChange,
  formatGtid,
  lastChange,
  parseGtidList,
  sequenceOf,
} from '../../model/gtid.js';
import { Admin, numberOf, type Row, textOf } from './admin.js';
import { ProgressMeter } from './progress-meter.js';

/** Between two looks at a position that moves, milliseconds: a look costs about 0.3 ms of the server. */
const lookEveryMs = 25;
/** The same for what takes a few milliseconds as a rule while commits wait for it: soon at first, then more seldom. */
const lookAgainAfterMs = (waitedMs: number): number => Math.min(lookEveryMs, 1 + waitedMs / 8);
/** How long a receiver may take to connect to a predecessor that answers. */
const connectPatienceMs = 15_000;
/** How long nothing may move while the predecessor has not yet what we have, or the relay log drains. */
const stallMs = 30_000;
/** ER_MASTER_FATAL_ERROR_READING_BINLOG: among others, our position is not (yet) in the predecessor's binlog. */
const fatalReadError = 1236;

/** Where the server stands. */
export async function readPosition(admin: Admin, oldestBinlog: string): Promise<ServerPosition> {
  const row = await admin.one(
    'SELECT @@global.gtid_binlog_pos AS binlog, @@global.gtid_slave_pos AS applied, @@global.gtid_binlog_state AS state',
  );
  return {
    binlog: textOf(row, 'binlog'),
    applied: textOf(row, 'applied'),
    binlogState: textOf(row, 'state'),
    oldestBinlog,
  };
}

/** Whom it follows and how far it is; null when it follows nobody. */
export async function readFollow(admin: Admin): Promise<FollowStatus | null> {
  const [row] = await admin.query('SHOW SLAVE STATUS');
  return row ? followOf(row) : null;
}

/** One row of SHOW SLAVE STATUS. An applier that was stopped while the receiver goes on is frozen. */
export function followOf(row: Row): FollowStatus {
  const receiving = textOf(row, 'Slave_IO_Running');
  const receiver = receiving === 'Yes' ? 'running' : receiving === 'No' ? 'stopped' : 'connecting';
  const applierError = numberOf(row, 'Last_SQL_Errno') ?? 0;
  const receiverError = numberOf(row, 'Last_IO_Errno') ?? 0;
  const applies = textOf(row, 'Slave_SQL_Running') === 'Yes';
  const host = textOf(row, 'Master_Host');
  const port = numberOf(row, 'Master_Port');
  return {
    predecessor: host === '' || port === null ? null : { host, port },
    receiver,
    applier: applies ? 'running' : receiver !== 'stopped' && applierError === 0 ? 'frozen' : 'stopped',
    received: textOf(row, 'Gtid_IO_Pos'),
    secondsBehind: numberOf(row, 'Seconds_Behind_Master'),
    errorNumber: applierError || receiverError,
    errorText: textOf(row, applierError ? 'Last_SQL_Error' : 'Last_IO_Error'),
  };
}

/** The `sequence` that `serverId` committed last, by a binlog state. */
const sequenceOfServer = (state: string, serverId: number): number =>
  parseGtidList(state).find((gtid) => gtid.serverId === serverId)?.sequence ?? 0;

/**
 * How far the server is on its way to `target`, as a sequence number. The applier's position never shows a node's own
 * commits before they went round the ring: those are looked up in its own binlog.
 */
export function reachedSequence(position: ServerPosition, serverId: number, target: string): number {
  const end = lastChange(target);
  if (!end) return 0;
  return end.serverId === serverId
    ? Math.max(sequenceOfServer(position.binlogState, serverId), sequenceOf(position.binlog))
    : Math.max(sequenceOf(position.applied), appliedThroughBinlog(position, serverId));
}

/**
 * A foreign last change in the binlog was applied, even where `gtid_slave_pos` was not carried over (a restored server).
 * 0 when the last change is the node's own: then the binlog says nothing about the applier.
 */
function appliedThroughBinlog(position: ServerPosition, serverId: number): number {
  const end = lastChange(position.binlog);
  return end && end.serverId !== serverId ? end.sequence : 0;
}

/** The server refused the position that it was asked for. */
const isPurged = (thrown: unknown): boolean =>
  thrown instanceof RingmasterError &&
  thrown.code === 'replication.stopped' &&
  thrown.data.errorNumber === fatalReadError;

export class Replication {
  readonly #settings: PeerSettings;
  readonly #clock: Clock;

  constructor(settings: PeerSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /**
   * Follows `predecessor` from where the node stands.
   *
   * A node whose last changes are its own need not have seen them come round. It begins at what it applied all the same:
   * its server drops its own changes when they come again. Only where the predecessor's binlog does not reach back to that
   * (1236) it begins at its own last commit: CHANGE MASTER with MASTER_DEMOTE_TO_SLAVE (10.10) takes that position under a
   * lock, where SET GLOBAL gtid_slave_pos loses the race against the next commit; but it empties a table for it, which
   * took between 7 ms and a second while the whole ring waited. Either way the predecessor must hold our last change
   * before we follow it.
   * @throws replication.diverged when it never will; replication.stopped, replication.not-caught-up
   */
  async follow(
    admin: Admin,
    { predecessor, fromOwnBinlog }: { predecessor: SqlAddress; fromOwnBinlog: boolean },
    signal: AbortSignal,
  ): Promise<FollowStatus> {
    await this.drainRelayLog(admin, signal);
    await admin.query('STOP SLAVE');
    const { applied, binlog } = await readPosition(admin, '');
    const last = fromOwnBinlog && sequenceOf(binlog) > sequenceOf(applied) ? binlog : applied;
    // Without any applier position there is only the binlog to begin at.
    if (applied === '' && binlog !== '') return this.#begin(admin, predecessor, binlog, true, signal);
    try {
      return await this.#begin(admin, predecessor, last, false, signal);
    } catch (thrown) {
      if (last === applied || !isPurged(thrown)) throw thrown;
      await admin.query('STOP SLAVE');
      return await this.#begin(admin, predecessor, last, true, signal);
    }
  }

  /** @param last what the predecessor must hold first  @param demote begin at the own last commit */
  async #begin(
    admin: Admin,
    predecessor: SqlAddress,
    last: string,
    demote: boolean,
    signal: AbortSignal,
  ): Promise<FollowStatus> {
    const { user, password } = this.#settings.replication;
    await Promise.all([
      admin.query(
        `CHANGE MASTER TO MASTER_HOST=?, MASTER_PORT=?, MASTER_USER=?, MASTER_PASSWORD=?, MASTER_USE_GTID=slave_pos,
         MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1${demote ? ', MASTER_DEMOTE_TO_SLAVE=1' : ''}`,
        [predecessor.host, predecessor.port, user, password],
      ),
      this.#untilHeldBy(predecessor, last, signal),
    ]);
    await admin.query('START SLAVE');
    return this.#untilConnected(admin, signal);
  }

  /** Applies what was received, stops, and forgets the predecessor. */
  async stop(admin: Admin, signal: AbortSignal): Promise<void> {
    if (!(await this.drainRelayLog(admin, signal))) return;
    await admin.query('STOP SLAVE');
    await admin.query('RESET SLAVE ALL');
  }

  async freeze(admin: Admin): Promise<void> {
    await admin.query('STOP SLAVE SQL_THREAD');
  }

  async unfreeze(admin: Admin): Promise<void> {
    if (!(await readFollow(admin))) return;
    await admin.query('START SLAVE');
  }

  /**
   * Stops the receiver. A frozen applier goes on first: when both threads were stopped, the next start throws the relay
   * log away (replication facts, TRAP 8), and with it what may have been acknowledged on the strength of it.
   * @returns where it stands then; null when the node follows nobody
   */
  async stopReceiving(admin: Admin): Promise<FollowStatus | null> {
    const follow = await readFollow(admin);
    if (!follow) return null;
    const frozen = follow.applier !== 'running' && follow.errorNumber === 0;
    if (frozen) await admin.query('START SLAVE SQL_THREAD');
    else if (follow.receiver === 'stopped') return follow;
    await admin.query('STOP SLAVE IO_THREAD');
    return await readFollow(admin);
  }

  /**
   * Waits until the server has applied `position`. Never gives up while it moves.
   * @throws replication.stopped when the applier has an error, replication.not-caught-up when nothing moved for
   *   `stallSeconds`, replication.diverged when it has another change with that number.
   */
  async waitFor(
    admin: Admin,
    { position, stallSeconds }: { position: string; stallSeconds: number },
    { signal, progress }: MethodContext,
  ): Promise<void> {
    const end = lastChange(position);
    if (!end) return;
    let meter: ProgressMeter | null = null;
    for (;;) {
      signal.throwIfAborted();
      const [now, follow] = [await readPosition(admin, ''), await readFollow(admin)];
      const reached = reachedSequence(now, this.#settings.serverId, position);
      meter ??= new ProgressMeter(this.#clock, {
        unit: 'changes',
        total: Math.max(0, end.sequence - reached),
        from: reached,
      });
      meter.reach(reached);
      if (reached >= end.sequence) {
        const mine = lastChange(now.binlog);
        if (mine && mine.sequence === end.sequence && mine.serverId !== end.serverId)
          throw new RingmasterError('replication.diverged', {
            node: this.#settings.node,
            gtid: formatGtid(mine),
          });
        progress(meter.view());
        return;
      }
      this.#refuseStopped(follow);
      if (meter.stalledMs() > stallSeconds * 1000) throw this.#notCaughtUp(position, now, stallSeconds);
      meter.reportTo(progress);
      await delay(this.#clock, lookEveryMs, signal);
    }
  }

  /**
   * Lets a frozen applier go on exactly to `position` and leaves it frozen there.
   *
   * The server refuses SQL_THREAD UNTIL master_gtid_pos while the receiver runs (1254), so both are stopped and started
   * UNTIL together: the relay log is fetched again from the applied position, and the predecessor ends it at `position`.
   * A receiver started alone would still carry the UNTIL and stop at once; starting the applier, which has nothing left
   * to apply then, clears it. Then the receiver alone is started: what arrives is cached again.
   */
  async applyUntil(
    admin: Admin,
    { position, stallSeconds }: { position: string; stallSeconds: number },
    context: MethodContext,
  ): Promise<void> {
    const end = lastChange(position);
    if (!end) return;
    const before = await readPosition(admin, '');
    if (reachedSequence(before, this.#settings.serverId, position) > end.sequence)
      throw this.#notCaughtUp(position, before, 0);
    await admin.query('STOP SLAVE');
    await admin.query('START SLAVE UNTIL master_gtid_pos = ?', [position]);
    await this.waitFor(admin, { position, stallSeconds }, context);
    // The receiver stops when it met the end of UNTIL, a moment after the applier.
    await waitFor(
      this.#clock,
      async () => ((await readFollow(admin))?.applier === 'stopped' ? true : undefined),
      { everyMs: lookEveryMs, timeoutMs: stallMs, signal: context.signal },
    );
    await admin.query('STOP SLAVE');
    await admin.query('START SLAVE SQL_THREAD');
    await admin.query('STOP SLAVE SQL_THREAD');
    await admin.query('START SLAVE IO_THREAD');
  }

  /**
   * After a start: the applied position must not be ahead of the binlog.
   *
   * In a ring a node's own change comes round before its own engine has committed it (it waits for the acknowledgement,
   * AFTER_SYNC), and `gtid_slave_pos` then says "applied". A crash at that moment takes the change back, but not the
   * position: following from there would leave it out for ever (seen on 10.11: 6 rows lost by a kill -9). What the binlog
   * holds is what is there; the rest comes back from the ring, because a semi-sync slave takes its own changes when they
   * are later than its binlog (MDEV-27760).
   */
  async mendPosition(admin: Admin): Promise<void> {
    const { applied, binlog } = await readPosition(admin, '');
    if (binlog !== '' && sequenceOf(applied) > sequenceOf(binlog))
      await admin.query('SET GLOBAL gtid_slave_pos = ?', [binlog]);
  }

  /** Gives a server that runs on a copy the copy's position, as if it had applied everything up to it. */
  async setPosition(admin: Admin, position: string, donorBinlogState: string): Promise<void> {
    await admin.query('STOP SLAVE');
    await admin.query('RESET SLAVE ALL');
    // The order matters: the state can be set on an empty binlog only, and strict mode compares the position with it.
    await admin.query('RESET MASTER');
    await admin.query('SET GLOBAL gtid_binlog_state = ?', [binlogStateAt(donorBinlogState, position)]);
    await admin.query('SET GLOBAL gtid_slave_pos = ?', [position]);
  }

  /**
   * Stops the receiver and lets the applier finish what it received: re-pointing deletes the relay log, and what the
   * predecessor alone acknowledged would be gone with it.
   * @returns false when the node follows nobody
   */
  async drainRelayLog(admin: Admin, signal: AbortSignal): Promise<boolean> {
    const stopped = await this.stopReceiving(admin);
    if (!stopped) return false;
    if (sequenceOf(stopped.received) === 0) return true;
    const beganMs = this.#clock.monotonicMs();
    const meter = new ProgressMeter(this.#clock, { unit: 'changes', total: null, from: 0 });
    for (let follow: FollowStatus | null = stopped; ; follow = await readFollow(admin)) {
      signal.throwIfAborted();
      const now = await readPosition(admin, '');
      if (!follow || sequenceOf(now.applied) >= sequenceOf(follow.received)) return true;
      // An error of the receiver does not matter any more; one of the applier does.
      if (follow.applier !== 'running') this.#refuseStopped(follow);
      meter.reach(sequenceOf(now.applied));
      if (meter.stalledMs() > stallMs) throw this.#notCaughtUp(follow.received, now, stallMs / 1000);
      await delay(this.#clock, lookAgainAfterMs(this.#clock.monotonicMs() - beganMs), signal);
    }
  }

  /** Waits until the predecessor's binlog holds the position that we would ask it for. */
  async #untilHeldBy(predecessor: SqlAddress, start: string, signal: AbortSignal): Promise<void> {
    if (start === '') return;
    const name = `${predecessor.host}:${predecessor.port}`;
    const neighbour = await Admin.neighbour(name, predecessor, this.#settings.replication);
    try {
      const beganMs = this.#clock.monotonicMs();
      const meter = new ProgressMeter(this.#clock, { unit: 'changes', total: null, from: 0 });
      for (;;) {
        signal.throwIfAborted();
        const { binlogState } = await readPosition(neighbour, '');
        const unknown = firstUnknownChange(start, binlogState);
        if (!unknown) return;
        const reached = sequenceOf(binlogState);
        meter.reach(reached);
        const passed = reached >= unknown.sequence;
        // A copied server knows nothing of servers before its copy: then the server itself is the judge (1236).
        if (passed && sequenceOfServer(binlogState, unknown.serverId) === 0) return;
        // It gave our number to another change, or stands still before it.
        if (passed || meter.stalledMs() > stallMs)
          throw new RingmasterError('replication.diverged', {
            node: this.#settings.node,
            gtid: formatGtid(unknown),
          });
        await delay(this.#clock, lookAgainAfterMs(this.#clock.monotonicMs() - beganMs), signal);
      }
    } finally {
      await neighbour.close();
    }
  }

  /** Waits until the receiver is connected. */
  async #untilConnected(admin: Admin, signal: AbortSignal): Promise<FollowStatus> {
    const beganMs = this.#clock.monotonicMs();
    for (;;) {
      signal.throwIfAborted();
      const follow = await readFollow(admin);
      if (follow?.receiver === 'running') return follow;
      this.#refuseStopped(follow);
      const waitedMs = this.#clock.monotonicMs() - beganMs;
      if (waitedMs > connectPatienceMs)
        throw new RingmasterError('replication.stopped', {
          node: this.#settings.node,
          errorNumber: follow?.errorNumber ?? 0,
          message:
            follow?.errorText || `no connection to the predecessor within ${connectPatienceMs / 1000} s`,
        });
      await delay(this.#clock, lookAgainAfterMs(waitedMs), signal);
    }
  }

  /** @throws replication.stopped when the applier or the receiver gave up */
  #refuseStopped(follow: FollowStatus | null): void {
    if (!follow || follow.errorNumber === 0) return;
    const gaveUp =
      follow.applier === 'stopped' ||
      (follow.receiver === 'stopped' && follow.errorNumber === fatalReadError);
    if (gaveUp)
      throw new RingmasterError('replication.stopped', {
        node: this.#settings.node,
        errorNumber: follow.errorNumber,
        message: follow.errorText,
      });
  }

  #notCaughtUp(position: string, now: ServerPosition, seconds: number): RingmasterError {
    return new RingmasterError('replication.not-caught-up', {
      node: this.#settings.node,
      position,
      seconds,
      reached: now.applied || now.binlog || 'the beginning',
    });
  }
}
