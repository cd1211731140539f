/** Keeps one connection with one member over one network: dials, and dials again with patience that grows. */
import { createConnection, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock, Timer } from '../../base/clock.js';
import { messageOf, RingmasterError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Random } from '../../base/random.js';
import type { Connection } from './link.js';
import { type Endpoint, formatEndpoint, type TransportLimits } from './options.js';
import { isKeyMismatch, tlsSettings } from './security.js';

export interface DialerOptions {
  readonly member: string;
  readonly network: number;
  readonly endpoint: Endpoint;
  /** Our own address in that network: what is sent leaves there. */
  readonly localHost: string;
  readonly self: string;
  /** The ring's key; null for no TLS. */
  readonly key: Buffer | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: TransportLimits;
  readonly log: Log;
  onConnection(connection: Connection): void;
  onRefused(address: string, error: RingmasterError): void;
}

export class Dialer {
  readonly #options: DialerOptions;
  readonly #address: string;
  /** Failures since a connection was last good for `backoffMaxMs`. */
  #failures = 0;
  #openedMs: number | null = null;
  #retry: Timer | null = null;
  #socket: Socket | null = null;
  #stopped = false;
  /** The last failure was told; a member that is away must not fill the log. */
  #told = false;

  constructor(options: DialerOptions) {
    this.#options = options;
    this.#address = formatEndpoint(options.endpoint);
  }

  dial(): void {
    if (this.#stopped) return;
    const { clock, limits, key, member, network, onConnection } = this.#options;
    const socket = this.#connect(key);
    this.#socket = socket;
    const deadline = clock.after(limits.greetingMs, () =>
      socket.destroy(new Error(`no greeting within ${limits.greetingMs} ms`)),
    );
    const fail = (error: Error) => {
      deadline.cancel();
      socket.destroy();
      this.#failed(error);
    };
    const closed = () => fail(new Error('the other side closed the connection'));
    socket.once('error', fail);
    socket.once('close', closed);
    socket.once(key === null ? 'connect' : 'secureConnect', () => {
      socket.off('error', fail);
      socket.off('close', closed);
      onConnection({
        socket,
        address: this.#address,
        network,
        dialled: member,
        identity: null,
        deadline,
        onOpen: () => this.#opened(),
        onEnd: () => this.#lost(),
      });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#socket?.destroy();
  }

  /** The connection greeted. */
  #opened(): void {
    this.#openedMs = this.#options.clock.monotonicMs();
    this.#told = false;
  }

  /** The connection that was handed over ended. */
  #lost(): void {
    const { clock, limits } = this.#options;
    // One that fails as soon as it is made must not be made again and again at once.
    const lasted = this.#openedMs !== null && clock.monotonicMs() - this.#openedMs >= limits.backoffMaxMs;
    this.#openedMs = null;
    if (lasted) this.#failures = 0;
    this.#later();
  }

  #connect(key: Buffer | null): Socket {
    const { endpoint, localHost, self } = this.#options;
    const where = { ...endpoint, ...localAddress(localHost) };
    if (key === null) return createConnection(where);
    return connectTls({
      ...where,
      ...tlsSettings,
      pskCallback: () => ({ psk: key, identity: self }),
      // There is no certificate: the key proves who answers, and the hello says which member it is.
      checkServerIdentity: () => undefined,
    });
  }

  #failed(error: Error): void {
    if (this.#stopped || this.#retry) return;
    const { member, network, log, onRefused } = this.#options;
    if (isKeyMismatch(error))
      onRefused(
        this.#address,
        new RingmasterError('ring.key-differs', { address: this.#address }, { cause: error }),
      );
    else if (!this.#told) log.info({ member, network, cause: messageOf(error) }, 'a member is not reached');
    this.#told = true;
    this.#later();
  }

  #later(): void {
    if (this.#stopped || this.#retry) return;
    const { clock, limits, random } = this.#options;
    const fullMs = Math.min(limits.backoffMaxMs, limits.backoffMinMs * 2 ** Math.min(this.#failures, 20));
    this.#failures += 1;
    // Members that lost each other at the same moment must not come back at the same moment.
    this.#retry = clock.after(fullMs * (0.5 + random.next() / 2), () => {
      this.#retry = null;
      this.dial();
    });
  }
}

const localAddress = (host: string): { localAddress?: string } =>
  isIP(host) !== 0 && host !== '0.0.0.0' && host !== '::' ? { localAddress: host } : {};
