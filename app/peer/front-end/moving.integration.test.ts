/** Sessions move between two real servers, and their clients do not notice; where that is not possible, they hear why. */
import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, waitFor } from '../../base/clock.js';
import { silentLog } from '../../base/log.js';
import { commandCode, isMalformed } from '../../wire/packets/capabilities.js';
import { encodeStatementCommand } from '../../wire/packets/commands.js';
import { decodePrepareOk } from '../../wire/packets/responses.js';
import { ask, baseCapabilities, logIn, payloadsOf } from '../../wire/packets/testing/capture.js';
import { type RealServer, startRealServer } from '../../wire/testing/real-server.js';
import { FrontEnd } from './front-end.js';
import { openGate } from './gate.js';
import type { NodeAddress, Seat } from './seat.js';
import { CountingGate } from './testing/counting-gate.js';
import { passwordHashes } from './testing/password-hashes.js';

const goodbye = { errorNumber: 1053, sqlState: '08S01', message: 'Server shutdown in progress' };
const account = { host: '127.0.0.1', user: 'app', password: 'secret', database: 'shop' };

let one: RealServer;
let two: RealServer;
let frontEnd: FrontEnd;
/** Where sessions may go on. */
let seats: readonly Seat[] = [];
/** To the second server, beside the front end. */
let beside: Connection;
const open: Connection[] = [];

const seatOf = ({ port }: RealServer): Seat => ({
  node: { host: '127.0.0.1', port },
  gate: openGate,
  killQuery: () => Promise.resolve(),
});

async function through(options: ConnectionOptions = {}): Promise<Connection> {
  const connection = await createConnection({ ...account, port: frontEnd.port, ...options });
  // Without a listener an error between two queries would end the test.
  (connection as unknown as { connection: NodeJS.EventEmitter }).connection.on('error', () => undefined);
  open.push(connection);
  return connection;
}

/** Several, all at rest: behind the answer to a login the front end still asks its own of the node. */
async function throughMany(count: number): Promise<Connection[]> {
  const sessions = await Promise.all(Array.from({ length: count }, () => through()));
  const resting = () => frontEnd.list().every(([, { idle }]) => idle);
  await waitFor(systemClock, () => (resting() ? true : undefined), { timeoutMs: 10_000 });
  return sessions;
}

const portOf = async (connection: Connection): Promise<number> => {
  const [[row]] = (await connection.query('SELECT @@port AS port')) as unknown as [{ port: number }[]];
  return row?.port ?? 0;
};

beforeAll(async () => {
  // One of them is killed again and again, and must have its rows afterwards.
  const durable = ['--innodb-flush-log-at-trx-commit=1', '--sync-binlog=1'];
  one = await startRealServer(22330, 'move-one', durable);
  two = await startRealServer(22331, 'move-two', durable);
  for (const { port } of [one, two]) {
    const direct = await createConnection({ ...account, port, multipleStatements: true });
    await direct.query(
      'CREATE TABLE item (id INT PRIMARY KEY AUTO_INCREMENT, name TEXT, amount INT DEFAULT 0) ENGINE=InnoDB; CREATE DATABASE other; CREATE TABLE other.item (place TEXT)',
    );
    await direct.query(`INSERT INTO item (name, amount) VALUES ('at ${port}', 7)`);
    await direct.query(`INSERT INTO other.item VALUES ('other ${port}')`);
    await direct.end();
  }
  beside = await createConnection({ ...account, port: two.port });
}, 60_000);

beforeEach(async () => {
  await beside.query("DELETE FROM item WHERE name NOT LIKE 'at %'");
  seats = [seatOf(one), seatOf(two)];
  frontEnd = await FrontEnd.open({
    host: '127.0.0.1',
    port: 0,
    ...seatOf(one),
    nodeNumber: 1,
    sessionsMax: 200,
    tls: null,
    elsewhere: {
      seats: (lost: NodeAddress) => seats.filter(({ node }) => node.port !== lost.port),
      passwordHashes,
    },
    clock: systemClock,
    log: silentLog(),
  });
});

