/** Members with real sockets on loopback, and what stands between them. Ports 22700 to 22799. */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { systemClock, waitFor } from '../../../base/clock.js';
import type { RingmasterError } from '../../../base/errors.js';
import { silentLog } from '../../../base/log.js';
import { seededRandom } from '../../../base/random.js';
import { encodeFrame, type FrameKind, FrameReader, messageBytesMax } from '../frames.js';
import { encodeHello, type Hello, type MemberIdentity, protocolVersion } from '../greeting.js';
import { RingMesh } from '../mesh.js';
import type { Endpoint, LostReason, MemberAddresses, MessageCodec, TransportLimits } from '../options.js';
import { deriveRingKey, tlsSettings } from '../security.js';

export const testKey = Buffer.alloc(32, 'ring');
export const testCluster = 'bank';

/**
 * Addresses of network 0 and 1, and of whoever comes by hand. Not 127.0.0.1: there the system gives every number that
 * we listen on to some client now and then, and thousands of them come and go in these tests.
 */
export const hosts = ['127.0.42.1', '127.0.42.2'] as const;
const handHost = '127.0.42.9';

export const endpointsOf = (port: number, networks = 2): readonly Endpoint[] =>
  hosts.slice(0, networks).map((host) => ({ host, port }));

export interface Note {
  readonly number: number;
  readonly text: string;
}

/** JSON, of exactly this shape. */
export const noteCodec: MessageCodec<Note> = {
  encode: (note) => Buffer.from(JSON.stringify(note)),
  decode: (bytes) => {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value !== 'object' || value === null || !('number' in value) || !('text' in value))
      return { ok: false, problem: 'not a note' };
    const { number, text } = value;
    return typeof number === 'number' && typeof text === 'string'
      ? { ok: true, value: { number, text } }
      : { ok: false, problem: 'not a note' };
  },
};

type Heard =
  | { readonly kind: 'connected'; readonly member: MemberIdentity; readonly network: number }
  | {
      readonly kind: 'lost';
      readonly member: MemberIdentity;
      readonly network: number;
      readonly reason: LostReason;
    }
  | {
      readonly kind: 'message';
      readonly member: MemberIdentity;
      readonly network: number;
      readonly note: Note;
    };

/** A transport that remembers everything it was told. */
export interface TestMember {
  readonly transport: RingMesh<Note>;
  readonly heard: Heard[];
  readonly refused: RingmasterError[];
}

interface TestMemberOptions {
  readonly name: string;
  readonly port: number;
  readonly members: readonly MemberAddresses[];
  readonly networks?: number;
  readonly key?: Buffer | null;
  readonly cluster?: string;
  readonly boot?: number;
  readonly limits?: Partial<TransportLimits>;
}

/** Fast enough for a test, and slow enough for a busy machine. */
const testLimits: Partial<TransportLimits> = { backoffMaxMs: 200, greetingMs: 3_000 };

/** The transports of one test, closed together by `closeAll`. */
const open: { close(): Promise<void> }[] = [];

export async function closeAll(): Promise<void> {
  await Promise.all(open.splice(0).map((one) => one.close()));
}

export async function startMember(options: TestMemberOptions): Promise<TestMember> {
  const heard: Heard[] = [];
  const refused: RingmasterError[] = [];
  const transport = new RingMesh<Note>({
    cluster: options.cluster ?? testCluster,
    self: { name: options.name, life: options.port, boot: options.boot ?? 1 },
    listen: endpointsOf(options.port, options.networks),
    members: options.members,
    key: options.key === undefined ? testKey : options.key,
    codec: noteCodec,
    events: {
      onConnected: (member, network) => heard.push({ kind: 'connected', member, network }),
      onLost: (member, network, reason) => heard.push({ kind: 'lost', member, network, reason }),
      onMessage: (member, network, note) => heard.push({ kind: 'message', member, network, note }),
      onRefused: (error) => refused.push(error),
    },
    clock: systemClock,
    random: seededRandom(options.port),
    log: silentLog(),
    limits: { ...testLimits, ...options.limits },
  });
  open.push(transport);
  await transport.start();
  return { transport, heard, refused };
}

/** Waits for something that must come true. @throws when it does not within 10 s */
export async function until(what: string, isTrue: () => boolean): Promise<void> {
  const found = await waitFor(systemClock, () => isTrue() || undefined, { everyMs: 2, timeoutMs: 10_000 });
  if (!found) throw new Error(`it did not happen: ${what}`);
}

/** A wire that can be cut: listens beside a member and passes everything on to it. */
export class Wire {
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;

  constructor(
    readonly at: Endpoint,
    private readonly to: Endpoint,
  ) {
    open.push(this);
  }

  async join(): Promise<void> {
    const server = createServer({ noDelay: true }, (near) => {
      const far = createConnection({ ...this.to, noDelay: true });
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.#sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.on('data', (chunk: Buffer) => this.forward(chunk, far));
      far.pipe(near);
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.at, resolve));
  }

  /** One piece on its way to the member. */
  protected forward(chunk: Buffer, to: Socket): void {
    to.write(chunk);
  }

  /** Ends what goes through it; new connections are taken. */
  shake(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends what goes through it, and takes no more. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    const closed = server && new Promise((resolve) => server.close(resolve));
    this.shake();
    await closed;
  }
}

/** What somebody who speaks to a member by hand hears. */
export interface HandMade {
  readonly socket: Socket;
  readonly frames: { readonly kind: FrameKind; readonly payload: Buffer }[];
  readonly state: { closed: boolean; error: Error | null };
}

/** Connects by hand; resolves when TLS stands (or TCP without a key), or when that failed. */
export async function connectByHand(to: Endpoint, key: Buffer | null, identity = 'db0'): Promise<HandMade> {
  const psk = key && deriveRingKey(key);
  const where = { ...to, localAddress: handHost };
  const options: ConnectionOptions = {
    ...where,
    ...tlsSettings,
    pskCallback: () => ({ psk: psk ?? Buffer.alloc(0), identity }),
    checkServerIdentity: () => undefined,
  };
  const socket: Socket = psk ? connectTls(options) : createConnection(where);
  const made: HandMade = { socket, frames: [], state: { closed: false, error: null } };
  const reader = new FrameReader();
  reader.payloadBytesMax = messageBytesMax;
  socket.on('data', (chunk: Buffer) => {
    reader.push(chunk);
    for (let next = reader.next(); next.kind === 'frame'; next = reader.next())
      made.frames.push({ kind: next.frame, payload: Buffer.from(next.payload) });
  });
  socket.on('error', (error) => {
    made.state.error = error;
  });
  open.push({ close: async () => void socket.destroy() });
  await new Promise<void>((resolve) => {
    socket.once(psk ? 'secureConnect' : 'connect', resolve);
    socket.once('close', () => {
      made.state.closed = true;
      resolve();
    });
  });
  return made;
}

/** The hello of `db0`, which sorts first and so is the one that dials. */
export const helloOf = (to: string, changes: Partial<Hello> = {}): Hello => ({
  version: protocolVersion,
  cluster: testCluster,
  from: { name: 'db0', life: 7, boot: 1 },
  to,
  network: 0,
  ...changes,
});

export const helloFrame = (to: string, changes: Partial<Hello> = {}): Buffer =>
  encodeFrame(0, 'hello', encodeHello(helloOf(to, changes)));
