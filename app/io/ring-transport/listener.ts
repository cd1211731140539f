/**
 * One listening address. Everybody may connect; a guest has little time, little memory and few siblings until it has
 * greeted as a peer.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Clock } from '../../base/clock.js';
import { messageOf, RingmasterError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Connection } from './link.js';
import { type Endpoint, formatEndpoint, type TransportLimits } from './options.js';
import { isKeyMismatch, tlsSettings } from './security.js';

export interface ListenerOptions {
  readonly endpoint: Endpoint;
  readonly network: number;
  /** The ring's key; null for no TLS. */
  readonly key: Buffer | null;
  readonly clock: Clock;
  readonly limits: TransportLimits;
  readonly log: Log;
  /** Does a member live at this address? Strangers cannot take its place. */
  isMemberAddress(address: string): boolean;
  onConnection(connection: Connection): void;
  onRefused(address: string, error: RingmasterError): void;
}

/** A connection that has not greeted yet. */
interface Guest {
  readonly socket: Socket;
  readonly address: string;
  /** No member lived at its address when it came. */
  readonly stranger: boolean;
  readonly deadline: Connection['deadline'];
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server = createServer({ noDelay: true });
  readonly #tls: TlsServer | null;
  /** By address and port of the other side, which find a guest again after its TLS handshake. */
  readonly #guests = new Map<string, Guest>();
  readonly #halfOpenOf = new Map<string, number>();
  #strangers = 0;
  readonly #identities = new WeakMap<TLSSocket, string>();

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#tls = options.key === null ? null : this.#createTls(options.key);
    this.#server.on('connection', (socket) => this.#receive(socket));
  }

  /** @throws host.port-in-use, ring.listen-failed */
  async open(): Promise<void> {
    const { endpoint, log } = this.#options;
    try {
      this.#server.listen({ host: endpoint.host, port: endpoint.port, exclusive: true });
      await once(this.#server, 'listening');
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE')
        throw new RingmasterError('host.port-in-use', { ...endpoint }, { cause: thrown });
      const data = { address: formatEndpoint(endpoint), cause: messageOf(thrown) };
      throw new RingmasterError('ring.listen-failed', data, { cause: thrown });
    }
    // No descriptor left for a newcomer: those who are in stay.
    this.#server.on('error', (error) =>
      log.error({ cause: messageOf(error) }, 'a connection was not accepted'),
    );
  }

  /** Where it listens, with the port that the system chose when 0 was asked for. */
  get endpoint(): Endpoint {
    const bound = this.#server.address();
    const { endpoint } = this.#options;
    return bound !== null && typeof bound === 'object' ? { ...endpoint, port: bound.port } : endpoint;
  }

  /** Stops listening and turns the guests out. Links are ended by their owner, before. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const guest of this.#guests.values()) guest.socket.destroy();
    await closed;
  }

  #createTls(key: Buffer): TlsServer {
    const server = createTlsServer({
      ...tlsSettings,
      pskCallback: (socket, identity) => {
        this.#identities.set(socket, identity);
        // Who may come in is said after the key is proven: strangers do not learn names by trying.
        return key;
      },
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      const guest = this.#guestOf(socket);
      if (guest) this.#admit(guest, socket, this.#identities.get(socket) ?? '');
      else socket.destroy();
    });
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      const guest = this.#guestOf(socket);
      if (guest) this.#refuseTls(guest, error);
    });
    return server;
  }

  #guestOf(socket: Socket): Guest | undefined {
    return this.#guests.get(`${socket.remoteAddress} ${socket.remotePort}`);
  }

  #receive(socket: Socket): void {
    const { clock, limits, onRefused } = this.#options;
    const address = socket.remoteAddress;
    // Errors of a socket under TLS are told by TLS; a bare one gets its listener from the link.
    socket.on('error', () => undefined);
    if (address === undefined || !this.#hasRoom(address)) {
      socket.destroy();
      if (address !== undefined) onRefused(address, greetingFailed(address, 'too many at once'));
      return;
    }
    const deadline = clock.after(limits.greetingMs, () => {
      onRefused(address, greetingFailed(address, `it took longer than ${limits.greetingMs} ms`));
      socket.destroy();
    });
    const name = `${address} ${socket.remotePort}`;
    const guest: Guest = {
      socket,
      address,
      stranger: !this.#options.isMemberAddress(address),
      deadline: { cancel: () => this.#settle(name, guest, deadline) },
    };
    this.#guests.set(name, guest);
    this.#count(guest, 1);
    socket.once('close', guest.deadline.cancel);
    if (this.#tls) this.#tls.emit('connection', socket);
    else this.#admit(guest, socket, null);
  }

  #admit(guest: Guest, socket: Socket, identity: string | null): void {
    const { address, deadline } = guest;
    const { network, onConnection } = this.#options;
    const none = () => undefined;
    onConnection({
      socket,
      address,
      network,
      dialled: null,
      identity,
      deadline,
      onOpen: none,
      onEnd: none,
    });
  }

  #refuseTls(guest: Guest, error: Error): void {
    const { address } = guest;
    this.#options.onRefused(
      address,
      isKeyMismatch(error)
        ? new RingmasterError('ring.key-differs', { address }, { cause: error })
        : greetingFailed(address, messageOf(error)),
    );
    guest.socket.destroy();
  }

  /** The guest greeted, or it is gone. */
  #settle(name: string, guest: Guest, deadline: { cancel(): void }): void {
    deadline.cancel();
    if (this.#guests.get(name) !== guest) return;
    this.#guests.delete(name);
    this.#count(guest, -1);
  }

  #hasRoom(address: string): boolean {
    const { limits, isMemberAddress } = this.#options;
    if ((this.#halfOpenOf.get(address) ?? 0) >= limits.halfOpenPerAddressMax) return false;
    return isMemberAddress(address) || this.#strangers < limits.halfOpenMax;
  }

  #count({ address, stranger }: Guest, change: 1 | -1): void {
    const now = (this.#halfOpenOf.get(address) ?? 0) + change;
    if (now > 0) this.#halfOpenOf.set(address, now);
    else this.#halfOpenOf.delete(address);
    if (stranger) this.#strangers += change;
  }
}

const greetingFailed = (address: string, problem: string): RingmasterError =>
  new RingmasterError('ring.greeting-failed', { address, problem });
