/** One session: the client's socket, the node's socket, and the machine between them. */
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { commandCode } from '../../wire/packets/capabilities.js';
import { type ErrorPacket, framed } from '../../wire/packets/responses.js';
import { errorPacket } from '../../wire/session/errors.js';
import { SessionMachine } from '../../wire/session/machine.js';
import type {
  SafetyLevel,
  SessionAction,
  SessionEvent,
  SessionOptions,
} from '../../wire/session/protocol.js';
import { proxyHeader } from './proxy-header.js';
import type { NodeAddress, Seat } from './seat.js';

/** What a client may leave unread while its commit is on its way; beyond that it is cut off. */
const unreadBytesMax = 16 * 0x10_0000;

/** How long a client may take to read the end of what was written to it. */
const lingerMs = 2_000;

/** COM_QUIT. */
const quit = framed(Buffer.from([commandCode.quit]), 0);

export interface SessionParts {
  readonly client: Socket;
  /** Connected, or still connecting, to the node. */
  readonly backend: Socket;
  readonly options: SessionOptions;
  readonly secureContext: SecureContext | null;
  readonly seat: Seat;
  /** The node is told first where the client comes from. */
  readonly proxyProtocol: boolean;
  /** How long the client may take to log in. */
  readonly loginMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** The node's id of a connection that a client names, or what it is told instead. */
  readonly resolveKill: (connectionId: number) => number | ErrorPacket;
  readonly onNote: (what: 'conflict' | 'retry' | 'caught' | 'malformed') => void;
  /** Its node is lost, its client silent: it must be moved, or ended. */
  readonly onHomeless: (session: Session) => void;
  readonly onClosed: (reason: string) => void;
}

export class Session {
  private readonly machine: SessionMachine;
  private client: Socket;
  /** Why the client is not read at the moment. */
  private readonly clientWaits = new Set<'turn' | 'backend'>();
  private asking: AbortController | null = null;
  private closed = false;
  private backend: Socket;
  private seat: Seat;
  /** Tells whoever moves the session how that ended. */
  private readonly loginLate: Timer;
  private whenMoved: ((problem: string | null) => void) | null = null;
  backendId = 0;
  user = '';

  constructor(private readonly parts: SessionParts) {
    this.machine = new SessionMachine(parts.options);
    this.client = parts.client;
    this.listenToClient(parts.client);
    this.backend = parts.backend;
    this.seat = parts.seat;
    this.listenToBackend(parts.backend);
    this.introduce(parts.backend);
    const { clock, loginMs } = parts;
    this.loginLate = clock.after(loginMs, () =>
      this.end(errorPacket('session.login-late', { seconds: loginMs / 1000 })),
    );
  }

  get node(): NodeAddress {
    return this.seat.node;
  }

