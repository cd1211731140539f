/**
 * One connection with one member over one network, from its greeting to its end.
 *
 *     greeting --accepted hello--> open --> closed
 *         \______ refusal, garbage, end ______/
 *
 * A connection is shared by both directions and dialled by the member whose name sorts first: so there is never a
 * race of two connections for the same pair.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../base/clock.js';
import { messageOf, RingmasterError } from '../../base/errors.js';
import { encodeFrame, type FrameKind, FrameReader, messageBytesMax } from './frames.js';
import {
  checkHello,
  decodeHello,
  decodeRefusal,
  type Expectation,
  encodeHello,
  encodeRefusal,
  type Hello,
  type MemberIdentity,
  refusalError,
} from './greeting.js';
import type { LostReason, TransportLimits } from './options.js';

/** Milliseconds that a refusal has to leave before its connection is cut. */
const refusalMs = 500;

/** Where a connection comes from. */
export interface Connection {
  readonly socket: Socket;
  /** For errors and counts. */
  readonly address: string;
  readonly network: number;
  /** The member that we dialled; null when somebody dialled us. */
  readonly dialled: string | null;
  /** What the other side called itself in the TLS handshake; null without TLS or when we dialled. */
  readonly identity: string | null;
  /** Runs until the greeting is over; cuts the connection when that takes too long. */
  readonly deadline: Timer;
  /** For whoever made the connection: the other side was accepted. */
  onOpen(): void;
  /** For whoever made the connection: it ended, open or not. */
  onEnd(): void;
}

/** What a link asks and tells. */
export interface LinkOwner {
  readonly clock: Clock;
  readonly limits: TransportLimits;
  hello(to: string, network: number): Hello;
  expectation(link: Link): Expectation;
  onOpen(link: Link, remote: MemberIdentity): void;
  /** @returns what is wrong with the message, null when it was taken */
  onMessage(link: Link, remote: MemberIdentity, payload: Buffer): string | null;
  /** Once. `error`: for refusals and garbage. `remote`: null when the link never opened. */
  onEnd(link: Link, reason: LostReason, error: RingmasterError | null, remote: MemberIdentity | null): void;
}

type State =
  | { readonly kind: 'greeting' }
  | { readonly kind: 'open'; readonly remote: MemberIdentity }
  | { readonly kind: 'closed' };

export class Link {
  readonly network: number;
  readonly dialled: string | null;
  readonly address: string;
  readonly #connection: Connection;
  readonly #socket: Socket;
  readonly #owner: LinkOwner;
  readonly #reader = new FrameReader();
  #state: State = { kind: 'greeting' };
  #nextNumber = 0;
  #heardMs: number;
  /** Something was sent since the last look. */
  #spoke = false;
  /** More waits than may; the link ends as soon as the sender is out of the way. */
  #overfull = false;

