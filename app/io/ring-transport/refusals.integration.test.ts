import { createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type Random, seededRandom } from '../../base/random.js';
import { encodeFrame, frameKinds, messageBytesMax } from './frames.js';
import { decodeRefusal, encodeHello, encodeRefusal, protocolVersion } from './greeting.js';
import type { MemberAddresses } from './options.js';
import {
  closeAll,
  connectByHand,
  endpointsOf,
  helloFrame,
  helloOf,
  hosts,
  startMember,
  type TestMember,
  testKey,
  until,
  Wire,
} from './testing/members.js';

afterEach(closeAll);

const pair: readonly MemberAddresses[] = [
  { name: 'db1', addresses: endpointsOf(22_721) },
  { name: 'db2', addresses: endpointsOf(22_722) },
];
const here = { host: hosts[0], port: 22_721 };
const db0: MemberAddresses = { name: 'db0', addresses: endpointsOf(22_720) };

const refusedCodes = (member: TestMember) => [...new Set(member.refused.map(({ code }) => code))];
const countOf = (member: TestMember, code: string) =>
  member.transport.refusals().reduce((sum, one) => sum + (one.code === code ? one.count : 0), 0);
/** What may never happen through anybody who is not a member. */
const entered = (member: TestMember) => member.heard.filter(({ kind }) => kind !== 'lost');

test('another key is refused, and both sides say so', async () => {
  const db2 = await startMember({ name: 'db2', port: 22_722, members: pair });
  const db1 = await startMember({ name: 'db1', port: 22_721, members: pair, key: Buffer.alloc(32, 'other') });
  await until('both know', () => db1.refused.length >= 2 && db2.refused.length >= 2);
  await until('tried again', () => countOf(db2, 'ring.key-differs') >= 6);
  expect(refusedCodes(db1)).toEqual(['ring.key-differs']);
  expect(refusedCodes(db2)).toEqual(['ring.key-differs']);
  expect(db1.refused[0]?.message).toContain(`${hosts[0]}:22722`);
  // Told once per address, however often it is tried.
  expect([db1.refused.length, db2.refused.length]).toEqual([2, 2]);
  expect([...db1.heard, ...db2.heard]).toEqual([]);
});

test('another cluster is refused, and both sides say which', async () => {
  const db2 = await startMember({ name: 'db2', port: 22_722, members: pair });
  const db1 = await startMember({ name: 'db1', port: 22_721, members: pair, cluster: 'shop' });
  await until('both know', () => db1.refused.length >= 2 && db2.refused.length >= 2);
  expect(db1.refused[0]?.code).toBe('ring.cluster-differs');
  expect(db1.refused[0]?.data).toMatchObject({ ours: 'shop', theirs: 'bank' });
  expect(db2.refused[0]?.code).toBe('ring.cluster-differs');
  expect(db2.refused[0]?.data).toMatchObject({ ours: 'bank', theirs: 'shop' });
  expect([...db1.heard, ...db2.heard]).toEqual([]);
});

test('a member that is not expected, or elsewhere, is refused by name', async () => {
  // db2 does not know db1, and is taken for db3.
  const db2 = await startMember({ name: 'db2', port: 22_722, networks: 1, members: [db0] });
  const members = [
    { name: 'db2', addresses: endpointsOf(22_722, 1) },
    { name: 'db3', addresses: endpointsOf(22_722, 1) },
  ];
  const db1 = await startMember({ name: 'db1', port: 22_721, networks: 1, members });
  await until('both are known', () => db1.refused.length === 2 && db2.refused.length === 2);
  for (const member of [db1, db2]) {
    const byCode = new Map(member.refused.map((error) => [error.code, error.data]));
    expect(byCode.get('ring.member-unknown')).toMatchObject({ member: 'db1', by: 'db2' });
    expect(byCode.get('ring.member-differs')).toMatchObject({ expected: 'db3', found: 'db2' });
  }
  expect([...db1.heard, ...db2.heard]).toEqual([]);
});