afterEach(async () => {
  for (const connection of open.splice(0)) connection.destroy();
  await frontEnd?.close(goodbye);
  await one.kill();
  await one.start();
});

afterAll(async () => {
  await beside?.end();
  await Promise.all([one?.stop(), two?.stop()]);
});

describe('a node that dies', () => {
  it('loses none of 50 idle sessions: schema, variables and prepared statements go on', async () => {
    const sessions = await throughMany(50);
    await Promise.all(
      sessions.map(async (session, index) => {
        await session.query(
          "SET SESSION sql_mode = 'ANSI_QUOTES', time_zone = '+03:00', sort_buffer_size = 300000",
        );
        await session.query(`SET @mine = ${index}, @word = 'a b'`);
        await session.query("SET NAMES 'utf8mb4' COLLATE 'utf8mb4_czech_ci'");
        await session.execute('SELECT name FROM item WHERE amount = ?', [7]);
        if (index % 2 === 1) await session.query('USE other');
      }),
    );
    await one.kill();
    const seen = await Promise.all(
      sessions.map(async (session, index) => {
        const [[row]] = (await session.query(
          'SELECT @@port AS port, @@sql_mode AS mode, @@time_zone AS zone, @@sort_buffer_size AS sort, @mine AS mine, @word AS word, DATABASE() AS base, @@collation_connection AS collation, CONNECTION_ID() AS id',
        )) as unknown as [Record<string, unknown>[]];
        const [prepared] = await session.execute('SELECT name FROM item WHERE amount = ?', [7]);
        return { row, prepared, index, id: session.threadId };
      }),
    );
    for (const { row, prepared, index, id } of seen) {
      expect(row).toEqual({
        port: two.port,
        mode: 'ANSI_QUOTES',
        zone: '+03:00',
        sort: 300000,
        mine: index,
        word: 'a b',
        base: index % 2 === 1 ? 'other' : 'shop',
        collation: 'utf8mb4_czech_ci',
        id,
      });
      // Prepared in shop: its names still mean that schema.
      expect(prepared).toEqual([{ name: `at ${two.port}` }]);
    }
    expect(frontEnd.sessionCount).toBe(50);
  });

  it('loses none either when all are turned away while it is found out whether the node is lost', async () => {
    const sessions = await throughMany(20);
    const turning = systemClock.every(1, () => frontEnd.turnAway(goodbye));
    await one.kill();
    const moved = () => frontEnd.list().every(([, { node, idle }]) => node.port === two.port && idle);
    await waitFor(systemClock, () => (moved() ? true : undefined), { timeoutMs: 15_000 });
    turning.cancel();
    expect(await Promise.all(sessions.map(portOf))).toEqual(sessions.map(() => two.port));
  });

  it('or that is shut down in the usual way: sessions go on all the same', async () => {
    const sessions = await throughMany(20);
    const direct = await createConnection({ ...account, port: one.port });
    await direct.query('SHUTDOWN');
    direct.destroy();
    const moved = () => frontEnd.list().every(([, { node, idle }]) => node.port === two.port && idle);
    await waitFor(systemClock, () => (moved() ? true : undefined), { timeoutMs: 15_000 });
    expect(await Promise.all(sessions.map(portOf))).toEqual(sessions.map(() => two.port));
  });

  it('gives an open transaction 1213, and its session goes on', async () => {
    const [session, waiting] = [await through(), await through()];
    await session.beginTransaction();
    await session.query("INSERT INTO item (name) VALUES ('lost')");
    await waiting.query('SET autocommit = 0');
    await one.kill();
    await expect(session.query('SELECT 1')).rejects.toMatchObject({ errno: 1213 });
    await session.beginTransaction();
    await session.query("INSERT INTO item (name) VALUES ('kept')");
    await session.commit();
    await waiting.query("INSERT INTO item (name) VALUES ('kept too')");
    await waiting.commit();
    const [rows] = await beside.query('SELECT name FROM item ORDER BY id');
    expect(rows).toEqual([{ name: `at ${two.port}` }, { name: 'kept' }, { name: 'kept too' }]);
  });

  it.each([
    ['temporary tables', 'CREATE TEMPORARY TABLE mine (a INT)'],
    ['GET_LOCK', "DO GET_LOCK('mine', 1)"],
    ['user variables', 'SELECT @a := COUNT(*) FROM item'],
  ])('closes a session that cannot move, and says why: %s', async (word, sql) => {
    const session = await through();
    await session.query(sql);
    const told = new Promise<Error>((resolve) =>
      (session as unknown as { connection: NodeJS.EventEmitter }).connection.once('error', resolve),
    );
    await one.kill();
    expect((await told).message).toContain(word);
    expect(await told).toMatchObject({ code: 1927 });
    expect(frontEnd.sessionCount).toBe(0);
  });

  it('closes a session whose account cannot log in without its password', async () => {
    for (const { port } of [one, two]) {
      const direct = await createConnection({ ...account, port });
      await direct.query("CREATE USER nopass@'%'");
      await direct.query("CREATE USER other@'%' IDENTIFIED BY 'else'");
      await direct.end();
    }
    const direct = await createConnection({ ...account, port: two.port });
    await direct.query("SET PASSWORD FOR other@'%' = PASSWORD('changed')");
    await direct.end();
    const empty = await through({ user: 'nopass', password: '', database: '' });
    const changed = await through({ user: 'other', password: 'else', database: '' });
    await one.kill();
    expect(await portOf(empty)).toBe(two.port);
    await expect(portOf(changed)).rejects.toThrow();
  });

  it('says that LAST_INSERT_ID() stayed behind rather than answering wrongly', async () => {
    const [session, fresh] = [await through(), await through()];
    await session.query("INSERT INTO item (name) VALUES ('one')");
    await one.kill();
    await expect(session.query('SELECT LAST_INSERT_ID()')).rejects.toMatchObject({ errno: 1213 });
    await session.query("INSERT INTO item (name) VALUES ('again')");
    const [rows] = await session.query(
      "SELECT LAST_INSERT_ID() = (SELECT MAX(id) FROM item WHERE name = 'again') AS same",
    );
    expect(rows).toEqual([{ same: 1 }]);
    const [none] = await fresh.query('SELECT 1 AS one');
    expect(none).toEqual([{ one: 1 }]);
  });

  it('is told apart from a session that was killed', async () => {
    const session = await through();
    const id = frontEnd.list().at(-1)?.[1].backendId;
    const direct = await createConnection({ ...account, port: one.port });
    await direct.query(`KILL ${id}`);
    await direct.end();
    await waitFor(systemClock, () => (frontEnd.sessionCount === 0 ? true : undefined), { timeoutMs: 5000 });
    await expect(session.query('SELECT 1')).rejects.toThrow();
  });
});

