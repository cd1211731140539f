/** Commits on all nodes at once, ordered by the token, on real servers. */
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock, waitFor } from '../../base/clock.js';
import { valueAt } from '../testing/peer-process.js';
import { OrderedCluster } from './testing/ordered-cluster.js';

let cluster: OrderedCluster;
const numbers = [1, 2, 3];

beforeAll(async () => {
  cluster = await OrderedCluster.start({ nodes: 3, firstPort: 22_900 });
}, 150_000);
afterAll(async () => await cluster?.end(), 60_000);

/** The rows of a table as one node holds them, when it has applied everything that the others hold. */
async function rowsEverywhere(statement: string): Promise<string[]> {
  const direct = await Promise.all(numbers.map((number) => cluster.direct(number)));
  const ends = await Promise.all(direct.map((one) => valueAt(one, 'SELECT @@global.gtid_binlog_pos')));
  const last = Math.max(...ends.map((end) => Number(end.split('-')[2] ?? 0)));
  const reached = await waitFor(
    systemClock,
    async () => {
      const now = await Promise.all(direct.map((one) => valueAt(one, 'SELECT @@global.gtid_binlog_pos')));
      return now.every((end) => Number(end.split('-')[2] ?? 0) >= last) ? true : undefined;
    },
    { everyMs: 20, timeoutMs: 10_000 },
  );
  expect(reached).toBe(true);
  return await Promise.all(
    direct.map(async (one) => JSON.stringify((await one.query<RowDataPacket[]>(statement))[0])),
  );
}

it('takes writes on every node, in one gapless order', async () => {
  const sessions = await Promise.all(numbers.map((number) => cluster.connect(number)));
  const [first] = sessions as [Connection];
  await first.query(
    'CREATE TABLE item (id INT AUTO_INCREMENT PRIMARY KEY, node INT NOT NULL, turn INT NOT NULL)',
  );
  // A write by itself is no causal read: it finds the table where it was applied.
  await rowsEverywhere('SELECT COUNT(*) AS n FROM item');
  const each = 100;
  const write = async (session: Connection, index: number) => {
    await session.query("SET @ringmaster_read = 'causal'");
    for (let turn = 1; turn <= each; turn++)
      await session.query('INSERT INTO item (node, turn) VALUES (?, ?)', [index + 1, turn]);
  };
  await Promise.all(sessions.map(write));
  const rows = await rowsEverywhere(
    'SELECT node, COUNT(*) AS n, SUM(turn) AS total FROM item GROUP BY node ORDER BY node',
  );
  expect(new Set(rows).size).toBe(1);
  expect(JSON.parse(rows[0] ?? '[]')).toHaveLength(3);
  const direct = await cluster.direct(2);
  expect(await valueAt(direct, 'SELECT @@global.gtid_binlog_pos')).toMatch(new RegExp(`-${3 * each + 1}$`));
}, 60_000);

it('applies what it received before it stops: the next start throws relay logs away', async () => {
  const writer = await cluster.connect(1);
  await writer.query('CREATE TABLE IF NOT EXISTS kept (id INT PRIMARY KEY)');
  await rowsEverywhere('SELECT COUNT(*) AS n FROM kept');
  const { control } = cluster.peer(2);
  await control.call('replication.freeze', {});
  for (let id = 1; id <= 20; id++) await writer.query('INSERT INTO kept VALUES (?)', [id]);
  const last = await valueAt(await cluster.direct(1), 'SELECT @@global.gtid_binlog_pos');
  await control.call('server.stop', {});
  const { position, server } = await control.call('peer.status', {});
  expect(server).toMatchObject({ kind: 'stopped', unexpected: false });
  expect(position?.binlog).toBe(last);
  await control.call('server.start', {});
  await control.call('ring.serve', {});
  await cluster.agreed(numbers);
}, 90_000);
