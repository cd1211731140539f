/**
 * Takes sessions to another node: those whose node is lost, and all of a node that is drained. A session moves when its
 * client is silent and no transaction is open; what it has is restored by its machine (app/wire/session/moving.ts).
 */
import type { Socket } from 'node:net';
import { drain } from '../../balance/drain.js';
import { type Clock, delay } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { errorPacket } from '../../wire/session/errors.js';
import { type Elsewhere, type NodeAddress, type Seat, sameNode } from './seat.js';
import type { Session } from './session.js';
import { connectToNode } from './sockets.js';

/** Sessions that log in on another node at the same time: more of them would only wait there. */
const atOnceMax = 64;
/** How long a node may take to answer before it counts as lost. */
const answerMs = 2_000;
/** How often it is looked whether a session of a drained node has become idle. */
const drainEveryMs = 20;
/** The same for sessions that may come home, where nobody waits for it. */
const homeEveryMs = 200;
/** A session that could not come home so often stays where it is. */
const homeTriesMax = 3;

export interface Drained {
  readonly moved: number;
  /** Ended at the deadline: they were working, or have something that cannot move. */
  readonly ended: number;
}

export class Mover {
  private moving = 0;
  private readonly queue: (() => void)[] = [];
  /** Whether a node still answers, while that is being found out. */
  private readonly asked = new Map<string, Promise<boolean>>();
  private readonly hashes = new Map<string, Promise<readonly Buffer[]>>();
  /** Sessions that are on their way, or look for one, and how many see to that: a node may go while a session leaves it. */
  private readonly onTheWay = new Map<Session, number>();
  private lastSeat = 0;

