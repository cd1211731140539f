/**
 * The lab's single address. Each new session is relayed to the front end of the node that is right for it now; bytes pass
 * as they are, so the greeting, the authentication and everything after it are the front end's. An open session stays with
 * that front end, which takes it to another node when its own is left or lost.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Clock } from '../base/clock.js';
import { messageOf, RingmasterError } from '../base/errors.js';
import type { Log } from '../base/log.js';

/** How long a node may take to accept. */
const connectTimeoutMs = 3_000;
/** How long a client may take to close after its node has. */
const lingerMs = 2_000;

/** A node that a session can go to. */
export interface DoorTarget {
  readonly name: string;
  readonly address: { readonly host: string; readonly port: number };
}

export interface FrontDoorOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Where this client's session goes, whose address and port are given; null while no node takes sessions. */
  readonly choose: (client: string) => DoorTarget | null;
  /** Sessions at the same time; the next one is refused with error 1040. */
  readonly sessionsMax: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** An open front door. */
export class FrontDoor {
  private readonly sessions = new Map<Socket, string>();
  private readonly listeners = new Set<() => void>();

  private constructor(
    private readonly server: Server,
    private readonly options: FrontDoorOptions,
  ) {}

  /**
   * Opens the address.
   * @throws RingmasterError host.port-in-use, host.path-denied
   */
  static async open(options: FrontDoorOptions): Promise<FrontDoor> {
    // A client that has sent its last command may still wait for the answer: halves close one by one.
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true });
    const { host, port } = options;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          error.code === 'EADDRINUSE'
            ? new RingmasterError('host.port-in-use', { host, port }, { cause: error })
            : new RingmasterError('host.path-denied', { host, path: `port ${port}`, cause: error.message }),
        ),
      );
      server.listen({ host, port, exclusive: true }, resolve);
    });
    const door = new FrontDoor(server, options);
    server.on('connection', (client) => door.admit(client));
    server.on('error', (error) => options.log.error({ error: error.message }, 'front door'));
    return door;
  }

  /** The port that it listens on. */
  get port(): number {
    const address = this.server.address();
    return address !== null && typeof address === 'object' ? address.port : this.options.port;
  }

  /** Sessions that are open now. */
  get sessionCount(): number {
    return this.sessions.size;
  }

  /** Open sessions per node. */
  sessionsPerNode(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const node of this.sessions.values()) counts.set(node, (counts.get(node) ?? 0) + 1);
    return counts;
  }

  /** Calls `listener` when a session comes or goes, until the returned function is called. */
  onSessions(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Lets nobody in any more and ends what is open. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const client of this.sessions.keys()) client.destroy();
    await closed;
  }

  private admit(client: Socket): void {
    // An error is also told to the pipeline; before there is one, it must not end the process.
    client.on('error', () => client.destroy());
    if (this.sessions.size >= this.options.sessionsMax) {
      refuse(client, 1040, `Too many connections (${this.options.sessionsMax}, by Ringmaster)`);
      return;
    }
    const target = this.options.choose(nameOf(client));
    if (target) {
      this.count(client, target.name);
      this.relay(client, target);
    } else refuse(client, 1047, 'No node of this cluster takes sessions now');
  }

  private relay(client: Socket, target: DoorTarget): void {
    const { clock, log } = this.options;
    const node = connect({ ...target.address, allowHalfOpen: true, noDelay: true, keepAlive: true });
    const tooSlow = clock.after(connectTimeoutMs, () => node.destroy(new Error('it did not answer in time')));
    const gone = (error: Error) => {
      tooSlow.cancel();
      log.info({ node: target.name, error: messageOf(error) }, 'session refused');
      refuse(client, 1047, `${target.name} does not take the session: ${messageOf(error)}`);
    };
    node.once('error', gone);
    client.once('close', () => node.destroy());
    node.once('close', () => lingerThenCut(client));
    node.once('connect', () => {
      tooSlow.cancel();
      node.off('error', gone);
      // Each direction by itself: back pressure and half-closing pass through. When one breaks, so does the other.
      pipeline(client, node, (error) => error && client.destroy());
      pipeline(node, client, (error) => error && node.destroy());
    });
  }

  private count(client: Socket, node: string): void {
    this.sessions.set(client, node);
    client.once('close', () => {
      this.sessions.delete(client);
      this.tell();
    });
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

/** "127.0.0.1:45312", as the client's own machine lists its connections too. */
const nameOf = ({ remoteAddress, remotePort }: Socket): string =>
  remoteAddress === undefined ? 'a client that left at once' : `${remoteAddress}:${remotePort}`;

/** Answers with an error in the place of the greeting, and closes. */
function refuse(client: Socket, code: number, text: string): void {
  client.end(errorPacket(code, text));
  // What the client still says is not read by anybody.
  client.resume();
  lingerThenCut(client);
}

/** A client has a moment to read the last words; one that then does not close is cut. */
function lingerThenCut(client: Socket): void {
  client.setTimeout(lingerMs, () => client.destroy());
}

/**
 * ERR_Packet in the place of the initial handshake: 3 bytes payload length, sequence number 0, 0xff, error code (two
 * bytes, little endian), text. No SQL state: clients only look for one after capabilities were exchanged.
 * Source: MariaDB documentation, "ERR_Packet".
 */
function errorPacket(code: number, text: string): Buffer {
  const message = Buffer.from(text, 'utf8').subarray(0, 512);
  const packet = Buffer.alloc(4 + 3 + message.length);
  packet.writeUIntLE(3 + message.length, 0, 3);
  packet.writeUInt8(0, 3);
  packet.writeUInt8(0xff, 4);
  packet.writeUInt16LE(code, 5);
  message.copy(packet, 7);
  return packet;
}
