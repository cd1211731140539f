/** The position of a snapshot is the snapshot's own, whatever others ask the server meanwhile. */
import type { Connection } from 'mysql2/promise';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../base/clock.js';
import { Admin } from '../io/mariadb/admin.js';
import { checksumTables } from '../io/mariadb/checksums.js';
import { sequenceOf } from '../model/gtid.js';
import { type RealServer, startRealServer } from '../wire/testing/real-server.js';
import { valueAt } from './testing/peer-process.js';

const account = { user: 'app', password: 'secret' };
const writers = 6;
const askers = 6;
const snapshots = 150;

let server: RealServer;
const connections: Connection[] = [];

async function connect(): Promise<Connection> {
  const connection = await createConnection({
    host: '127.0.0.1',
    port: server.port,
    database: 'shop',
    ...account,
  });
  connections.push(connection);
  return connection;
}

beforeAll(async () => {
  server = await startRealServer(22_880, 'snapshots', ['--log-bin=binlog', '--gtid-strict-mode=ON']);
}, 60_000);

afterAll(async () => {
  for (const connection of connections) connection.destroy();
  await server?.stop();
});

/** Does the same again until `stop` is aborted. */
async function repeat(stop: AbortSignal, act: () => Promise<unknown>): Promise<void> {
  while (!stop.aborted) await act();
}

it('names the last change that a snapshot sees while others commit and read the status', async () => {
  const setUp = await connect();
  await setUp.query('CREATE TABLE entry (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB');
  const base = sequenceOf(await valueAt(setUp, 'SELECT @@global.gtid_binlog_pos'));
  const stop = new AbortController();
  const busy = [];
  for (let index = 0; index < writers; index++) {
    const writer = await connect();
    busy.push(repeat(stop.signal, () => writer.query('INSERT INTO entry VALUES ()')));
  }
  for (let index = 0; index < askers; index++) {
    const asker = await connect();
    busy.push(repeat(stop.signal, () => asker.query("SHOW GLOBAL STATUS LIKE 'Binlog\\_commits'")));
  }
  const admin = await Admin.neighbour('server', { host: '127.0.0.1', port: server.port }, account);
  const context = { signal: stop.signal, progress: () => undefined };
  const wrong: string[] = [];
  try {
    for (let turn = 0; turn < snapshots; turn++) {
      const { position, tables } = await checksumTables(admin, systemClock, context);
      const rows = tables.find(({ table }) => table === 'shop.entry')?.rows ?? 0;
      if (sequenceOf(position) - base !== rows) wrong.push(`${rows} rows at ${position}, after ${base}`);
    }
  } finally {
    stop.abort();
    await Promise.all(busy);
    await admin.close();
  }
  expect(wrong).toEqual([]);
}, 60_000);