  constructor(connection: Connection, owner: LinkOwner) {
    this.#connection = connection;
    this.#socket = connection.socket;
    this.#owner = owner;
    this.network = connection.network;
    this.dialled = connection.dialled;
    this.address = connection.address;
    this.#heardMs = owner.clock.monotonicMs();
    const socket = this.#socket;
    // A token must not wait for the acknowledgement of the packet before it.
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.end(this.#reader.inFrame ? 'truncated' : 'closed'));
    socket.on('error', (error) => this.#broke(error));
    socket.on('close', () => this.end(this.#reader.inFrame ? 'truncated' : 'reset'));
    if (this.dialled !== null) this.#write('hello', encodeHello(owner.hello(this.dialled, this.network)));
  }

  get remote(): MemberIdentity | null {
    return this.#state.kind === 'open' && !this.#overfull ? this.#state.remote : null;
  }

  /** @returns false when the link is not open */
  send(payload: Uint8Array): boolean {
    if (this.#state.kind !== 'open' || this.#overfull) return false;
    this.#write('message', payload);
    if (this.#socket.writableLength <= this.#owner.limits.sendQueueBytesMax) return true;
    this.#overfull = true;
    queueMicrotask(() => this.end('not-reading'));
    return false;
  }

  /** Called every `heartbeatMs`. `forgive`: we were stopped ourselves and cannot know who was silent. */
  look(forgive: boolean): void {
    if (this.#state.kind !== 'open') return;
    const nowMs = this.#owner.clock.monotonicMs();
    if (forgive) this.#heardMs = nowMs;
    if (nowMs - this.#heardMs > this.#owner.limits.silentMs) {
      this.end('silent');
      return;
    }
    if (!this.#spoke) this.#write('heartbeat', new Uint8Array());
    this.#spoke = false;
  }

  /** Ends the link; does nothing the second time, except that it cuts what lingers. */
  end(reason: LostReason, error: RingmasterError | null = null): void {
    this.#close(reason, error);
    this.#socket.destroy();
  }

  #close(reason: LostReason, error: RingmasterError | null): void {
    if (this.#state.kind === 'closed') return;
    const remote = this.#state.kind === 'open' ? this.#state.remote : null;
    this.#state = { kind: 'closed' };
    this.#connection.deadline.cancel();
    this.#connection.onEnd();
    this.#owner.onEnd(this, reason, error, remote);
  }

  #write(kind: FrameKind, payload: Uint8Array): void {
    this.#socket.write(encodeFrame(this.#nextNumber, kind, payload));
    this.#nextNumber += 1;
    this.#spoke = true;
  }

  #read(chunk: Buffer): void {
    if (this.#state.kind === 'closed' || this.#overfull) return;
    this.#heardMs = this.#owner.clock.monotonicMs();
    this.#reader.push(chunk);
    while (this.remote !== null || this.#state.kind === 'greeting') {
      const outcome = this.#reader.next();
      if (outcome.kind === 'more') return;
      const problem =
        outcome.kind === 'broken' ? outcome.problem : this.#take(outcome.frame, outcome.payload);
      if (problem !== null) this.#malformed(problem);
    }
  }

  /** @returns what is wrong with the frame */
  #take(frame: FrameKind, payload: Buffer): string | null {
    const state = this.#state;
    if (frame === 'refusal') return this.#takeRefusal(payload);
    if (state.kind === 'greeting')
      return frame === 'hello' ? this.#greet(payload) : `a ${frame} before a hello`;
    if (state.kind === 'closed') return null;
    if (frame === 'hello') return 'a second hello';
    if (frame === 'message') return this.#owner.onMessage(this, state.remote, payload);
    return payload.length === 0 ? null : 'a heartbeat with a payload';
  }

  #greet(payload: Buffer): string | null {
    const decoded = decodeHello(payload);
    if (!decoded.ok) return decoded.problem;
    const hello = decoded.value;
    const refusal = checkHello(hello, this.#owner.expectation(this));
    if (refusal !== null) {
      this.#write('refusal', encodeRefusal(refusal));
      this.#close('refused', refusalError(refusal, this.address, true));
      this.#socket.destroySoon();
      // Whoever does not take the refusal loses the connection without it.
      const cut = this.#owner.clock.after(refusalMs, () => this.#socket.destroy());
      this.#socket.once('close', () => cut.cancel());
      return null;
    }
    const { identity } = this.#connection;
    if (identity !== null && identity !== hello.from.name) return 'a hello under another name than in TLS';
    if (this.dialled === null)
      this.#write('hello', encodeHello(this.#owner.hello(hello.from.name, this.network)));
    this.#connection.deadline.cancel();
    this.#reader.payloadBytesMax = messageBytesMax;
    this.#state = { kind: 'open', remote: hello.from };
    this.#connection.onOpen();
    this.#owner.onOpen(this, hello.from);
    return null;
  }

  #takeRefusal(payload: Buffer): string | null {
    // One who dials speaks first: a refusal before any hello of ours answers nothing.
    if (this.dialled === null && this.#state.kind === 'greeting') return 'a refusal before a hello';
    const decoded = decodeRefusal(payload);
    if (!decoded.ok) return decoded.problem;
    this.end('refused', refusalError(decoded.value, this.address, false));
    return null;
  }

  #malformed(problem: string): void {
    this.end('malformed', new RingmasterError('ring.frame-malformed', { address: this.address, problem }));
  }

  #broke(error: Error): void {
    const code = 'code' in error ? String(error.code) : '';
    // Only bytes that nobody with the key wrote break a session that was agreed.
    if (code.startsWith('ERR_SSL')) this.#malformed(messageOf(error));
    else this.end('reset');
  }
}