test.each([
  [
    'version',
    { version: protocolVersion + 1 },
    'ring.version-differs',
    `${protocolVersion}`,
    `${protocolVersion + 1}`,
  ],
  ['network', { network: 1 }, 'ring.network-differs', '0', '1'],
  ['member', { from: { name: 'db9', life: 1, boot: 1 } }, 'ring.member-unknown', 'db1', 'db9'],
] as const)(
  'a hello of another %s gets a refusal that names it',
  async (mismatch, changes, code, mine, yours) => {
    const db1 = await startMember({ name: 'db1', port: 22_721, members: [db0] });
    const stranger = await connectByHand(here, testKey);
    stranger.socket.write(helloFrame('db1', changes));
    await until('refused', () => stranger.state.closed);
    expect(stranger.frames.map(({ kind }) => kind)).toEqual(['refusal']);
    const refusal = decodeRefusal(stranger.frames[0]?.payload ?? Buffer.alloc(0));
    expect(refusal).toEqual({ ok: true, value: { mismatch, mine, yours } });
    expect(refusedCodes(db1)).toEqual([code]);
    expect(db1.heard).toEqual([]);
  },
);

test('one who dials believes a refusal', async () => {
  // A listener of a later version, made by hand.
  const server = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    socket.end(encodeFrame(0, 'refusal', encodeRefusal({ mismatch: 'version', mine: '2', yours: '1' })));
  });
  await new Promise<void>((resolve) => server.listen({ host: hosts[0], port: 22_722 }, resolve));
  const db1 = await startMember({
    name: 'db1',
    port: 22_721,
    networks: 1,
    key: null,
    members: [{ name: 'db2', addresses: endpointsOf(22_722, 1) }],
  });
  await until('it tried twice', () => countOf(db1, 'ring.version-differs') >= 2);
  expect(db1.refused).toHaveLength(1);
  expect(db1.refused[0]?.data).toMatchObject({ ours: '1', theirs: '2' });
  await db1.transport.close();
  await new Promise((resolve) => server.close(resolve));
});

test('an older process of the same member does not push the newer one out', async () => {
  const db1 = await startMember({ name: 'db1', port: 22_721, members: [db0] });
  const newer = await connectByHand(here, testKey);
  newer.socket.write(helloFrame('db1', { from: { name: 'db0', life: 7, boot: 5 } }));
  await until('in', () => db1.transport.networksTo('db0').length === 1);
  const older = await connectByHand(here, testKey);
  older.socket.write(helloFrame('db1', { from: { name: 'db0', life: 7, boot: 4 } }));
  await until('refused', () => older.state.closed);
  expect(refusedCodes(db1)).toEqual(['ring.boot-over']);
  expect(newer.state.closed).toBe(false);
  // The same process again, as after a connection that only we still believe in.
  const again = await connectByHand(here, testKey);
  again.socket.write(helloFrame('db1', { from: { name: 'db0', life: 7, boot: 5 } }));
  await until('replaced', () => newer.state.closed);
  expect(db1.heard.map((one) => (one.kind === 'lost' ? one.reason : one.kind))).toEqual([
    'connected',
    'replaced',
    'connected',
  ]);
});

test('another name in TLS than in the hello is not a peer', async () => {
  const db1 = await startMember({ name: 'db1', port: 22_721, members: [db0] });
  const liar = await connectByHand(here, testKey, 'db7');
  liar.socket.write(helloFrame('db1'));
  await until('cut', () => liar.state.closed);
  expect(refusedCodes(db1)).toEqual(['ring.frame-malformed']);
  expect(db1.heard).toEqual([]);
});

test('without a key only loopback is taken', async () => {
  const start = (host: string) =>
    startMember({
      name: 'db1',
      port: 22_721,
      key: null,
      members: [{ name: 'db2', addresses: [{ host, port: 22_722 }] }],
    });
  await expect(start('192.0.2.1')).rejects.toMatchObject({ code: 'ring.unprotected' });
  await expect(start('db2.example')).rejects.toMatchObject({ code: 'ring.unprotected' });
  // Nothing was left open: the port is free for one who is allowed.
  await start(hosts[0]);
  await expect(start(hosts[0])).rejects.toMatchObject({ code: 'host.port-in-use' });
});

test('who is slow to greet loses the connection, and there is never room for many', async () => {
  const limits = { greetingMs: 400, halfOpenPerAddressMax: 8 };
  const db1 = await startMember({ name: 'db1', port: 22_721, members: [db0], limits });
  const silent = await Promise.all(Array.from({ length: 8 }, () => connectByHand(here, null)));
  const tooMany = await Promise.all(Array.from({ length: 8 }, () => connectByHand(here, null)));
  await until('the rest is cut at once', () => tooMany.every(({ state }) => state.closed));
  expect(silent.some(({ state }) => state.closed)).toBe(false);
  await until('the slow ones too', () => silent.every(({ state }) => state.closed));
  // One byte at a time, after a true handshake, is not a greeting either.
  const dripping = await connectByHand(here, testKey);
  const hello = helloFrame('db1');
  let sent = 0;
  const drip = setInterval(() => {
    if (sent < hello.length - 1) dripping.socket.write(hello.subarray(sent, ++sent));
  }, 20);
  await until('cut', () => dripping.state.closed);
  clearInterval(drip);
  expect(refusedCodes(db1)).toEqual(['ring.greeting-failed']);
  expect(countOf(db1, 'ring.greeting-failed')).toBe(17);
  expect(db1.heard).toEqual([]);
  // There is room again for a member.
  const member = await connectByHand(here, testKey);
  member.socket.write(hello);
  await until('in', () => db1.transport.networksTo('db0').length === 1);
});

