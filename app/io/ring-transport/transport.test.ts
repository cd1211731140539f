import { connect as connectPlain } from 'node:net';
import { connect } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { systemClock, waitFor } from '../../base/clock.js';
import { silentLog } from '../../base/log.js';
import { seededRandom } from '../../base/random.js';
import { newDurable, type RingMessage, type Voter } from '../../ring/model.js';
import { createFrameReader, decodeMessage, encodeFrame, frameBytesMax, type Hello } from './codec.js';
import { createTransport, type RingTransport } from './transport.js';

const key = Buffer.alloc(32, 7);
const host = '127.0.0.1';

interface Peer {
  readonly transport: RingTransport;
  readonly heard: { from: Voter; network: number; message: RingMessage }[];
  readonly lost: number[];
  readonly refused: string[];
}

const open: RingTransport[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((transport) => transport.close()));
});

async function peer(
  id: number,
  change: { cluster?: string; key?: Buffer; networks?: number } = {},
): Promise<Peer> {
  const heard: Peer['heard'] = [];
  const lost: number[] = [];
  const refused: string[] = [];
  const transport = await createTransport(
    {
      self: { id, life: 1 },
      cluster: change.cluster ?? 'lab',
      key: change.key ?? key,
      listen: Array.from({ length: change.networks ?? 1 }, () => ({ host, port: 0 })),
      clock: systemClock,
      log: silentLog(),
    },
    {
      message: (from, network, message) => heard.push({ from, network, message }),
      disconnected: (gone) => lost.push(gone),
      refused: (reason) => refused.push(reason),
    },
  );
  open.push(transport);
  return { transport, heard, lost, refused };
}

function introduce(...peers: readonly [number, Peer][]): void {
  const all = peers.map(([id, { transport }]) => ({ id, addresses: transport.addresses }));
  for (const [, { transport }] of peers) transport.setPeers(all);
}

const until = async (what: () => boolean): Promise<void> => {
  expect(await waitFor(systemClock, () => what() || undefined, { everyMs: 5, timeoutMs: 8_000 })).toBe(true);
};

const want: RingMessage = { kind: 'want', ringId: 1025 };

/** A connection that knows the key, but not how to behave. */
function intruder(transport: RingTransport, say: (write: (bytes: Buffer) => void) => void): Promise<void> {
  return new Promise((done) => {
    const socket = connect({
      ...(transport.addresses[0] as { host: string; port: number }),
      ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
      maxVersion: 'TLSv1.2',
      pskCallback: () => ({ psk: key, identity: 'intruder' }),
      checkServerIdentity: () => undefined,
    });
    socket.once('secureConnect', () => say((bytes) => socket.write(bytes)));
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    socket.on('close', () => done());
  });
}

const hello = (change: Partial<Hello>): Hello => ({
  protocol: 'ringmaster-ring',
  version: 1,
  cluster: 'lab',
  id: 9,
  life: 1,
  network: 0,
  ...change,
});

test('messages travel both ways, and a lost connection is told and made again', async () => {
  const one = await peer(1);
  const two = await peer(2);
  introduce([1, one], [2, two]);
  await until(() => one.transport.isConnected(2, 0) && two.transport.isConnected(1, 0));
  one.transport.send(2, 0, want);
  two.transport.send(1, -1, want);
  await until(() => one.heard.length === 1 && two.heard.length === 1);
  expect(one.heard[0]).toEqual({ from: { id: 2, life: 1 }, network: 0, message: want });

  const { addresses } = two.transport;
  await two.transport.close();
  await until(() => one.lost.length === 1);
  expect(one.lost).toEqual([2]);
  const again = await peer(2);
  one.transport.setPeers([{ id: 2, addresses: again.transport.addresses }]);
  expect(again.transport.addresses).not.toEqual(addresses);
  await until(() => one.transport.isConnected(2, 0));
});

test('a peer with two networks is lost only when both are', async () => {
  const one = await peer(1, { networks: 2 });
  const two = await peer(2, { networks: 2 });
  introduce([1, one], [2, two]);
  await until(() => one.transport.isConnected(2, 0) && one.transport.isConnected(2, 1));
  one.transport.send(2, -1, want);
  await until(() => two.heard.length === 2);
  expect(two.heard.map(({ network }) => network).sort()).toEqual([0, 1]);
  expect(one.lost).toEqual([]);
});

