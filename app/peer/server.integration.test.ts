import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectSocket, createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../base/clock.js';
import type { PeerNotices, PeerStatus } from '../contract/control.js';
import { connectToPeer } from '../io/control/client.js';
import { parseProcessStat } from '../io/mariadb/sampler.js';
import { makeBank, type TestPeer, TestPeers, valueAt } from './testing/peer-process.js';

const peers = new TestPeers();
let db: TestPeer;

beforeAll(async () => {
  db = await peers.start(1);
});
afterAll(() => peers.end());

/** The next status that the peer tells by itself and that passes `wanted`. */
function nextStatus(peer: TestPeer, wanted: (status: PeerStatus) => boolean): Promise<PeerStatus> {
  return new Promise((resolve) => {
    const off = peer.control.onNotice('peer.changed', (status) => {
      if (!wanted(status)) return;
      off();
      resolve(status);
    });
  });
}

function nextSample(
  peer: TestPeer,
  wanted: (notice: PeerNotices['peer.sampled']) => boolean,
): Promise<PeerNotices['peer.sampled']> {
  return new Promise((resolve) => {
    const off = peer.control.onNotice('peer.sampled', (notice) => {
      if (!wanted(notice)) return;
      off();
      resolve(notice);
    });
  });
}

const pidOf = (status: PeerStatus): number => (status.server.kind === 'running' ? status.server.pid : 0);

test('a new node has no data, is made and started within seconds, and has written nothing', async () => {
  expect((await db.control.call('peer.status', {})).server).toEqual({ kind: 'no-data' });
  await expect(db.control.call('server.start', {})).rejects.toMatchObject({ code: 'server.no-data' });
  const beganAtMs = systemClock.monotonicMs();
  await db.control.call('server.initialise', {});
  const madeAtMs = systemClock.monotonicMs();
  const status = await db.control.call('server.start', {});
  const startedAtMs = systemClock.monotonicMs();
  process.stdout.write(
    `made in ${Math.round(madeAtMs - beganAtMs)} ms, started in ${Math.round(startedAtMs - madeAtMs)} ms\n`,
  );
  expect(status.server).toMatchObject({ kind: 'running', readOnly: true });
  expect(status.position).toEqual({ binlog: '', applied: '', binlogState: '', oldestBinlog: '' });
  // 0.9 s on an idle machine; the bound is that of a whole lab, on a machine that does other things too.
  expect(startedAtMs - beganAtMs).toBeLessThan(15_000);
});

test('applications reach their own database and nothing else', async () => {
  await db.control.call('server.set-read-only', { readOnly: false });
  const application = await peers.application(db);
  await makeBank(application);
  expect(await valueAt(application, 'SELECT COUNT(*) FROM account')).toBe('1000');
  await expect(application.query('SELECT * FROM mysql.global_priv')).rejects.toMatchObject({ errno: 1142 });
});

test('a sample counts the transactions of sessions', async () => {
  const application = await peers.application(db);
  let running = true;
  let done = 0;
  const work = (async () => {
    while (running) {
      await application.query('SELECT balance FROM account WHERE id = 1');
      await application.query('UPDATE account SET balance = balance + 1 WHERE id = 1');
      done += 2;
    }
  })();
  // The first notice may lie half before the work; from its end to the end of the next one all is counted by us too.
  await nextSample(db, ({ sample }) => sample?.transactionsPerSecond != null);
  const [from, fromMs] = [done, systemClock.monotonicMs()];
  const { sample, status } = await nextSample(db, () => true);
  const rate = ((done - from) * 1000) / (systemClock.monotonicMs() - fromMs);
  running = false;
  await work;
  expect(sample?.transactionsPerSecond).toBeGreaterThan(rate * 0.7);
  expect(sample?.transactionsPerSecond).toBeLessThan(rate * 1.3);
  expect(sample?.sessions).toBe(2);
  expect(sample?.cpuPercent).toBeGreaterThan(0);
  expect(sample?.memoryBytes).toBeGreaterThan(20_000_000);
  expect(sample?.responseMs).toBeGreaterThan(0);
  expect(status.position?.binlog).toMatch(/^0-1-\d+$/);
});

