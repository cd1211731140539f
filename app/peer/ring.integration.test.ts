import { afterAll, beforeAll, expect, test } from 'vitest';
import { sequenceOf } from '../model/gtid.js';
import type { StepProgress } from '../model/plan.js';
import { copyOnto, makeBank, type TestPeer, TestPeers, valueAt, WriteLoad } from './testing/peer-process.js';

const peers = new TestPeers();
let first: TestPeer;
let second: TestPeer;
let load: WriteLoad;

beforeAll(async () => {
  [first, second] = await Promise.all([peers.start(11), peers.start(12)]);
  await first.control.call('server.initialise', {});
  await first.control.call('server.start', {});
  await first.control.call('server.set-read-only', { readOnly: false });
  await makeBank(await peers.application(first));
  load = await WriteLoad.start(first, 4);
});
afterAll(async () => {
  await load.stop();
  await peers.end();
});

const positionOf = async (peer: TestPeer) =>
  (await peer.control.call('peer.status', {})).position?.binlog ?? '';

const follow = (follower: TestPeer, predecessor: TestPeer, fromOwnBinlog: boolean) =>
  follower.control.call('replication.follow', { predecessor: predecessor.settings.sql, fromOwnBinlog });

/** Both nodes stand still at one position and have the same tables. */
async function expectEqual(): Promise<void> {
  await load.pause();
  const expected = await first.control.call('data.checksums', {});
  await second.control.call('replication.wait-for', { position: expected.position, stallSeconds: 10 });
  const found = await second.control.call('data.checksums', {});
  expect(found).toEqual(expected);
  expect(expected.tables.map(({ table }) => table)).toEqual(['bank.account', 'bank.entry']);
  load.resume();
}

test('a cancelled copy leaves nothing behind and the donor serves on', async () => {
  const { address, token } = await second.control.call('copy.receive', { expectedBytes: 1e6 });
  const stop = new AbortController();
  const received = second.control.call(
    'copy.received',
    {},
    { signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) },
  );
  const sent = first.control.call('copy.send', { to: address, token, parallel: 1 }, { signal: stop.signal });
  const ends = await Promise.allSettled([received, sent]);
  expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const status = await second.control.call('peer.status', {});
  expect(status).toMatchObject({ preparedCopy: false, server: { kind: 'no-data' } });
  await expect(second.control.call('copy.prepare', {})).rejects.toMatchObject({ code: 'snapshot.failed' });
});

test('a donor that does not know the token is turned away', async () => {
  const { address } = await second.control.call('copy.receive', { expectedBytes: 1e6 });
  await expect(
    first.control.call('copy.send', { to: address, token: 'f'.repeat(64), parallel: 1 }),
  ).rejects.toMatchObject({ code: 'snapshot.failed' });
  await second.control.call('copy.discard', {});
});

test('a copy taken while clients write catches up and is equal, change for change', async () => {
  const seen: StepProgress[] = [];
  const position = await copyOnto(second, first, (progress) => seen.push(progress));
  expect(sequenceOf(position)).toBeGreaterThan(0);
  expect(seen.at(-1)?.done).toBeGreaterThan(1_000_000);
  await follow(second, first, false);
  await second.control.call('replication.wait-for', { position: await positionOf(first), stallSeconds: 10 });
  // Verified at one exact position, while the first goes on.
  await second.control.call('replication.freeze', {});
  const expected = await first.control.call('data.checksums', {});
  const reached = await second.control.call('replication.apply-until', {
    position: expected.position,
    stallSeconds: 10,
  });
  expect(sequenceOf(reached.applied)).toBe(sequenceOf(expected.position));
  const found = await second.control.call('data.checksums', {});
  expect(found).toEqual(expected);
  await second.control.call('copy.accept', {});
});

test('a frozen applier caches what arrives, and applies it when unfrozen', async () => {
  const frozen = await second.control.call('peer.status', {});
  expect(frozen.follow?.applier).toBe('frozen');
  await second.control.call('replication.wait-for', {
    position: frozen.position?.binlog ?? '',
    stallSeconds: 5,
  });
  const goal = await positionOf(first);
  await second.control.call('replication.unfreeze', {});
  await second.control.call('replication.wait-for', { position: goal, stallSeconds: 10 });
});

test('the ring closes while the writer writes: it follows from its own last commit, again and again', async () => {
  for (let time = 0; time < 5; time++) {
    const before = load.commits;
    const following = await follow(first, second, true);
    expect(following).toMatchObject({ receiver: 'running', applier: 'running', errorNumber: 0 });
    expect(load.commits).toBeGreaterThan(before);
  }
  await first.control.call('server.set-lossless', { lossless: true });
  const before = load.commits;
  await second.control.call('replication.wait-for', { position: await positionOf(first), stallSeconds: 10 });
  expect(load.commits).toBeGreaterThan(before);
  expect(load.failures).toEqual([]);
  await expectEqual();
});

test('applied changes are no transactions of sessions', async () => {
  const sampled = await new Promise<number | null | undefined>((resolve) => {
    second.control.onNotice('peer.sampled', ({ sample }) => {
      if (sample?.transactionsPerSecond != null) resolve(sample.transactionsPerSecond);
    });
  });
  expect(sampled).toBe(0);
});

test('a node that was away gets only what it missed', async () => {
  await first.control.call('server.set-lossless', { lossless: false });
  await first.control.call('replication.stop', {});
  await second.control.call('server.stop', {});
  const stopped = await second.control.call('peer.status', {});
  expect(stopped.server).toEqual({ kind: 'stopped', unexpected: false, reason: 'it was stopped' });
  const started = await second.control.call('server.start', {});
  expect(started.position?.binlog).toBe(stopped.position?.binlog);
  await follow(second, first, true);
  await expectEqual();
});

test('an aborted join gives the old data back, byte for byte as far as tables tell', async () => {
  await second.control.call('replication.stop', {});
  const before = await second.control.call('data.checksums', {});
  const status = await second.control.call('peer.status', {});
  await second.control.call('server.stop', {});
  await copyOnto(second, first, () => undefined);
  expect((await positionOf(second)) === status.position?.binlog).toBe(false);
  await expect(second.control.call('copy.discard', {})).rejects.toMatchObject({
    code: 'server.still-running',
  });
  await second.control.call('server.stop', {});
  await second.control.call('copy.discard', {});
  const back = await second.control.call('server.start', {});
  expect(back.position?.binlogState).toBe(status.position?.binlogState);
  expect(await second.control.call('data.checksums', {})).toEqual(before);
});

test('sessions are counted and closed, those in a transaction after the deadline', async () => {
  await load.stop();
  const idle = await peers.application(first);
  const busy = await peers.application(first);
  await busy.query('START TRANSACTION');
  await busy.query('UPDATE account SET balance = -1 WHERE id = 999');
  expect(await valueAt(idle, 'SELECT 1')).toBe('1');
  const { sessions } = await first.control.call('sessions.count', {});
  expect(sessions).toBeGreaterThanOrEqual(2);
  const { closed } = await first.control.call('sessions.close', { deadlineSeconds: 0.3 });
  expect(closed).toBe(sessions);
  expect(await first.control.call('sessions.count', {})).toEqual({ sessions: 0 });
  const again = await peers.application(first);
  expect(await valueAt(again, 'SELECT balance FROM account WHERE id = 999')).toBe('0');
});