describe('a client that says the types of its parameters once only', () => {
  it('is understood by the next node too', async () => {
    const { client } = await logIn(frontEnd.port, baseCapabilities);
    const prepare = Buffer.from('\x16SELECT name FROM item WHERE amount = ?', 'latin1');
    const prepared = decodePrepareOk(payloadsOf(await ask(client, prepare, 5))?.[0] ?? Buffer.alloc(0));
    if (isMalformed(prepared)) throw new Error(prepared.malformed);
    // No flags, one iteration, no NULLs; then with the type (0x08: eight bytes, signed) or without; then the value 7.
    const head = [0, 1, 0, 0, 0, 0];
    const value = [7, 0, 0, 0, 0, 0, 0, 0];
    const execute = (types: readonly number[]) =>
      encodeStatementCommand(
        commandCode.statementExecute,
        prepared.statementId,
        Buffer.from([...head, ...types, ...value]),
      );
    const typed = await ask(client, execute([1, 8, 0]), 5);
    expect(typed.toString('latin1')).toContain(`at ${one.port}`);
    await one.kill();
    const untyped = await ask(client, execute([0]), 5);
    expect(untyped.toString('latin1')).toContain(`at ${two.port}`);
    const again = await ask(client, execute([0]), 5);
    expect(again.toString('latin1')).toContain(`at ${two.port}`);
    client.end();
  });
});

