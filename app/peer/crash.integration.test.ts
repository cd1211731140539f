/**
 * A writer dies in the middle of its commits, and comes back without a full copy: its recovery drops what no client was
 * told, its position is set back to what it holds, and the ring gives it back its own changes.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock, waitFor } from '../base/clock.js';
import { chooseJoin } from '../replication/join.js';
import { makeBank, type TestPeer, TestPeers, valueAt, WriteLoad } from './testing/peer-process.js';

const peers = new TestPeers();
let first: TestPeer;
let second: TestPeer;

const statusOf = (peer: TestPeer) => peer.control.call('peer.status', {});
const follow = (follower: TestPeer, predecessor: TestPeer, fromOwnBinlog: boolean) =>
  follower.control.call('replication.follow', { predecessor: predecessor.settings.sql, fromOwnBinlog });

beforeAll(async () => {
  [first, second] = await Promise.all([peers.start(21), peers.start(22)]);
  for (const peer of [first, second]) {
    await peer.control.call('server.initialise', {});
    await peer.control.call('server.start', {});
  }
  await follow(second, first, false);
  await first.control.call('server.set-read-only', { readOnly: false });
  await makeBank(await peers.application(first));
  await follow(first, second, true);
});
afterAll(() => peers.end());

async function standing(peer: TestPeer) {
  const { position, serverId } = await statusOf(peer);
  if (!position) throw new Error(`${peer.settings.node} stands nowhere`);
  return { ...position, serverId };
}

async function killUnderLoad(writer: TestPeer): Promise<number> {
  await writer.control.call('server.set-lossless', { lossless: true });
  const load = await WriteLoad.start(writer, 12);
  await waitFor(systemClock, () => (load.commits > 300 ? true : undefined), { timeoutMs: 20_000 });
  const { server } = await statusOf(writer);
  if (server.kind !== 'running') throw new Error('not running');
  process.kill(server.pid, 'SIGKILL');
  await load.stop();
  return load.inserts;
}

test.each([1, 2, 3])('nothing acknowledged is lost and the dead writer returns, time %i', async () => {
  const [writer, heir] = [first, second];
  const before = Number(await valueAt(await peers.application(heir), 'SELECT COUNT(*) FROM entry'));
  const inserts = await killUnderLoad(writer);
  await heir.control.call('replication.drain-relay-log', {});
  await heir.control.call('replication.stop', {});
  await heir.control.call('server.set-read-only', { readOnly: false });
  const client = await peers.application(heir);
  expect(Number(await valueAt(client, 'SELECT COUNT(*) FROM entry'))).toBeGreaterThanOrEqual(
    before + inserts,
  );
  await client.query('INSERT INTO entry (account, amount) VALUES (1, 1)');

  await writer.control.call('server.start', {});
  expect(chooseJoin(await standing(writer), await standing(heir))).toMatchObject({ method: 'incremental' });
  await follow(writer, heir, true);
  const expected = await heir.control.call('data.checksums', {});
  await writer.control.call('replication.wait-for', { position: expected.position, stallSeconds: 10 });
  expect(await writer.control.call('data.checksums', {})).toEqual(expected);

  await follow(heir, writer, true);
  [first, second] = [heir, writer];
});
