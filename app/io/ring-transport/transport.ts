/**
 * Connections between peers: TCP with TLS by the cluster's key (pre-shared key, forward secret), one for each pair of
 * peers and network; the lower number dials. A connection that breaks is told at once and dialled again.
 */
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { MemberId, RingMessage, Voter } from '../../ring/model.js';
import {
  createFrameReader,
  decodeHello,
  decodeMessage,
  encodeFrame,
  type Hello,
  ringProtocolVersion,
} from './codec.js';

export interface RingAddress {
  readonly host: string;
  readonly port: number;
}

export interface TransportSettings {
  readonly self: Voter;
  /** Peers of another cluster are refused, whatever key they have. */
  readonly cluster: string;
  /** The cluster's key, 32 bytes. */
  readonly key: Buffer;
  /** Own address on each network; port 0 lets the system choose. */
  readonly listen: readonly RingAddress[];
  readonly clock: Clock;
  readonly log: Log;
}

/** What the transport tells. */
export interface TransportEvents {
  readonly message: (from: Voter, network: number, message: RingMessage) => void;
  /** The last connection to this peer is gone. */
  readonly disconnected: (peer: MemberId) => void;
  /** A connection was refused, by us or by the other side; one sentence. */
  readonly refused: (reason: string) => void;
}

export interface RingTransport {
  /** Own addresses, with the ports that the system chose. */
  readonly addresses: readonly RingAddress[];
  /** Makes connections to these peers; the address of each network. Again with new addresses at any time. */
  setPeers(peers: readonly { readonly id: MemberId; readonly addresses: readonly RingAddress[] }[]): void;
  /** Sends on one network, or on every one with -1. Without a connection the message is lost, as on any network. */
  send(to: MemberId, network: number, message: RingMessage): void;
  /** Is there a connection on this network? */
  isConnected(peer: MemberId, network: number): boolean;
  close(): Promise<void>;
}

/** Forward secret, known to OpenSSL and BoringSSL. Node offers pre-shared keys up to TLS 1.2. */
const tlsOptions = {
  ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
} as const;
const protocolName = 'ringmaster-ring';
const redialMs = { first: 20, max: 500 };
/** A connection that says nothing of itself for so long is closed. Milliseconds. */
const helloAfterMs = 3_000;
/** A peer that takes nothing while so much waits for it is as good as gone. Bytes. */
const backlogBytesMax = 4 * 1024 * 1024;

interface Connection {
  readonly socket: TLSSocket;
  readonly network: number;
  peer: Voter | null;
}

interface Dial {
  readonly peer: MemberId;
  readonly network: number;
  readonly address: RingAddress;
  waitMs: number;
  timer: Timer | null;
  socket: TLSSocket | null;
}

/** Listens on the own addresses. @throws when one of them cannot be used. */
export async function createTransport(
  settings: TransportSettings,
  events: TransportEvents,
): Promise<RingTransport> {
  const hub = new Hub(settings, events);
  await hub.listen();
  return hub;
}

class Hub implements RingTransport {
  addresses: RingAddress[] = [];
  readonly #servers: Server[] = [];
  readonly #connections = new Map<string, Connection>();
  readonly #pending = new Set<TLSSocket>();
  readonly #dials = new Map<string, Dial>();
  #closed = false;

  constructor(
    readonly settings: TransportSettings,
    readonly events: TransportEvents,
  ) {}

  async listen(): Promise<void> {
    const { listen, key } = this.settings;
    for (const [network, { host, port }] of listen.entries()) {
      const server = createServer({ ...tlsOptions, pskCallback: () => key }, (socket) =>
        this.#greet(socket, network),
      );
      // Strangers and port scanners are no reason to end.
      server.on('tlsClientError', (error) => this.events.refused(`not our key: ${messageOf(error)}`));
      await new Promise<void>((done, fail) => {
        server.once('error', fail);
        server.listen(port, host, done);
      });
      server.on('error', (error) => this.settings.log.warn({ error }, 'ring listener'));
      this.#servers.push(server);
      const bound = server.address();
      this.addresses.push({ host, port: bound !== null && typeof bound === 'object' ? bound.port : port });
    }
  }

  setPeers(peers: Parameters<RingTransport['setPeers']>[0]): void {
    for (const { id, addresses } of peers) {
      if (id <= this.settings.self.id) continue;
      for (const [network, address] of addresses.entries()) {
        const name = `${id}/${network}`;
        const known = this.#dials.get(name);
        if (known?.address.host === address.host && known.address.port === address.port) continue;
        known?.timer?.cancel();
        known?.socket?.destroy();
        const dial: Dial = { peer: id, network, address, waitMs: redialMs.first, timer: null, socket: null };
        this.#dials.set(name, dial);
        this.#dial(dial);
      }
    }
  }

  send(to: MemberId, network: number, message: RingMessage): void {
    let frame: Buffer | null = null;
    for (let each = 0; each < this.settings.listen.length; each++) {
      if (network >= 0 && network !== each) continue;
      const connection = this.#connections.get(`${to}/${each}`);
      if (!connection) continue;
      frame ??= encodeFrame(message);
      if (connection.socket.writableLength > backlogBytesMax) connection.socket.destroy();
      else connection.socket.write(frame);
    }
  }