test('bytes of a session that come again, or changed, end the session and reach nobody', async () => {
  for (const harm of ['repeat', 'change'] as const) {
    const db2 = await startMember({ name: 'db2', port: 22_722, networks: 1, members: pair });
    const wire = new Tampered({ host: hosts[0], port: 22_732 }, { host: hosts[0], port: 22_722 });
    await wire.join();
    const db1 = await startMember({
      name: 'db1',
      port: 22_721,
      networks: 1,
      members: [{ name: 'db2', addresses: [wire.at] }],
      limits: { heartbeatMs: 60_000, silentMs: 120_000 },
    });
    await until('both are connected', () =>
      [db1.transport.networksTo('db2'), db2.transport.networksTo('db1')].every((list) => list.length === 1),
    );
    wire.harm = harm;
    expect(db1.transport.send('db2', 0, { number: 1, text: 'once' })).toBe(true);
    await until('it ended', () => db2.heard.some(({ kind }) => kind === 'lost'));
    expect(db2.heard.find(({ kind }) => kind === 'lost')).toMatchObject({ reason: 'malformed' });
    expect(db2.heard.filter(({ kind }) => kind === 'message')).toHaveLength(harm === 'repeat' ? 1 : 0);
    await closeAll();
  }
});

/** A wire whose next piece towards the member comes twice, or with another last byte. */
class Tampered extends Wire {
  harm: 'repeat' | 'change' | null = null;

  protected override forward(chunk: Buffer, to: Socket): void {
    const { harm } = this;
    this.harm = null;
    if (harm === 'change') chunk[chunk.length - 1] = (chunk.at(-1) ?? 0) ^ 1;
    to.write(chunk);
    if (harm === 'repeat') to.write(Buffer.from(chunk));
  }
}

test('frames without a key are counted too: one that comes again ends the link', async () => {
  const db1 = await startMember({ name: 'db1', port: 22_721, members: [db0], key: null });
  const peer = await connectByHand(here, null);
  const note = encodeFrame(1, 'message', Buffer.from('{"number":1,"text":"once"}'));
  peer.socket.write(Buffer.concat([helloFrame('db1'), note, note]));
  await until('cut', () => peer.state.closed);
  expect(db1.heard.map(({ kind }) => kind)).toEqual(['connected', 'message', 'lost']);
  expect(refusedCodes(db1)).toEqual(['ring.frame-malformed']);
});

test('frames that are cut, too long, too short or of no kind reach nobody', async () => {
  const long = Buffer.alloc(4);
  long.writeUInt32LE(messageBytesMax + 6);
  const cases: readonly [string, Buffer, string][] = [
    ['cut', encodeFrame(1, 'message', Buffer.from('{"number":1,"text":"x"}')).subarray(0, -1), 'truncated'],
    ['cut in its length', Buffer.from([9, 0]), 'truncated'],
    ['too long', long, 'malformed'],
    ['too short', Buffer.from([4, 0, 0, 0, 1, 0, 0, 0]), 'malformed'],
    ['of no kind', Buffer.from([5, 0, 0, 0, 1, 0, 0, 0, 99]), 'malformed'],
    ['a second hello', encodeFrame(1, 'hello', encodeHello(helloOf('db1'))), 'malformed'],
    ['not a note', encodeFrame(1, 'message', Buffer.from('{"number":1}')), 'malformed'],
    ['not JSON', encodeFrame(1, 'message', Buffer.from('{{{')), 'malformed'],
  ];
  const db1 = await startMember({ name: 'db1', port: 22_721, members: [db0] });
  for (const [, bytes, reason] of cases) {
    db1.heard.length = 0;
    const peer = await connectByHand(here, testKey);
    peer.socket.write(Buffer.concat([helloFrame('db1'), bytes]));
    if (reason === 'truncated') await until('in', () => db1.heard.length === 1);
    if (reason === 'truncated') peer.socket.end();
    await until('cut', () => db1.heard.length === 2);
    expect(db1.heard).toMatchObject([{ kind: 'connected' }, { kind: 'lost', reason }]);
  }
});

