/**
 * MariaDB's own client for Node through the front end to a real server. It does what mysql2 does not: it sends PREPARE and
 * EXECUTE in one go, and whole batches in one command (COM_STMT_BULK_EXECUTE).
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Connection, type ConnectionConfig, createConnection } from 'mariadb';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type RealServer, startRealServer } from '../../wire/testing/real-server.js';
import type { FrontEnd } from './front-end.js';
import { CountingGate } from './testing/counting-gate.js';
import { openFrontEnd } from './testing/open-front-end.js';

const account = { host: '127.0.0.1', user: 'app', password: 'secret', database: 'shop' };
const goodbye = { errorNumber: 1053, sqlState: '08S01', message: 'Server shutdown in progress' };
let server: RealServer;
let frontEnd: FrontEnd;
let gate: CountingGate;
/** A connection beside the front end. */
let direct: Connection;
const open: Connection[] = [];

async function through(options: ConnectionConfig = {}): Promise<Connection> {
  const connection = await createConnection({ ...account, port: frontEnd.port, ...options });
  open.push(connection);
  return connection;
}

beforeAll(async () => {
  server = await startRealServer(22_340, 'mariadb-client', ['--local-infile=ON']);
  direct = await createConnection({ ...account, port: server.port });
  await direct.query(
    'CREATE TABLE item (id INT PRIMARY KEY AUTO_INCREMENT, name LONGTEXT, amount INT DEFAULT 0) ENGINE=InnoDB',
  );
  gate = new CountingGate();
  frontEnd = await openFrontEnd(server.port, direct, { gate, nodeNumber: 3 });
});

beforeEach(async () => {
  await direct.query('DELETE FROM item');
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.end()));
});

afterAll(async () => {
  await frontEnd?.close(goodbye);
  await direct?.end();
  await server?.stop();
});

async function position(): Promise<string> {
  const [row] = await direct.query<{ position: string }[]>('SELECT @@global.gtid_binlog_pos AS position');
  return String(row?.position);
}

/** How often the gate was passed while `work` ran, and whether the binlog moved. */
async function watch(work: () => Promise<unknown>): Promise<{ acquired: number; moved: boolean }> {
  const before = await position();
  const { acquired } = gate;
  await work();
  expect(gate.held).toBe(0);
  return { acquired: gate.acquired - acquired, moved: (await position()) !== before };
}

it('reads and writes with text, and with statements that it prepares and executes in one go', async () => {
  const session = await through();
  expect(await watch(() => session.query('INSERT INTO item (name) VALUES (?)', ['text']))).toEqual({
    acquired: 1,
    moved: true,
  });
  expect(await watch(() => session.execute('INSERT INTO item (name) VALUES (?)', ['binary']))).toEqual({
    acquired: 1,
    moved: true,
  });
  const read = () =>
    session.execute<{ name: string }[]>('SELECT name FROM item WHERE id > ? ORDER BY id', [0]);
  expect(await watch(read)).toEqual({ acquired: 0, moved: false });
  expect((await read()).map(({ name }) => name)).toEqual(['text', 'binary']);
});

it('sends many statements before it reads an answer, in their order', async () => {
  const session = await through({ pipelining: true });
  const numbers = Array.from({ length: 40 }, (_, index) => index);
  await Promise.all(
    numbers.map((number) =>
      number % 2
        ? session.execute('INSERT INTO item (amount) VALUES (?)', [number])
        : session.query('INSERT INTO item (amount) VALUES (?)', [number]),
    ),
  );
  const rows = await session.query<{ amount: number }[]>('SELECT amount FROM item ORDER BY id');
  expect(rows.map(({ amount }) => amount)).toEqual(numbers);
  expect(gate.held).toBe(0);
});

it('writes a batch as one command, inside a transaction and outside', async () => {
  const session = await through();
  const batch = (from: number) => Array.from({ length: 500 }, (_, index) => [`row ${index}`, from + index]);
  const insert = 'INSERT INTO item (name, amount) VALUES (?, ?)';
  const outside = await watch(() => session.batch(insert, batch(0)));
  expect(outside.moved).toBe(true);
  expect(outside.acquired).toBeGreaterThan(0);
  const rolledBack = await watch(async () => {
    await session.beginTransaction();
    await session.batch(insert, batch(1_000));
    await session.rollback();
  });
  expect(rolledBack).toEqual({ acquired: 0, moved: false });
  const committed = await watch(async () => {
    await session.beginTransaction();
    await session.batch(insert, batch(2_000));
    await session.commit();
  });
  expect(committed).toEqual({ acquired: 1, moved: true });
  const [sum] = await direct.query<{ rows: bigint }[]>('SELECT COUNT(*) AS `rows` FROM item');
  expect(Number(sum?.rows)).toBe(1_000);
});

it('sends and gets packets of 20 MB', async () => {
  const session = await through({ maxAllowedPacket: 64 * 1024 * 1024 });
  const big = 'x'.repeat(20 * 1024 * 1024);
  await session.query('INSERT INTO item (name) VALUES (?)', [big]);
  await session.execute('INSERT INTO item (name) VALUES (?)', [big]);
  const rows = await session.query<{ name: string }[]>('SELECT name FROM item');
  expect(rows.map(({ name }) => name === big)).toEqual([true, true]);
});

it('runs multi-statements with a commit in the middle', async () => {
  const session = await through({ multipleStatements: true });
  const sql = "BEGIN; INSERT INTO item (name) VALUES ('a'); COMMIT; INSERT INTO item (name) VALUES ('b')";
  expect(await watch(() => session.query(sql))).toMatchObject({ acquired: 1, moved: true });
  const rows = await session.query<{ name: string }[]>('SELECT name FROM item ORDER BY id');
  expect(rows.map(({ name }) => name)).toEqual(['a', 'b']);
});

it('loads a local file', async () => {
  const path = join(server.folder, 'items.csv');
  await writeFile(path, Array.from({ length: 1_000 }, (_, index) => `row ${index},${index}\n`).join(''));
  const session = await through({ permitLocalInfile: true });
  const load = () =>
    session.query(`LOAD DATA LOCAL INFILE '${path}' INTO TABLE item FIELDS TERMINATED BY ',' (name, amount)`);
  expect(await watch(load)).toEqual({ acquired: 1, moved: true });
  const [row] = await direct.query<{ total: string }[]>('SELECT SUM(amount) AS total FROM item');
  expect(Number(row?.total)).toBe(499_500);
});

it('changes its user, resets its connection, and is refused with a wrong password', async () => {
  const session = await through();
  await session.beginTransaction();
  await session.query("INSERT INTO item (name) VALUES ('lost')");
  await session.changeUser({ user: 'app', password: 'secret', database: 'shop' });
  await session.beginTransaction();
  await session.query("INSERT INTO item (name) VALUES ('lost too')");
  await session.reset();
  expect(await session.query('SELECT name FROM item')).toHaveLength(0);
  await expect(
    createConnection({ ...account, port: frontEnd.port, password: 'wrong' }),
  ).rejects.toMatchObject({
    errno: 1045,
  });
});
