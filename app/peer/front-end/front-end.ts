/**
 * The MySQL address of one peer: takes clients, opens a connection to the node for each, and lets a session relay
 * between them. Passwords are proved to the node itself.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../../base/clock.js';
import { messageOf, RingmasterError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { type ErrorPacket, encodeError, framed } from '../../wire/packets/responses.js';
import { defaultSessionOptions, type SessionOptions } from '../../wire/session/protocol.js';
import type { CommitGate } from './gate.js';
import { type Drained, Mover } from './mover.js';
import { type Elsewhere, type NodeAddress, type Seat, sameNode } from './seat.js';
import { Session } from './session.js';
import { acceptClient, connectToNode } from './sockets.js';

/** How long commits that are on their way may take when the front end closes. */
const closeMs = 5_000;

/** As `connect_timeout` of MariaDB. */
const loginMsDefault = 10_000;

/** Connection ids that clients see: the node's number above these bits, a counter below. */
const counterBits = 24;
const counterMask = 2 ** counterBits - 1;

const tooMany: ErrorPacket = { errorNumber: 1040, sqlState: '08004', message: 'Too many connections' };

export interface FrontEndOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** The node: over TCP, because a local socket would log clients in as this process's user. */
  readonly node: NodeAddress;
  /**
   * Tells the nodes where clients come from by the PROXY protocol, so that the host part of accounts means the client's
   * host. The nodes must trust this host (`proxy_protocol_networks`): the others refuse the connection. Off by itself.
   */
  readonly proxyProtocol?: boolean;
  /** 1 to 127, unique in the cluster; null shows clients the node's own connection ids. */
  readonly nodeNumber: number | null;
  /** Sessions at the same time; the next one is refused with error 1040. */
  readonly sessionsMax: number;
  /** How long a client may take from its connection to its login, in milliseconds; 10 seconds where it is not said. */
  readonly loginMs?: number;
  /** Certificate and key in PEM form, where clients are offered TLS. */
  readonly tls: { readonly certificate: string; readonly key: string } | null;
  readonly gate: CommitGate;
  readonly session?: Partial<Omit<SessionOptions, 'connectionId' | 'tls'>>;
  /** Interrupts the running statement of a connection of the node. */
  readonly killQuery: (backendId: number) => Promise<void>;
  /** Other nodes for sessions that have to leave theirs; null where there are none. */
  readonly elsewhere?: Elsewhere | null;
  readonly clock: Clock;
  readonly log: Log;
}

/** Counted since the front end opened. */
export interface FrontEndCounts {
  conflict: number;
  retry: number;
  caught: number;
  malformed: number;
  refused: number;
}

export class FrontEnd {
  private readonly sessions = new Map<number, Session>();
  private readonly sockets = new Set<Socket>();
  private lastId = 0;
  /** Told, while the front end closes, that the last client is gone. */
  private whenEmpty: () => void = () => undefined;
  /** Why nobody is taken now. */
  private away: ErrorPacket | null = null;
  readonly counts: FrontEndCounts = { conflict: 0, retry: 0, caught: 0, malformed: 0, refused: 0 };

  /** Where new sessions are placed, in turn. */
  private seats: readonly Seat[];
  private lastSeat = 0;
  private readonly home: Seat;
  private homecoming = new AbortController();
  private readonly mover: Mover | null;

  private constructor(
    private readonly server: Server,
    private readonly secureContext: SecureContext | null,
    private readonly options: FrontEndOptions,
  ) {
    const { node, gate, killQuery, elsewhere, clock, log } = options;
    this.home = { node, gate, killQuery };
    this.seats = [this.home];
    this.mover = elsewhere ? new Mover(this.withHome(elsewhere), clock, log) : null;
  }

  /** The own node is a place to go on for those that lost another one, while it takes sessions. */
  private withHome(elsewhere: Elsewhere): Elsewhere {
    return {
      passwordHashes: (node, user) => elsewhere.passwordHashes(node, user),
      seats: (lost) => {
        const takesSessions = this.away === null && this.seats.includes(this.home);
        const home = takesSessions && !sameNode(lost, this.home.node) ? [this.home] : [];
        return [...elsewhere.seats(lost), ...home];
      },
    };
  }

  /**
   * Places sessions that come from now on, in turn, on these nodes; none: on the front end's own. Those that are there
   * stay: see `leaveHome` and `comeHome`.
   */
  place(seats: readonly Seat[]): void {
    this.seats = seats.length > 0 ? seats : [this.home];
    this.homecoming.abort();
  }

  /**
   * Empties the front end's own node: idle sessions move to the others without their clients noticing, working ones when
   * their transaction ends. After `withinMs` the rest is ended, with error 1213 in a transaction and an error that says
   * why otherwise.
   */
  async leaveHome(withinMs: number): Promise<Drained> {
    this.homecoming.abort();
    if (!this.mover) return { moved: 0, ended: 0 };
    return this.mover.drain(() => [...this.sessions.values()], this.home.node, withinMs);
  }

  /** The own node takes sessions: those that had to leave it come back as they become idle, until `place` or `leaveHome`. */
  async comeHome(): Promise<void> {
    this.place([]);
    this.homecoming = new AbortController();
    await this.mover?.bringHome(() => [...this.sessions.values()], this.home, this.homecoming.signal);
  }