test('thousands of streams of garbage enter nothing and disturb nobody', async () => {
  const networks = 1;
  const limits = { greetingMs: 200, halfOpenPerAddressMax: 1_000, halfOpenMax: 1_000 };
  const members = [...pair, db0].map(({ name, addresses }) => ({
    name,
    addresses: addresses.slice(0, networks),
  }));
  const bare = await startMember({ name: 'db1', port: 22_723, members, networks, limits, key: null });
  const db1 = await startMember({ name: 'db1', port: 22_721, members, networks, limits });
  const db2 = await startMember({ name: 'db2', port: 22_722, members: members.slice(0, 2), networks });
  await until('the two members are connected', () => db2.transport.networksTo('db1').length === 1);
  const random = seededRandom(20_26);
  const streams = [
    ...Array.from({ length: 400 }, () => ({ port: 22_721, key: null })),
    ...Array.from({ length: 2_300 }, () => ({ port: 22_723, key: null })),
    ...Array.from({ length: 300 }, () => ({ port: 22_721, key: testKey })),
  ];
  for (let batch = 0; batch < streams.length; batch += 50) {
    db2.transport.send('db1', 0, { number: batch, text: 'still here' });
    await Promise.all(
      streams.slice(batch, batch + 50).map(async ({ port, key }) => {
        const bytes = garbage(random);
        const peer = await connectByHand({ host: hosts[0], port }, key);
        // In one piece or in two; then either side may end it.
        const cut = random.integer(0, bytes.length);
        peer.socket.write(bytes.subarray(0, cut));
        peer.socket.end(bytes.subarray(cut));
        await until('it ends', () => peer.state.closed);
      }),
    );
  }
  const messages = (member: TestMember) => member.heard.filter(({ kind }) => kind === 'message');
  await until('the member was heard all the time', () => messages(db1).length === streams.length / 50);
  expect(messages(bare)).toEqual([]);
  expect(db1.heard.filter((one) => one.member.name === 'db2').map(({ kind }) => kind)).toEqual([
    'connected',
    ...messages(db1).map(() => 'message'),
  ]);
  expect(db2.heard).toHaveLength(1);
  // Only a true hello of a member opens a link, and what came after it ended that link.
  for (const member of [bare, db1]) {
    const ofDb0 = member.heard.filter((one) => one.member.name === 'db0');
    expect(ofDb0.filter(({ kind }) => kind === 'connected').length).toBeGreaterThan(10);
    expect(ofDb0.filter(({ kind }) => kind === 'connected').length).toBe(
      ofDb0.filter(({ kind }) => kind === 'lost').length,
    );
    expect(entered(member).filter(({ kind }) => kind === 'message' && member === bare)).toEqual([]);
    // Thousands of them, and a handful of lines in the log.
    expect(member.refused.length).toBeLessThan(12);
    expect(countOf(member, 'ring.frame-malformed')).toBeGreaterThan(100);
  }
  expect(countOf(db1, 'ring.greeting-failed')).toBeGreaterThan(100);
});

/** Bytes as somebody may send them who is not a peer, or is one that lost its mind. */
function garbage(random: Random): Buffer {
  const noise = (length: number) => Buffer.from(Array.from({ length }, () => random.integer(0, 255)));
  const hello = helloFrame('db1');
  const kinds = Object.keys(frameKinds) as (keyof typeof frameKinds)[];
  switch (random.integer(0, 5)) {
    case 0:
      return noise(random.integer(1, 600));
    case 1: {
      // The beginning of a TLS handshake, then noise.
      return Buffer.concat([Buffer.from([22, 3, 1, 0, random.integer(0, 255), 1]), noise(200)]);
    }
    case 2: {
      const changed = Buffer.from(hello);
      for (let times = random.integer(1, 4); times > 0; times -= 1)
        changed[random.integer(0, 12)] = random.integer(0, 255);
      return changed;
    }
    case 3:
      return hello.subarray(0, random.integer(1, hello.length - 1));
    case 4:
      return Buffer.concat([hello, noise(random.integer(1, 600))]);
    default:
      return Buffer.concat([hello, encodeFrame(1, random.pick(kinds), noise(random.integer(1, 300)))]);
  }
}