describe('the front end of another node', () => {
  it('takes sessions as a node does, and orders their commits itself', async () => {
    const gate = new CountingGate();
    const other = await FrontEnd.open({
      host: '127.0.0.1',
      port: 0,
      ...seatOf(two),
      gate,
      nodeNumber: 2,
      sessionsMax: 200,
      tls: null,
      clock: systemClock,
      log: silentLog(),
    });
    try {
      seats = [seatOf(one), { ...seatOf(two), node: { host: '127.0.0.1', port: other.port } }];
      const session = await through();
      await session.query("SET @ringmaster_acknowledge = 'everywhere', time_zone = '+03:00'");
      await session.execute('SELECT name FROM item WHERE amount = ?', [7]);
      await one.kill();
      const [prepared] = await session.execute('SELECT name FROM item WHERE amount = ?', [7]);
      expect(prepared).toEqual([{ name: `at ${two.port}` }]);
      await session.beginTransaction();
      await session.query("INSERT INTO item (name) VALUES ('in a transaction')");
      await session.commit();
      await session.query("INSERT INTO item (name) VALUES ('alone')");
      expect(gate.acquired).toBe(2);
      expect(gate.levels).toEqual(['everywhere', 'everywhere']);
      const [[row]] = (await session.query('SELECT @@time_zone AS zone')) as unknown as [{ zone: string }[]];
      expect(row?.zone).toBe('+03:00');
      expect(other.sessionCount).toBe(1);
    } finally {
      await other.close(goodbye);
    }
  });
});

describe('a drained node', () => {
  it('keeps nobody: idle sessions move at once, working ones when they are done, the rest ends at the deadline', async () => {
    const [idle, working, stubborn] = [await through(), await through(), await through()];
    await idle.execute('SELECT name FROM item WHERE amount = ?', [7]);
    await working.beginTransaction();
    await working.query("INSERT INTO item (name) VALUES ('done')");
    await stubborn.query('CREATE TEMPORARY TABLE mine (a INT)');
    const drained = frontEnd.leaveHome(1_500);
    await waitFor(systemClock, async () => ((await portOf(idle)) === two.port ? true : undefined), {
      timeoutMs: 1_000,
    });
    await working.commit();
    expect(await drained).toEqual({ moved: 2, ended: 1 });
    expect(await portOf(working)).toBe(two.port);
    const [prepared] = await idle.execute('SELECT name FROM item WHERE amount = ?', [7]);
    expect(prepared).toEqual([{ name: `at ${two.port}` }]);
    frontEnd.place([seatOf(two)]);
    expect(await portOf(await through())).toBe(two.port);
    await expect(stubborn.query('SELECT 1')).rejects.toThrow();
  });

  it('gets its sessions back when it takes them again, and newcomers with them', async () => {
    const [idle, working] = [await through(), await through()];
    await Promise.all([idle.query("SET @mine = 'kept'"), working.query('SELECT 1')]);
    expect(await frontEnd.leaveHome(1_500)).toEqual({ moved: 2, ended: 0 });
    await working.beginTransaction();
    await working.query("INSERT INTO item (name) VALUES ('elsewhere')");
    const home = frontEnd.comeHome();
    await waitFor(systemClock, async () => ((await portOf(idle)) === one.port ? true : undefined), {
      timeoutMs: 2_000,
    });
    expect(await portOf(working)).toBe(two.port);
    await working.commit();
    await home;
    expect(await portOf(working)).toBe(one.port);
    expect(await portOf(await through())).toBe(one.port);
    const [[row]] = (await idle.query('SELECT @mine AS mine')) as unknown as [{ mine: string }[]];
    expect(row?.mine).toBe('kept');
  });
});