  isConnected(peer: MemberId, network: number): boolean {
    return this.#connections.has(`${peer}/${network}`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { timer, socket } of this.#dials.values()) {
      timer?.cancel();
      socket?.destroy();
    }
    for (const { socket } of this.#connections.values()) socket.destroy();
    for (const socket of this.#pending) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise<void>((done) => server.close(() => done()))));
  }

  #dial(dial: Dial): void {
    if (this.#closed) return;
    const { self, cluster, key } = this.settings;
    const socket = connect({
      ...dial.address,
      ...tlsOptions,
      pskCallback: () => ({ psk: key, identity: `${cluster}/${self.id}` }),
      checkServerIdentity: () => undefined,
    });
    dial.socket = socket;
    socket.once('secureConnect', () => {
      dial.waitMs = redialMs.first;
      this.#greet(socket, dial.network);
    });
    socket.once('error', (error) => this.settings.log.debug({ error, peer: dial.peer }, 'ring dial'));
    socket.once('close', () => {
      if (this.#closed || dial.socket !== socket) return;
      dial.timer = this.settings.clock.after(dial.waitMs, () => this.#dial(dial));
      dial.waitMs = Math.min(dial.waitMs * 2, redialMs.max);
    });
  }

  /** Both sides say who they are; then messages flow. */
  #greet(socket: TLSSocket, network: number): void {
    const { self, cluster, clock } = this.settings;
    socket.setNoDelay(true);
    const connection: Connection = { socket, network, peer: null };
    const reader = createFrameReader();
    this.#pending.add(socket);
    const limit = clock.after(helloAfterMs, () => {
      if (!connection.peer) this.#refuse(connection, 'no hello');
    });
    socket.on('error', (error) => this.settings.log.debug({ error }, 'ring connection'));
    socket.on('close', () => {
      limit.cancel();
      this.#pending.delete(socket);
      this.#forget(connection);
    });
    socket.on('data', (chunk: Buffer) => {
      const frames = reader.push(chunk);
      if ('problem' in frames) {
        this.#refuse(connection, frames.problem);
        return;
      }
      for (const frame of frames.value) if (!this.#take(connection, frame)) return;
    });
    const hello: Hello = {
      protocol: protocolName,
      version: ringProtocolVersion,
      cluster,
      ...self,
      network,
    };
    socket.write(encodeFrame(hello));
  }

  /** One frame. @returns false when the connection was closed because of it. */
  #take(connection: Connection, frame: string): boolean {
    if (!connection.peer) return this.#welcome(connection, frame);
    const decoded = decodeMessage(frame);
    if ('problem' in decoded) {
      this.#refuse(connection, `malformed message, ${decoded.problem}`);
      return false;
    }
    this.events.message(connection.peer, connection.network, decoded.value);
    return true;
  }

  #welcome(connection: Connection, frame: string): boolean {
    const decoded = decodeHello(frame);
    const mismatch =
      'problem' in decoded
        ? `malformed hello, ${decoded.problem}`
        : this.#mismatch(decoded.value, connection);
    if (mismatch || 'problem' in decoded) {
      this.#refuse(connection, mismatch ?? 'malformed hello');
      return false;
    }
    const { id, life } = decoded.value;
    connection.peer = { id, life };
    this.#pending.delete(connection.socket);
    const name = `${id}/${connection.network}`;
    // The peer knows best: it dials again when its old connection is gone, perhaps before we notice.
    const old = this.#connections.get(name);
    this.#connections.set(name, connection);
    old?.socket.destroy();
    return true;
  }

  /** What does not fit, by name; null when all does. */
  #mismatch(hello: Hello, { network }: Connection): string | null {
    const { self, cluster } = this.settings;
    if (hello.protocol !== protocolName)
      return `protocol ${hello.protocol}, this peer speaks ${protocolName}`;
    if (hello.version !== ringProtocolVersion) {
      return `protocol version ${hello.version}, this peer speaks ${ringProtocolVersion}`;
    }
    if (hello.cluster !== cluster) return `cluster ${hello.cluster}, this peer belongs to ${cluster}`;
    if (hello.network !== network) return `network ${hello.network}, this address is of network ${network}`;
    if (hello.id === self.id) return `number ${hello.id}, which is our own`;
    return null;
  }

  #refuse({ socket, peer }: Connection, reason: string): void {
    this.events.refused(`${peer ? `peer ${peer.id}` : (socket.remoteAddress ?? 'somebody')}: ${reason}`);
    socket.destroy();
  }

  #forget(connection: Connection): void {
    const { peer, network } = connection;
    if (!peer) return;
    const name = `${peer.id}/${network}`;
    if (this.#connections.get(name) !== connection) return;
    this.#connections.delete(name);
    const another = this.settings.listen.some((_, each) => this.#connections.has(`${peer.id}/${each}`));
    if (!another && !this.#closed) this.events.disconnected(peer.id);
  }
}
