import { connect as connectPlain } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { systemClock, waitFor } from '../../base/clock.js';
import { silentLog } from '../../base/log.js';
import { newDurable, type RingMessage, type Voter } from '../../ring/model.js';
import { decodeMessage } from './codec.js';
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
  change: { life?: number; key?: Buffer; networks?: number } = {},
): Promise<Peer> {
  const heard: Peer['heard'] = [];
  const lost: number[] = [];
  const refused: string[] = [];
  const transport = await createTransport(
    {
      self: { id, life: change.life ?? 1 },
      cluster: 'lab',
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
  introduce([1, one], [2, again]);
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

test('a process that takes the place of another is a loss, the same one that dials again is not', async () => {
  const one = await peer(1);
  const two = await peer(2);
  introduce([1, one], [2, two]);
  await until(() => two.transport.isConnected(1, 0));
  const again = await peer(1);
  again.transport.setPeers([{ id: 2, addresses: two.transport.addresses }]);
  await until(() => again.transport.isConnected(2, 0) && two.transport.isConnected(1, 0));
  expect(two.lost).toEqual([]);
  await one.transport.close();
  await again.transport.close();
  await until(() => two.lost.length === 1);
  const reborn = await peer(1, { life: 2 });
  reborn.transport.setPeers([{ id: 2, addresses: two.transport.addresses }]);
  await until(() => two.transport.isConnected(1, 0));
  const third = await peer(1, { life: 3 });
  third.transport.setPeers([{ id: 2, addresses: two.transport.addresses }]);
  await until(() => two.lost.length === 2);
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
  expect(decodeMessage(JSON.stringify(message))).toEqual({ ok: true, value: message });
  expect(decodeMessage(JSON.stringify({ ...message, sees: [0] }))).toMatchObject({ ok: false });
  expect(decodeMessage('{"kind":"jump"}')).toMatchObject({ ok: false });
});