  constructor(
    private readonly elsewhere: Elsewhere,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** The connection of a silent session is gone. If its node still answers, it was killed there, and stays dead. */
  async rescue(session: Session): Promise<void> {
    const lost = session.node;
    // From the beginning: whoever turns all sessions away meanwhile leaves this one to us.
    const done = this.seeTo(session);
    try {
      const killed = await this.answers(lost);
      // Whoever was moving it when its node went away has found it another one.
      if (!session.homeless) return;
      if (killed) {
        session.end(errorPacket('session.killed'));
        return;
      }
      if (session.reasonToStay !== null) {
        session.leave(session.reasonToStay);
        return;
      }
      if (!(await this.moveToAny(session)) && session.homeless) session.leave('no other node could take it');
    } finally {
      done();
    }
  }

  /** Is somebody seeing to it that this session gets to another node? */
  isOnTheWay(session: Session): boolean {
    return this.onTheWay.has(session);
  }

  /** Tries the other nodes in turn, beginning with the next one, so that many sessions spread. @returns whether it moved */
  async moveToAny(session: Session): Promise<boolean> {
    const done = this.seeTo(session);
    try {
      const seats = this.elsewhere.seats(session.node);
      const first = this.lastSeat++;
      for (const index of seats.keys()) {
        const seat = seats[(first + index) % seats.length] as Seat;
        const problem = await this.inTurn(() => this.move(session, seat));
        if (problem === null || session.isClosed) return true;
        this.log.info({ node: seat.node, problem }, 'a session could not move to this node');
      }
      return false;
    } finally {
      done();
    }
  }

  /** @returns what says that it is over */
  private seeTo(session: Session): () => void {
    this.onTheWay.set(session, (this.onTheWay.get(session) ?? 0) + 1);
    return () => {
      const left = (this.onTheWay.get(session) ?? 1) - 1;
      if (left > 0) this.onTheWay.set(session, left);
      else this.onTheWay.delete(session);
    };
  }

  /**
   * Takes sessions that are on other nodes to `home` as soon as they are idle, until none is left that can move.
   * @param sessions those of the front end at any moment
   */
  async bringHome(sessions: () => readonly Session[], home: Seat, signal: AbortSignal): Promise<void> {
    const tries = new Map<Session, number>();
    const away = () =>
      sessions().filter(
        (session) =>
          !sameNode(session.node, home.node) &&
          !session.isClosed &&
          session.reasonToStay === null &&
          (tries.get(session) ?? 0) < homeTriesMax,
      );
    for (let left = away(); left.length > 0 && !signal.aborted; left = away()) {
      const ready = left.filter((session) => session.idle && !this.onTheWay.has(session));
      await Promise.all(
        ready.map(async (session) => {
          if (signal.aborted) return;
          tries.set(session, (tries.get(session) ?? 0) + 1);
          const done = this.seeTo(session);
          const problem = await this.inTurn(() => this.move(session, home));
          done();
          if (problem !== null && !session.isClosed)
            this.log.debug({ problem }, 'a session did not come home');
        }),
      );
      await delay(this.clock, homeEveryMs, signal).catch(() => undefined);
    }
  }

  /**
   * Empties `node` within `withinMs`: idle sessions leave at once, working ones when their transaction ends. At the end
   * those that are left are ended, except where a commit is on its way.
   * @param sessions those of the front end at any moment
   */
  async drain(sessions: () => readonly Session[], node: NodeAddress, withinMs: number): Promise<Drained> {
    const deadlineMs = this.clock.monotonicMs() + withinMs;
    const counts = { moved: 0, ended: 0 };
    const { onTheWay } = this;
    const move = async (session: Session) => {
      if ((await this.moveToAny(session)) && !session.isClosed) counts.moved++;
    };
    for (;;) {
      const left = sessions().filter((session) => sameNode(session.node, node) && !session.isClosed);
      const now = this.clock.monotonicMs();
      const named = new Map(left.map((session, index) => [String(index), session]));
      const verdict = drain(
        [...named].map(([id, session]) => ({
          id,
          idle: session.idle && session.reasonToStay === null,
          committing: session.committing,
        })),
        deadlineMs,
        now,
      );
      if (left.length === 0 || (verdict.leftMs === 0 && onTheWay.size === 0 && verdict.end.length === 0))
        return counts;
      for (const id of verdict.end) {
        const session = named.get(id) as Session;
        if (onTheWay.has(session)) continue;
        if (verdict.leftMs > 0) void move(session);
        else {
          counts.ended++;
          session.leave(session.reasonToStay ?? 'the time to leave its node is over');
        }
      }
      await delay(this.clock, drainEveryMs);
    }
  }

  /** @returns why it did not, null when the session lives there now */
  private async move(session: Session, seat: Seat): Promise<string | null> {
    if (session.isClosed) return 'its client went away';
    let socket: Socket | null = null;
    try {
      const [connected, hashes] = await Promise.all([
        this.connected(seat.node),
        this.hashesOf(seat.node, session.user),
      ]);
      socket = connected;
      return await session.moveTo(seat, socket, hashes);
    } catch (error) {
      socket?.destroy();
      return messageOf(error);
    }
  }

  private connected(node: NodeAddress): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connectToNode(node);
      const late = this.clock.after(answerMs, () => socket.destroy(new Error('it did not answer in time')));
      const fail = (error?: Error) => {
        late.cancel();
        reject(error ?? new Error('it closed the connection'));
      };
      socket.once('error', fail);
      socket.once('close', fail);
      socket.once('connect', () => {
        late.cancel();
        socket.off('error', fail);
        socket.off('close', fail);
        // Nothing is read before the session listens.
        socket.pause();
        resolve(socket);
      });
    });
  }

  /** Shared by the sessions that move at the same time, and forgotten with the last of them. */
  private hashesOf(node: NodeAddress, user: string): Promise<readonly Buffer[]> {
    const key = `${node.host}:${node.port} ${user}`;
    const known = this.hashes.get(key);
    if (known !== undefined) return known;
    const asked = this.elsewhere.passwordHashes(node, user);
    this.hashes.set(key, asked);
    const forget = () => this.clock.after(answerMs, () => this.hashes.delete(key));
    asked.then(forget, forget);
    return asked;
  }

  /** Does the node greet those who connect? */
  private answers(node: NodeAddress): Promise<boolean> {
    const key = `${node.host}:${node.port}`;
    const known = this.asked.get(key);
    if (known !== undefined) return known;
    const asked = new Promise<boolean>((resolve) => {
      const socket = connectToNode(node);
      const settle = (answers: boolean) => {
        late.cancel();
        this.asked.delete(key);
        socket.destroy();
        resolve(answers);
      };
      const late = this.clock.after(answerMs, () => settle(false));
      socket.once('data', () => settle(true));
      socket.once('error', () => settle(false));
      socket.once('close', () => settle(false));
    });
    this.asked.set(key, asked);
    return asked;
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.moving >= atOnceMax) await new Promise<void>((resolve) => this.queue.push(resolve));
    else this.moving++;
    try {
      return await work();
    } finally {
      const next = this.queue.shift();
      if (next) next();
      else this.moving--;
    }
  }
}
