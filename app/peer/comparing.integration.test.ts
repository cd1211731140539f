/** Snapshots of three real servers at one change while clients commit on all of them, and what their sums find. */
import type { Connection } from 'mysql2/promise';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock, waitFor } from '../base/clock.js';
import { nodeFolder } from '../io/mariadb/node-folder.js';
import { nodeName } from '../model/ids.js';
import type { TableRanges } from '../model/verification.js';
import { judge } from '../replication/verification.js';
import { OrderedCluster } from './engine/testing/ordered-cluster.js';
import { valueAt } from './testing/peer-process.js';

let cluster: OrderedCluster;
const numbers = [1, 2, 3];

beforeAll(async () => {
  cluster = await OrderedCluster.start({ nodes: 3, firstPort: 28_100 });
  const first = await cluster.connect(1);
  await first.query('CREATE TABLE item (id INT PRIMARY KEY, amount INT NOT NULL, note TEXT, ratio FLOAT)');
  await first.query("INSERT INTO item SELECT seq, seq, REPEAT('x', 50), seq / 3 FROM seq_1_to_3000");
  await first.query('CREATE TABLE word (word VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY, bits BIT(5))');
  await first.query("INSERT INTO word SELECT CONCAT('w', seq), 5 FROM seq_1_to_1500");
  await first.query('CREATE TABLE code (code BINARY(4), part INT, PRIMARY KEY (code, part))');
  await first.query('INSERT INTO code SELECT UNHEX(LPAD(HEX(seq DIV 3), 8, 0)), seq FROM seq_1_to_2500');
  await first.query('CREATE TABLE keyless (text LONGTEXT)');
  await first.query("INSERT INTO keyless VALUES ('a'), ('a'), (NULL), ('')");
}, 150_000);
afterAll(async () => await cluster?.end(), 60_000);

/** Opens the snapshots of all nodes in one pause. */
async function openAll(): Promise<number> {
  const call = cluster.peer(2).control;
  const { sequence } = await call.call('commits.pause', { limitMs: 5_000 });
  await Promise.all(
    numbers.map((number) =>
      cluster.peer(number).control.call('compare.open', { sequence, patienceMs: 4_000 }),
    ),
  );
  expect(await call.call('commits.resume', {})).toMatchObject({ unbroken: true });
  return sequence;
}

async function compare(wanted?: readonly TableRanges[]) {
  const sequence = await openAll();
  const ranges =
    wanted ?? (await cluster.peer(1).control.call('compare.ranges', { loadPercent: 100 })).tables;
  const tables = ranges.map(({ edges, ...rest }) => ({ ...rest, edges: [...edges] }));
  const found = await Promise.all(
    numbers.map(async (number) => {
      const { control } = cluster.peer(number);
      const sums = await control.call('compare.sums', { tables, loadPercent: 100 });
      expect(Number(sums.position.split('-')[2])).toBe(sequence);
      await control.call('compare.close', {});
      const definitions = ranges.map(({ table }) => ({ table, definition: '', unreadable: null }));
      return { name: nodeName(`db${number}`), definitions, tables: sums.tables };
    }),
  );
  return { ranges, judged: judge(found, ranges) };
}

/** The server itself, as one who goes around the cluster. */
async function behindTheBack(number: number): Promise<Connection> {
  const { folder, admin } = cluster.peer(number).settings;
  const connection = await createConnection({
    socketPath: nodeFolder(folder).socket,
    ...admin,
    database: 'bank',
  });
  await connection.query('SET SESSION sql_log_bin = 0');
  return connection;
}

it('finds all nodes equal at one change while clients commit on all of them', async () => {
  const stop = new AbortController();
  const clients = numbers.flatMap((number) =>
    [0, 1, 2].map(async (which) => {
      const client = await cluster.connect(number);
      let commits = 0;
      for (; !stop.signal.aborted; commits++) {
        const id = 3_000 + commits * 9 + number * 3 + which;
        await client
          .query('INSERT INTO item VALUES (?, 1, NULL, 0.1) ON DUPLICATE KEY UPDATE amount = amount + 1', [
            id,
          ])
          .catch((error: { errno?: number }) => {
            if (error.errno !== 1213) throw error;
          });
      }
      return commits;
    }),
  );
  try {
    for (let round = 0; round < 8; round++) {
      const { judged, ranges } = await compare();
      expect(judged).toMatchObject({ drift: [], notCompared: [], tables: 4 });
      expect(judged.rows).toBeGreaterThanOrEqual(3_000 + 1_500 + 2_500 + 4);
      expect(
        ranges.every(({ table, edges }) =>
          table.endsWith('keyless') ? edges.length === 0 : edges.length > 0,
        ),
      );
    }
  } finally {
    stop.abort();
  }
  for (const commits of await Promise.all(clients)) expect(commits).toBeGreaterThan(5);
}, 120_000);