test.each([
  ['another version', { version: 2 }, 'protocol version 2, this peer speaks 1'],
  ['another cluster', { cluster: 'shop' }, 'cluster shop, this peer belongs to lab'],
  ['another protocol', { protocol: 'http' }, 'protocol http, this peer speaks ringmaster-ring'],
  ['the wrong network', { network: 1 }, 'network 1, this address is of network 0'],
  ['our own number', { id: 1 }, 'number 1, which is our own'],
])('refuses %s and says so', async (_, change, reason) => {
  const one = await peer(1);
  await intruder(one.transport, (write) => write(encodeFrame(hello(change))));
  expect(one.refused.join()).toContain(reason);
  expect(one.heard).toEqual([]);
});

test('refuses another key, and plain text', async () => {
  const one = await peer(1);
  const two = await peer(2, { key: Buffer.alloc(32, 8) });
  introduce([1, one], [2, two]);
  await until(() => two.refused.length > 0);
  const { port } = one.transport.addresses[0] as { port: number };
  await new Promise<void>((done) => {
    const socket = connectPlain(port, host, () => socket.write('GET / HTTP/1.1\r\n\r\n'));
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    socket.on('close', () => done());
  });
  await until(() => one.refused.length > 0);
  expect(one.transport.isConnected(2, 0)).toBe(false);
});

test('garbage, truncated and oversized frames close their connection and nothing else', async () => {
  const one = await peer(1);
  const two = await peer(2);
  introduce([1, one], [2, two]);
  await until(() => one.transport.isConnected(2, 0));
  const random = seededRandom(99);
  const bytes = (count: number) => Buffer.from(Array.from({ length: count }, () => random.integer(0, 255)));
  const oversized = Buffer.alloc(4);
  oversized.writeUInt32BE(frameBytesMax + 1, 0);
  const valid = encodeFrame(want);
  for (let round = 0; round < 25; round++) {
    await intruder(one.transport, (write) => {
      if (round % 2 === 0) write(encodeFrame(hello({ id: 9 + round })));
      const damaged = Buffer.from(valid);
      damaged[random.integer(4, damaged.length - 1)] = random.integer(0, 255);
      write(random.pick([bytes(200), oversized, damaged]));
      // Whatever was still swallowed as a piece of a frame, this is not JSON.
      write(encodeFrame(want).fill(0xff, 4));
      write(Buffer.alloc(frameBytesMax, 0x7b));
      write(oversized);
    });
  }
  for (const { message } of one.heard)
    expect(decodeMessage(JSON.stringify(message))).toEqual({ value: message });
  one.heard.length = 0;
  two.transport.send(1, 0, want);
  await until(() => one.heard.length === 1);
  expect(one.transport.isConnected(2, 0)).toBe(true);
});

test('frames may be cut anywhere', () => {
  const frames = Buffer.concat([encodeFrame(want), encodeFrame({ kind: 'attest', ringId: 2049 })]);
  for (let at = 1; at < frames.length; at++) {
    const reader = createFrameReader();
    const texts = [frames.subarray(0, at), frames.subarray(at)].flatMap((chunk) => {
      const result = reader.push(chunk);
      return 'value' in result ? result.value : [];
    });
    expect(texts.map(decodeMessage)).toEqual([{ value: want }, { value: { kind: 'attest', ringId: 2049 } }]);
  }
});

test('a poisoned reader stays poisoned', () => {
  const reader = createFrameReader();
  expect(reader.push(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toHaveProperty('problem');
  expect(reader.push(encodeFrame(want))).toHaveProperty('problem');
});

test('what a message carries comes back as it was', () => {
  const { primary, history, control } = newDurable(1, [
    { id: 1, life: 1, arbiter: false },
    { id: 2, life: 1, arbiter: true },
  ]);
  const message: RingMessage = {
    kind: 'join',
    sees: [2],
    info: {
      id: 1,
      life: 1,
      version: 3,
      wantsIn: true,
      promised: 1,
      primary,
      ambiguous: primary ? [primary] : [],
      history,
      data: { kind: 'ready', received: 4, lineage: 1, certain: true },
      dead: [],
      control,
    },
  };
  expect(decodeMessage(JSON.stringify(message))).toEqual({ value: message });
  expect(decodeMessage(JSON.stringify({ ...message, sees: [0] }))).toHaveProperty('problem');
  expect(decodeMessage('{"kind":"jump"}')).toHaveProperty('problem');
});