  /** Its node is lost, and it was not given another one yet. */
  get homeless(): boolean {
    return !this.closed && this.machine.waitsForNode;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Why it cannot go on elsewhere; null when nothing speaks against it. */
  get reasonToStay(): string | null {
    return this.machine.reasonToStay;
  }

  /**
   * Goes on at another node, if it rests at this moment.
   * @param socket connected, paused, nothing was read from it; destroyed where the session stays
   * @param passwordHashes see Elsewhere
   * @returns why it did not, null when it is there
   */
  moveTo(seat: Seat, socket: Socket, passwordHashes: readonly Buffer[]): Promise<string | null> {
    const problem = socket.destroyed ? 'the other node went away' : this.problemOfMoving(passwordHashes);
    if (problem !== null) {
      socket.destroy();
      return Promise.resolve(problem);
    }
    return new Promise((resolve) => {
      this.whenMoved = resolve;
      const left = this.backend;
      this.backend = socket;
      this.seat = seat;
      this.backendId = 0;
      this.letClient('backend', true);
      left.end(quit);
      const lingering = this.parts.clock.after(lingerMs, () => left.destroy());
      left.once('close', () => lingering.cancel());
      if (left.closed) lingering.cancel();
      this.listenToBackend(socket);
      this.introduce(socket);
      this.step({ kind: 'moveTo', passwordHashes });
      socket.resume();
    });
  }

  private problemOfMoving(passwordHashes: readonly Buffer[]): string | null {
    if (this.closed) return 'its client went away';
    if (this.machine.reasonToStay !== null) return this.machine.reasonToStay;
    if (!this.machine.idle && !this.machine.waitsForNode) return 'it is working';
    return this.machine.canLogIn(passwordHashes) ? null : 'its account cannot log in without its password';
  }

  /** Ends the session because it cannot move: 1213 where a transaction is lost by that. */
  leave(reason: string): void {
    const lost = this.inTransaction || this.machine.transactionLost;
    this.end(errorPacket(lost ? 'session.node-lost' : 'session.cannot-move', { reason }));
  }

  private introduce(backend: Socket): void {
    if (this.parts.proxyProtocol) backend.write(proxyHeader(this.parts.client));
  }

  private listenToBackend(backend: Socket): void {
    const heard = (event: SessionEvent) => {
      // The old node's last words are nobody's business any more.
      if (this.backend === backend) this.step(event);
    };
    backend.on('data', (bytes: Buffer) => heard({ kind: 'backendBytes', bytes }));
    backend.on('drain', () => {
      if (this.backend === backend) this.letClient('backend', true);
    });
    backend.on('error', () => undefined);
    backend.once('close', () => heard({ kind: 'backendClosed' }));
  }

  get idle(): boolean {
    return this.machine.idle;
  }

  get inTransaction(): boolean {
    return this.machine.inTransaction;
  }

  get committing(): boolean {
    return this.machine.holdsPermission;
  }

  /** The applier waits for this session: its transaction gives way. */
  rollBack(): void {
    this.step({ kind: 'rollBack' });
  }

  /** Ends the session, with an ERR packet where the protocol allows one; a commit on its way is finished first. */
  end(error: ErrorPacket): void {
    this.step({ kind: 'end', error });
  }

  private listenToClient(socket: Socket): void {
    socket.on('data', this.onClientData);
    socket.on('drain', this.onClientDrain);
    socket.on('error', () => undefined);
    socket.once('close', this.onClientClose);
    // Half-closed: the client sends nothing more, so it can ask for nothing more.
    socket.once('end', this.onClientClose);
  }

  private readonly onClientData = (bytes: Buffer) => this.step({ kind: 'clientBytes', bytes });
  private readonly onClientDrain = () => {
    this.backend.resume();
  };
  private readonly onClientClose = () => this.step({ kind: 'clientClosed' });

  private step(event: SessionEvent): void {
    if (this.closed) return;
    for (const action of this.machine.step(event)) this.perform(action);
  }

  private perform(action: SessionAction): void {
    switch (action.kind) {
      case 'toClient':
        this.toClient(action.bytes);
        return;
      case 'toBackend':
        if (!write(this.backend, action.bytes)) this.letClient('backend', false);
        return;
      case 'ask':
        this.ask(action.for);
        return;
      case 'withdraw':
        this.asking?.abort();
        this.asking = null;
        return;
      case 'release':
        this.seat.gate.release(
          { outcome: action.outcome, sequence: action.outcome === 'done' ? action.sequence : null },
          this.backendId,
        );
        return;
      case 'awaitSafe':
        this.awaitSafe(action.level);
        return;
      case 'killQuery':
        this.killQuery();
        return;
      case 'resolveKill': {
        const found = this.parts.resolveKill(action.connectionId);
        const event: SessionEvent =
          typeof found === 'number'
            ? { kind: 'killResolved', backendId: found }
            : { kind: 'killAnswered', error: found };
        queueMicrotask(() => this.step(event));
        return;
      }
      case 'pauseClient':
        this.letClient('turn', false);
        return;
      case 'resumeClient':
        this.letClient('turn', true);
        return;
      case 'startTls':
        this.startTls(action.rest);
        return;
      case 'loggedIn':
        this.loginLate.cancel();
        this.backendId = action.backendId;
        this.user = action.user;
        return;
      case 'needNode':
        this.parts.onHomeless(this);
        return;
      case 'moved':
        this.backendId = action.backendId;
        this.settleMove(null);
        return;
      case 'note':
        this.parts.onNote(action.what);
        return;
      case 'close':
        this.close(action.reason);
    }
  }

  private toClient(bytes: readonly Buffer[]): void {
    if (write(this.client, bytes)) return;
    // The answer to a commit must reach the machine even when the client does not read: others wait for the permission.
    if (!this.machine.holdsPermission) this.backend.pause();
    else if (this.client.writableLength > unreadBytesMax) this.client.destroy();
  }

  private newAsking(): AbortController {
    this.asking?.abort();
    this.asking = new AbortController();
    return this.asking;
  }

  private ask(what: 'commit' | 'read'): void {
    const { gate } = this.seat;
    const asking = this.newAsking();
    const answer =
      what === 'commit' ? gate.acquire(asking.signal, this.backendId) : gate.caughtUp(asking.signal);
    answer.then(
      () => {
        if (this.asking !== asking || this.closed) {
          // Granted in the moment in which it was withdrawn.
          if (what === 'commit') gate.release({ outcome: 'failed', sequence: null }, this.backendId);
          return;
        }
        this.asking = null;
        this.backend.resume();
        this.step({ kind: 'granted' });
      },
      (error: unknown) => {
        if (this.asking !== asking) return;
        this.asking = null;
        // ER_OPTION_PREVENTS_STATEMENT: what a node in read-only mode says.
        this.step({
          kind: 'denied',
          error: { errorNumber: 1290, sqlState: 'HY000', message: messageOf(error) },
        });
      },
    );
  }

  private awaitSafe(level: SafetyLevel): void {
    const { gate } = this.seat;
    gate.safe(level, this.newAsking().signal).then(
      (fate) => this.step({ kind: fate === 'kept' ? 'safe' : 'outcomeUnknown' }),
      (error: unknown) => {
        if (this.closed) return;
        this.parts.log.warn(
          { cause: messageOf(error), level },
          'whether a commit is safe could not be found out',
        );
        this.step({ kind: 'outcomeUnknown' });
      },
    );
  }

  /** A failure is logged and counts as done: the session must not hang. */
  private killQuery(): void {
    this.seat.killQuery(this.backendId).then(
      () => this.step({ kind: 'killed' }),
      (error: unknown) => {
        if (this.closed) return;
        this.parts.log.warn({ cause: messageOf(error) }, 'a statement could not be interrupted');
        this.step({ kind: 'killed' });
      },
    );
  }

  private letClient(reason: 'turn' | 'backend', flows: boolean): void {
    if (flows) this.clientWaits.delete(reason);
    else this.clientWaits.add(reason);
    if (this.clientWaits.size > 0) this.client.pause();
    else this.client.resume();
  }

  private startTls(rest: Buffer): void {
    const { secureContext } = this.parts;
    const plain = this.client;
    if (!secureContext) {
      plain.destroy();
      return;
    }
    plain.off('data', this.onClientData);
    plain.off('drain', this.onClientDrain);
    plain.off('end', this.onClientClose);
    plain.pause();
    if (rest.length > 0) plain.unshift(rest);
    this.client = new TLSSocket(plain, { isServer: true, secureContext });
    this.listenToClient(this.client);
  }

  private close(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.loginLate.cancel();
    this.asking?.abort();
    this.asking = null;
    // What was written to the client still goes out, if it reads; the node needs no goodbye beyond what was sent. What
    // comes in is read to its end and thrown away: a socket destroyed with bytes unread answers with a reset, and that
    // may overtake an ERR packet on its way to the client.
    const { client } = this;
    const { backend } = this;
    const { clock } = this.parts;
    const lingering = clock.after(lingerMs, () => {
      client.destroy();
      backend.destroy();
    });
    let open = [client, backend].filter((socket) => !socket.closed).length;
    if (open === 0) lingering.cancel();
    for (const socket of [client, backend]) {
      socket.once('close', () => {
        open--;
        if (open === 0) lingering.cancel();
      });
      socket.end();
      socket.resume();
    }
    this.settleMove(reason);
    this.parts.onClosed(reason);
  }

  private settleMove(problem: string | null): void {
    this.whenMoved?.(problem);
    this.whenMoved = null;
  }
}

/** Writes several slices as one. @returns false when the socket's buffer is full */
function write(socket: Socket, bytes: readonly Buffer[]): boolean {
  if (bytes.length === 1) return socket.write(bytes[0] as Buffer);
  socket.cork();
  let flows = true;
  for (const slice of bytes) flows = socket.write(slice);
  socket.uncork();
  return flows;
}