test('a server killed by SIGKILL is noticed within half a second, with the reason, and starts again', async () => {
  const before = await db.control.call('peer.status', {});
  const noticed = nextStatus(db, ({ server }) => server.kind === 'stopped');
  const killedAtMs = systemClock.monotonicMs();
  process.kill(pidOf(before), 'SIGKILL');
  const { server } = await noticed;
  const noticedMs = systemClock.monotonicMs() - killedAtMs;
  process.stdout.write(`noticed after ${Math.round(noticedMs)} ms\n`);
  expect(server).toEqual({ kind: 'stopped', unexpected: true, reason: 'killed by SIGKILL' });
  expect(noticedMs).toBeLessThan(500);
  await expect(db.control.call('sessions.count', {})).rejects.toMatchObject({ code: 'server.not-running' });
  // Where it stands is read from its files.
  const stands = (await db.control.call('peer.status', {})).position;
  const after = await db.control.call('server.start', {});
  expect(after.server.kind).toBe('running');
  expect(after.position?.binlog).toBe(before.position?.binlog);
  expect(stands).toMatchObject({ binlog: after.position?.binlog, binlogState: after.position?.binlogState });
});

test('a peer that ends leaves its server, and the next one adopts it', async () => {
  const before = await db.control.call('peer.status', {});
  const exited = once(db.process, 'exit');
  await db.control.call('peer.end', { stopServer: false });
  await exited;
  db = await peers.start(1);
  const adopted = await db.control.call('peer.status', {});
  expect(pidOf(adopted)).toBe(pidOf(before));
  const noticed = nextStatus(db, ({ server }) => server.kind === 'stopped');
  process.kill(pidOf(adopted), 'SIGKILL');
  expect((await noticed).server).toMatchObject({ kind: 'stopped', unexpected: true });
});

test('a quota holds the server back where control groups can be written', async () => {
  await db.control.call('server.start', {});
  await db.control.call('server.set-read-only', { readOnly: false });
  const { applied, why } = await db.control.call('server.set-quota', { cores: 0.2 });
  if (!applied) {
    expect(why).not.toBe('');
    return;
  }
  const pid = pidOf(await db.control.call('peer.status', {}));
  const cpuSeconds = async () =>
    (parseProcessStat(await readFile(`/proc/${pid}/stat`, 'utf8'))?.ticks ?? 0) / 100;
  const busy = await peers.application(db);
  const burning = busy.query("SELECT BENCHMARK(1000000000, MD5('a'))").catch(() => 'closed');
  const { sample } = await nextSample(db, (notice) => (notice.sample?.cpuPercent ?? 0) > 20);
  expect(sample?.cpuPercent).toBeLessThanOrEqual(100);
  const [from, fromMs] = [await cpuSeconds(), systemClock.monotonicMs()];
  await nextSample(db, () => true);
  const cores = ((await cpuSeconds()) - from) / ((systemClock.monotonicMs() - fromMs) / 1000);
  expect(cores).toBeLessThan(0.35);
  expect(await db.control.call('sessions.close', { deadlineSeconds: 0 })).toMatchObject({
    closed: expect.any(Number),
  });
  expect(await burning).toBe('closed');
  await db.control.call('server.set-quota', { cores: null });
  await db.control.call('server.stop', {});
});

test('a port in use is named', async () => {
  const { sql } = db.settings;
  const other = createServer().listen(sql.port, sql.host);
  await once(other, 'listening');
  await expect(db.control.call('server.start', {})).rejects.toMatchObject({
    code: 'host.port-in-use',
    data: { port: sql.port },
  });
  other.close();
  await once(other, 'close');
});

test('garbage on the control socket ends that connection only', async () => {
  for (const garbage of [
    '\r\n\r\n',
    'Content-Length: x\r\n\r\n',
    'Content-Length: 5\r\n\r\n{{{{{',
    '\0\u0001\xff\r\n\r\n',
  ]) {
    const socket = connectSocket(db.settings.controlSocket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    socket.resume();
    socket.end(garbage);
    await closed;
  }
  expect((await db.control.call('peer.status', {})).node).toBe('db1');
});

test('unknown methods and wrong parameters are refused by name', async () => {
  const other = await connectToPeer('db1', db.settings.controlSocket);
  // @ts-expect-error a method that the contract does not have
  await expect(other.call('server.explode', {})).rejects.toMatchObject({ code: 'request.unknown' });
  await expect(
    // @ts-expect-error a parameter of another type
    other.call('server.set-read-only', { readOnly: 'perhaps' }),
  ).rejects.toMatchObject({ code: 'request.invalid', data: { name: 'server.set-read-only' } });
  other.close();
});