it('finds one changed row, with its table and range, by every kind of key', async () => {
  const changes: [string, string, RegExp][] = [
    ['UPDATE item SET ratio = ratio + 0.0001 WHERE id = 1500', 'item', /^id 1001 to 2000$/],
    ["UPDATE word SET bits = 4 WHERE word = 'w7'", 'word', /^word from w\d+ (on|to before)/],
    ['DELETE FROM code WHERE part = 2500', 'code', /^code from 0x[0-9A-F]{8} on$/],
    ["UPDATE keyless SET text = '' WHERE text IS NULL", 'keyless', /^the whole table$/],
  ];
  const stranger = await behindTheBack(2);
  try {
    for (const [statement] of changes) await stranger.query(statement);
  } finally {
    stranger.destroy();
  }
  const { judged } = await compare();
  for (const [, table, where] of changes) {
    const found = judged.drift.filter((each) => each.table.endsWith(`.${table}`));
    expect(found).toHaveLength(1);
    expect(found[0]?.odd).toEqual(['db2']);
    expect(found[0]?.where).toMatch(where);
  }
}, 60_000);

it('keeps no client back for longer than it said, although nobody ends the pause', async () => {
  const client = await cluster.connect(3);
  const view = await cluster.view(1);
  await cluster.peer(1).control.call('commits.pause', { limitMs: 1_500 });
  const beganMs = performance.now();
  await client.query('UPDATE item SET amount = 7 WHERE id = 1');
  expect(performance.now() - beganMs).toBeGreaterThan(1_000);
  expect((await cluster.view(3))?.ringId).toBe(view?.ringId);
  expect(await cluster.peer(1).control.call('commits.resume', {})).toMatchObject({ unbroken: false });
}, 30_000);

it('gives way to a change of a table that it is just reading, in one long piece', async () => {
  const client = await cluster.connect(1);
  const columns = Array.from({ length: 60 }, (_, index) => `c${index}`);
  await client.query(`CREATE TABLE wide (${columns.map((name) => `${name} INT`).join(', ')})`);
  await client.query(`INSERT INTO wide SELECT ${columns.map(() => 'seq').join(', ')} FROM seq_1_to_60000`);
  await openAll();
  const wide = { table: 'bank.wide', key: null, edges: [] };
  const { control } = cluster.peer(1);
  const reading = control.call('compare.sums', { tables: [wide], loadPercent: 100 });
  const direct = await behindTheBack(1);
  const reads = async () =>
    (await valueAt(
      direct,
      "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%`wide`%'",
    )) > '1';
  expect(
    await waitFor(systemClock, async () => (await reads()) || undefined, { everyMs: 5, timeoutMs: 10_000 }),
  ).toBe(true);
  const beganMs = performance.now();
  await client.query('ALTER TABLE wide ADD COLUMN later INT');
  const alteredMs = performance.now() - beganMs;
  direct.destroy();
  const { tables } = await reading;
  expect(tables[0]?.problem).toContain('was let through');
  expect(alteredMs).toBeLessThan(2_000);
  for (const number of numbers) await cluster.peer(number).control.call('compare.close', {});
}, 60_000);

it('lets a change of a table through while its snapshot is open, and does not judge that table', async () => {
  await openAll();
  const client = await cluster.connect(1);
  await client.query('ALTER TABLE item ADD COLUMN later INT DEFAULT 3');
  const { control } = cluster.peer(1);
  const { tables: ranges } = await control.call('compare.ranges', { loadPercent: 100 });
  const tables = ranges.map(({ edges, ...rest }) => ({ ...rest, edges: [...edges] }));
  const { tables: sums } = await control.call('compare.sums', { tables, loadPercent: 100 });
  expect(sums.find(({ table }) => table.endsWith('.item'))?.problem).toContain('changed while');
  expect(sums.find(({ table }) => table.endsWith('.word'))?.problem).toBeNull();
  for (const number of numbers) await cluster.peer(number).control.call('compare.close', {});
}, 30_000);

it('keeps nobody back when the server of the one that holds the token dies, and says that the pause was broken', async () => {
  const client = await cluster.connect(2);
  await cluster.peer(1).control.call('commits.pause', { limitMs: 5_000 });
  const { server } = await cluster.peer(1).control.call('peer.status', {});
  if (server.kind !== 'running') throw new Error('db1 does not run');
  const beganMs = performance.now();
  process.kill(server.pid, 'SIGKILL');
  await client.query('UPDATE item SET amount = 8 WHERE id = 1');
  expect(performance.now() - beganMs).toBeLessThan(4_000);
  expect(await cluster.peer(1).control.call('commits.resume', {})).toMatchObject({ unbroken: false });
  await cluster.agreed([2, 3]);
}, 30_000);
