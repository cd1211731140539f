/** What a ring of real servers does when a peer dies beside its living server, and when a server stands still. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock, waitFor } from '../../base/clock.js';
import { valueAt } from '../testing/peer-process.js';
import { OrderedCluster } from './testing/ordered-cluster.js';

let cluster: OrderedCluster;
const servers: number[] = [];

const statusOf = (number: number) => cluster.peer(number).control.call('peer.status', {});

beforeAll(async () => {
  cluster = await OrderedCluster.start({ nodes: 3, firstPort: 27_200 });
  for (const number of [1, 2, 3]) {
    const { server } = await statusOf(number);
    if (server.kind === 'running') servers.push(server.pid);
  }
}, 150_000);
afterAll(async () => {
  await cluster?.end();
  for (const pid of servers) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended, as it should.
    }
  }
}, 60_000);

it('takes over a server that waits for an acknowledgement nobody will give', async () => {
  const writer = await cluster.connect(1);
  await writer.query('CREATE TABLE kept (id INT PRIMARY KEY)');
  const direct = await cluster.direct(2);
  cluster.peer(2).process.kill('SIGKILL');
  await cluster.agreed([1, 3]);
  // The server of db2 goes on following db1, and hands on what it applies to nobody: db3 follows db1 now.
  for (let id = 1; id <= 20; id++) await writer.query('INSERT INTO kept VALUES (?)', [id]);
  const waits = await waitFor(
    systemClock,
    async () => {
      const count = await valueAt(
        direct,
        "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'RPL_SEMI_SYNC_MASTER_WAIT_SESSIONS'",
      );
      return Number(count) > 0 ? true : undefined;
    },
    { everyMs: 20, timeoutMs: 10_000 },
  );
  expect(waits).toBe(true);

  await cluster.startPeer(2);
  const { server } = await statusOf(2);
  expect(server).toMatchObject({ kind: 'running', pid: servers[1] });
}, 60_000);

it('ends a server that stands still, so that the others commit again', async () => {
  const writer = await cluster.connect(1);
  const members = (await cluster.view(1))?.members.map(({ member }) => member) ?? [];
  process.kill(servers[2] ?? 0, 'SIGSTOP');
  const left = members.filter((member) => member !== 3);
  await cluster.agreed(left);
  await writer.query('INSERT INTO kept VALUES (100)');
  const { server } = await statusOf(3);
  expect(server).toMatchObject({ kind: 'stopped', unexpected: true });
  expect(server).toHaveProperty('reason', expect.stringContaining('SIGSTOP'));
}, 60_000);