  /**
   * Opens the address.
   * @throws RingmasterError host.port-in-use, host.path-denied
   */
  static async open(options: FrontEndOptions): Promise<FrontEnd> {
    const { host, port, tls } = options;
    const secureContext = tls ? createSecureContext({ cert: tls.certificate, key: tls.key }) : null;
    const server = createServer({
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      pauseOnConnect: secureContext === null,
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          error.code === 'EADDRINUSE'
            ? new RingmasterError('host.port-in-use', { host, port }, { cause: error })
            : new RingmasterError('host.path-denied', { host, path: `port ${port}`, cause: error.message }),
        ),
      );
      server.listen(port, host, resolve);
    });
    const frontEnd = new FrontEnd(server, secureContext, options);
    // Where TLS may follow, Node's own socket lies below it.
    server.on('connection', (socket) => frontEnd.admit(secureContext ? socket : acceptClient(socket)));
    return frontEnd;
  }

  /** The port that it listens on. */
  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' && address ? address.port : this.options.port;
  }

  get sessionCount(): number {
    return this.sessions.size;
  }

  /** The session on a connection of its own node: the applier's blockers are named by those ids. */
  findByBackendId(backendId: number): Session | undefined {
    const { node } = this.options;
    for (const session of this.sessions.values())
      if (session.backendId === backendId && sameNode(session.node, node)) return session;
    return undefined;
  }

  /** All sessions with the ids that their clients know. */
  list(): readonly (readonly [number, Session])[] {
    return [...this.sessions];
  }

  /**
   * The own node takes no sessions: those on it that can go on elsewhere do, the others end with `error`, and newcomers
   * are answered with it unless they are placed elsewhere. Null: they may come again.
   */
  turnAway(error: ErrorPacket | null): void {
    this.away = error;
    if (!error) return;
    for (const session of this.sessions.values()) {
      if (!sameNode(session.node, this.home.node) || this.mover?.isOnTheWay(session)) continue;
      if (this.mover && session.idle && session.reasonToStay === null)
        void this.sendAway(this.mover, session, error);
      else session.end(error);
    }
  }

  private async sendAway(mover: Mover, session: Session, error: ErrorPacket): Promise<void> {
    const moved = await mover.moveToAny(session).catch((thrown: unknown) => {
      this.options.log.error({ cause: messageOf(thrown) }, 'a session could not be moved');
      return false;
    });
    // Its node may have gone meanwhile: then it is seen to already, or has arrived elsewhere.
    if (!moved && !session.homeless && sameNode(session.node, this.home.node)) session.end(error);
  }

  /** Takes no more clients, ends every session with `error`, and waits until all are gone: not longer than seven seconds. */
  async close(error: ErrorPacket): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    const empty = new Promise<void>((resolve) => {
      this.whenEmpty = resolve;
    });
    if (this.sockets.size === 0) this.whenEmpty();
    this.homecoming.abort();
    for (const session of this.sessions.values()) session.end(error);
    const late = this.options.clock.after(closeMs, () => {
      for (const socket of this.sockets) socket.destroy();
    });
    await Promise.all([closed, empty]);
    late.cancel();
  }

  private admit(client: Socket): void {
    this.sockets.add(client);
    client.once('close', () => {
      this.sockets.delete(client);
      if (this.sockets.size === 0) this.whenEmpty();
    });
    const { options } = this;
    const full = this.sessions.size >= options.sessionsMax;
    const seat = this.seats[this.lastSeat++ % this.seats.length] ?? this.home;
    const refusal = full ? tooMany : sameNode(seat.node, this.home.node) ? this.away : null;
    if (refusal) {
      this.counts.refused++;
      client.on('error', () => undefined);
      client.end(framed(encodeError(refusal), 0));
      client.resume();
      return;
    }
    const id = this.nextId();
    const backend = connectToNode(seat.node);
    const session = new Session({
      client,
      backend,
      secureContext: this.secureContext,
      seat,
      proxyProtocol: options.proxyProtocol ?? false,
      loginMs: options.loginMs ?? loginMsDefault,
      clock: options.clock,
      log: options.log,
      options: {
        ...defaultSessionOptions,
        movable: this.mover !== null,
        ...options.session,
        tls: this.secureContext !== null,
        connectionId: options.nodeNumber === null ? null : id,
      },
      resolveKill: (connectionId) => this.resolveKill(connectionId),
      onNote: (what) => {
        this.counts[what]++;
      },
      onHomeless: (homeless) => {
        this.mover?.rescue(homeless).catch((error: unknown) => {
          options.log.error({ session: id, cause: messageOf(error) }, 'a session could not be moved');
          homeless.leave('moving it failed');
        });
      },
      onClosed: (reason) => {
        this.sessions.delete(id);
        options.log.debug({ session: id, reason }, 'session closed');
      },
    });
    this.sessions.set(id, session);
  }

  /** An id that no session of this front end has: the counter starts again after 16 million. */
  private nextId(): number {
    const above = (this.options.nodeNumber ?? 0) * 2 ** counterBits;
    do this.lastId = (this.lastId % counterMask) + 1;
    while (this.sessions.has(above + this.lastId));
    return above + this.lastId;
  }

  /** Ids below 2^24 are those that SHOW PROCESSLIST shows: the node's own. */
  private resolveKill(connectionId: number): number | ErrorPacket {
    const session = this.sessions.get(connectionId);
    if (session && session.backendId > 0) return session.backendId;
    if (connectionId <= counterMask) return connectionId;
    return { errorNumber: 1094, sqlState: 'HY000', message: `Unknown thread id: ${connectionId}` };
  }
}
