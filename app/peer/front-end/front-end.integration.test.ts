/** Real clients through the front end to a real server: nothing is written without the gate's permission. */
import { execFile, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, waitFor } from '../../base/clock.js';
import { capability } from '../../wire/packets/capabilities.js';
import { encodeQuery } from '../../wire/packets/commands.js';
import { framed } from '../../wire/packets/responses.js';
import { ask, baseCapabilities, logIn, payloadsOf } from '../../wire/packets/testing/capture.js';
import { readStatementTable } from '../../wire/sql/testing/table.js';
import { RawClient, type RealServer, startRealServer } from '../../wire/testing/real-server.js';
import type { FrontEnd, FrontEndOptions } from './front-end.js';
import { openGate } from './gate.js';
import { CountingGate } from './testing/counting-gate.js';
import { openFrontEnd } from './testing/open-front-end.js';

const run = promisify(execFile);
let server: RealServer;
let frontEnd: FrontEnd;
let gate: CountingGate;
/** A connection beside the front end. */
let direct: Connection;
const open: Connection[] = [];

const account = { host: '127.0.0.1', user: 'app', password: 'secret', database: 'shop' };
async function through(options: ConnectionOptions = {}): Promise<Connection> {
  const connection = await createConnection({ ...account, port: frontEnd.port, ...options });
  open.push(connection);
  return connection;
}

const goodbye = { errorNumber: 1053, sqlState: '08S01', message: 'Server shutdown in progress' };

const openHere = (changed: Partial<FrontEndOptions> = {}) =>
  openFrontEnd(server.port, direct, { gate, ...changed });

beforeAll(async () => {
  server = await startRealServer(22320, 'front-end', [
    '--log-bin-trust-function-creators=1',
    '--innodb-lock-wait-timeout=20',
    '--proxy-protocol-networks=127.0.0.1',
  ]);
  direct = await createConnection({ ...account, port: server.port, multipleStatements: true });
  await direct.query(
    'CREATE TABLE item (id INT PRIMARY KEY AUTO_INCREMENT, name LONGTEXT, amount INT DEFAULT 0) ENGINE=InnoDB',
  );
  gate = new CountingGate();
  frontEnd = await openHere({ nodeNumber: 3 });
});

beforeEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.end().catch(() => undefined)));
  await direct.query('DELETE FROM item');
});

afterAll(async () => {
  for (const connection of open) connection.destroy();
  await frontEnd?.close(goodbye);
  await direct?.end();
  await server?.stop();
});

async function position(): Promise<string> {
  const [rows] = await direct.query('SELECT @@global.gtid_binlog_pos AS position');
  return String((rows as { position: string }[])[0]?.position);
}

/** The node's connection in which a SELECT SLEEP runs, as soon as there is one. */
async function sleeper(): Promise<number> {
  const found = await waitFor(
    systemClock,
    async () => {
      const [rows] = await direct.query(
        // One that was killed before is listed for a while.
        "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%' AND command = 'Query'",
      );
      return (rows as { id: number }[])[0]?.id;
    },
    { timeoutMs: 5000 },
  );
  expect(found).toBeDefined();
  return found as number;
}

/** How often the gate was passed while `work` ran, and whether the binlog moved. */
async function watch(
  work: () => Promise<unknown>,
): Promise<{ acquired: number; moved: boolean; error: number | null }> {
  const before = await position();
  const { acquired } = gate;
  let error: number | null = null;
  await work().catch((problem: { errno?: number }) => {
    error = problem.errno ?? -1;
  });
  expect(gate.held).toBe(0);
  return { acquired: gate.acquired - acquired, moved: (await position()) !== before, error };
}

describe.each(['wrapped', 'held'] as const)('the table of statements, changes %s', (autocommitWrites) => {
  it('moves the binlog only with the permission of the gate', async () => {
    const table = readStatementTable();
    const used = await openHere({ session: { autocommitWrites } });
    await direct.query('CREATE OR REPLACE DATABASE tabled; USE tabled');
    const session = await through({ port: used.port, database: 'tabled', multipleStatements: true });
    for (const sql of table.preparation) await direct.query(sql);
    await direct.query('USE shop');
    const wrong: string[] = [];
    let moved = 0;
    for (const { line, sql, mayWrite, classes, error } of table.statements) {
      if (sql === 'USE shop') continue;
      const seen = await watch(() =>
        session.query({ sql, infileStreamFactory: () => Readable.from([]) } as never),
      );
      if (seen.moved) moved++;
      if (seen.moved && seen.acquired === 0)
        wrong.push(`${line}: ${sql} moved the binlog without permission`);
      // EXPLAIN of a change opens its table as the change would: asking once too often is allowed.
      if (seen.acquired > 0 && mayWrite === 'no' && !sql.startsWith('EXPLAIN UPDATE'))
        wrong.push(`${line}: ${sql} asked for permission`);
      if (classes.includes('refused')) {
        if (seen.error !== 1235) wrong.push(`${line}: ${sql} answered ${seen.error} and was not refused`);
      } else if (error === null && seen.error !== null) wrong.push(`${line}: ${sql} answered ${seen.error}`);
      if (mayWrite === 'caught' && !seen.moved && !sql.startsWith('EXPLAIN'))
        wrong.push(`${line}: ${sql} was not run again`);
    }
    expect(wrong).toEqual([]);
    expect(moved).toBeGreaterThan(60);
    await session.end();
    await used.close(goodbye);
  });
});

describe('mysql2', () => {
  it('reads and writes with text and prepared statements', async () => {
    const session = await through();
    const insert = await watch(() => session.query("INSERT INTO item (name) VALUES ('text')"));
    expect(insert).toEqual({ acquired: 1, moved: true, error: null });
    const execute = await watch(() =>
      session.execute('INSERT INTO item (name, amount) VALUES (?, ?)', ['prepared', 7]),
    );
    expect(execute).toEqual({ acquired: 1, moved: true, error: null });
    const again = await watch(() =>
      session.execute('INSERT INTO item (name, amount) VALUES (?, ?)', ['again', 8]),
    );
    expect(again).toEqual({ acquired: 1, moved: true, error: null });
    const [rows] = await session.execute(
      'SELECT name, amount FROM item WHERE amount >= ? ORDER BY amount',
      [7],
    );
    expect(rows).toEqual([
      { name: 'prepared', amount: 7 },
      { name: 'again', amount: 8 },
    ]);
    const [result] = await session.query('UPDATE item SET amount = 1');
    expect(result).toMatchObject({ affectedRows: 3 });
    const [count] = await session.query('SELECT ROW_COUNT()');
    expect(count).toEqual([{ 'ROW_COUNT()': 3 }]);
  });

  it('runs transactions, and one that only read passes no gate', async () => {
    const session = await through();
    const work = async (sql: string) => {
      await session.beginTransaction();
      await session.query(sql);
      await session.commit();
    };
    expect(await watch(() => work("INSERT INTO item (name) VALUES ('in')"))).toMatchObject({
      acquired: 1,
      moved: true,
    });
    expect(await watch(() => work('SELECT * FROM item'))).toMatchObject({ acquired: 0, moved: false });
    await session.beginTransaction();
    await session.query("INSERT INTO item (name) VALUES ('never')");
    expect(await watch(() => session.rollback())).toMatchObject({ acquired: 0, moved: false });
    await session.query('SET autocommit = 0');
    await session.query("INSERT INTO item (name) VALUES ('implicit')");
    expect(await watch(() => session.query('CREATE TABLE IF NOT EXISTS made (a INT)'))).toMatchObject({
      acquired: 1,
      moved: true,
    });
    const [rows] = await direct.query('SELECT name FROM item ORDER BY id');
    expect(rows).toEqual([{ name: 'in' }, { name: 'implicit' }]);
  });

  it('sends and gets packets of 20 MB', async () => {
    const session = await through({ multipleStatements: false });
    const big = 'x'.repeat(20 * 1024 * 1024);
    expect(await watch(() => session.query('INSERT INTO item (name) VALUES (?)', [big]))).toEqual({
      acquired: 1,
      moved: true,
      error: null,
    });
    expect(await watch(() => session.execute('INSERT INTO item (name) VALUES (?)', [big]))).toEqual({
      acquired: 1,
      moved: true,
      error: null,
    });
    const [rows] = await session.query('SELECT name FROM item');
    expect((rows as { name: string }[]).map(({ name }) => name.length)).toEqual([big.length, big.length]);
    const [[same]] = (await session.query(
      "SELECT COUNT(*) AS n FROM item WHERE name = REPEAT('x', 20971520)",
    )) as unknown as [{ n: number }[]];
    expect(same?.n).toBe(2);
  });

  it('runs multi-statements with a commit in the middle', async () => {
    const session = await through({ multipleStatements: true });
    const sql =
      "BEGIN; INSERT INTO item (name) VALUES ('a'); COMMIT; SELECT name FROM item; INSERT INTO item (name) VALUES ('b')";
    expect(await watch(() => session.query(sql))).toMatchObject({ acquired: 1, moved: true, error: null });
    expect(await watch(() => session.query('SELECT 1; SELECT 2'))).toMatchObject({
      acquired: 0,
      moved: false,
      error: null,
    });
  });

  it('changes its user and resets its connection', async () => {
    const session = await through();
    await session.beginTransaction();
    await session.query("INSERT INTO item (name) VALUES ('lost')");
    expect(
      await watch(() => session.changeUser({ user: 'app', password: 'secret', database: 'shop' })),
    ).toMatchObject({ moved: false, error: null });
    expect(await watch(() => session.query("INSERT INTO item (name) VALUES ('kept')"))).toMatchObject({
      acquired: 1,
      moved: true,
    });
    const [rows] = await session.query('SELECT name FROM item');
    expect(rows).toEqual([{ name: 'kept' }]);
  });

  it('is refused with a wrong password as the node refuses it', async () => {
    await expect(through({ password: 'wrong' })).rejects.toMatchObject({ errno: 1045 });
    await expect(through({ user: 'nobody' })).rejects.toMatchObject({ errno: 1045 });
    await waitFor(systemClock, () => (frontEnd.sessionCount === 0 ? true : undefined), { timeoutMs: 5000 });
    expect(frontEnd.sessionCount).toBe(0);
  });

  it('logs in by ed25519, proved to the node itself', async () => {
    const [plugins] = await direct.query(
      "SELECT 1 FROM information_schema.plugins WHERE plugin_name = 'ed25519'",
    );
    if ((plugins as unknown[]).length === 0) await direct.query("INSTALL SONAME 'auth_ed25519'");
    await direct.query("CREATE OR REPLACE USER edda@'%' IDENTIFIED VIA ed25519 USING PASSWORD('curve')");
    const { stdout } = await run('mariadb', [...cli(), '-uedda', '-pcurve', '-Nse', 'SELECT CURRENT_USER()']);
    expect(stdout.trim()).toBe('edda@%');
  });
});

const cli = (): string[] => ['--no-defaults', '-h127.0.0.1', `-P${frontEnd.port}`];

describe('the tools', () => {
  it('mariadb: results, tab completion, LOAD DATA LOCAL INFILE', async () => {
    const file = join(server.folder, 'load.csv');
    await writeFile(
      file,
      Array.from({ length: 5000 }, (_, index) => `${index + 1},name ${index},${index}\n`).join(''),
    );
    const sql = `LOAD DATA LOCAL INFILE '${file}' INTO TABLE item FIELDS TERMINATED BY ','; SELECT COUNT(*) FROM item;`;
    const seen = await watch(async () => {
      const { stdout } = await run('mariadb', [
        ...cli(),
        '-uapp',
        '-psecret',
        '--local-infile',
        '--auto-rehash',
        '-Ns',
        '-e',
        sql,
        'shop',
      ]);
      expect(stdout.trim()).toBe('5000');
    });
    expect(seen).toEqual({ acquired: 1, moved: true, error: null });
  });

  it('mysqldump --single-transaction, and what it made goes back in', async () => {
    await direct.query("INSERT INTO item (name, amount) VALUES ('one', 1), ('two', 2)");
    const arguments_ = [
      ...cli(),
      '-uapp',
      '-psecret',
      '--single-transaction',
      '--skip-add-locks',
      '--routines',
      'shop',
      'item',
    ];
    const { stdout } = await run('mysqldump', arguments_);
    expect(stdout).toContain("'one',1");
    expect(stdout).toContain('Dump completed');
    await direct.query('DROP TABLE item');
    const client = spawn('mariadb', [...cli(), '-uapp', '-psecret', 'shop'], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let problems = '';
    client.stderr.on('data', (bytes) => {
      problems += bytes;
    });
    const before = gate.acquired;
    client.stdin.end(stdout);
    const exit = await new Promise((resolve) => client.once('exit', resolve));
    expect(problems).toBe('');
    expect(exit).toBe(0);
    expect(gate.acquired - before).toBeGreaterThanOrEqual(3);
    const [rows] = await direct.query('SELECT name, amount FROM item ORDER BY amount');
    expect(rows).toEqual([
      { name: 'one', amount: 1 },
      { name: 'two', amount: 2 },
    ]);
  });
});

describe('conflicts', () => {
  const other = () => through();

  it('end an idle transaction: its client hears 1213 at its next statement, and the lock is free', async () => {
    await direct.query("INSERT INTO item (id, name) VALUES (1, 'one')");
    const session = await other();
    await session.beginTransaction();
    await session.query('UPDATE item SET amount = 5 WHERE id = 1');
    frontEnd.list().at(-1)?.[1].rollBack();
    await direct.query('UPDATE item SET amount = 6 WHERE id = 1');
    await expect(session.commit()).rejects.toMatchObject({ errno: 1213 });
    const [rows] = await session.query('SELECT amount FROM item');
    expect(rows).toEqual([{ amount: 6 }]);
  });

  it('end a running statement', async () => {
    await direct.query("INSERT INTO item (id, name) VALUES (1, 'one')");
    const session = await other();
    await session.beginTransaction();
    await session.query("INSERT INTO item (id, name) VALUES (2, 'two')");
    const sleeping = session.query('SELECT SLEEP(30) FROM item');
    const id = await sleeper();
    expect(frontEnd.findByBackendId(id)).toBeDefined();
    frontEnd.findByBackendId(id)?.rollBack();
    await expect(sleeping).rejects.toMatchObject({ errno: 1213 });
    await direct.query("INSERT INTO item (id, name) VALUES (2, 'free')");
    const [rows] = await session.query('SELECT COUNT(*) AS n FROM item');
    expect(rows).toEqual([{ n: 2 }]);
  });

  it('end a commit that waits, and never one that is on its way', async () => {
    const session = await other();
    await session.beginTransaction();
    await session.query("INSERT INTO item (id, name) VALUES (1, 'waits')");
    gate.close();
    const commit = session.commit();
    await waitFor(systemClock, () => (gate.waiters > 0 ? true : undefined), { timeoutMs: 5000 });
    frontEnd.list().at(-1)?.[1].rollBack();
    await expect(commit).rejects.toMatchObject({ errno: 1213 });
    gate.open();
    const [rows] = await direct.query('SELECT * FROM item');
    expect(rows).toEqual([]);
  });

  it('make a wrapped statement run again unseen', async () => {
    const session = await other();
    gate.close();
    const insert = session.query("INSERT INTO item (id, name) VALUES (1, 'again')");
    await waitFor(systemClock, () => (gate.waiters > 0 ? true : undefined), { timeoutMs: 5000 });
    const { retry } = frontEnd.counts;
    frontEnd.list().at(-1)?.[1].rollBack();
    await waitFor(systemClock, () => (gate.waiters > 1 ? true : undefined), { timeoutMs: 5000 });
    gate.open();
    await insert;
    expect(frontEnd.counts.retry).toBe(retry + 1);
    const [rows] = await direct.query('SELECT name FROM item');
    expect(rows).toEqual([{ name: 'again' }]);
  });

  it('are told apart from a cluster that takes no writes', async () => {
    const session = await other();
    gate.refuses = true;
    await expect(session.query("INSERT INTO item (name) VALUES ('no')")).rejects.toMatchObject({
      errno: 1290,
    });
    gate.refuses = false;
    const [rows] = await session.query('SELECT * FROM item');
    expect(rows).toEqual([]);
  });
});

describe('acknowledgement', () => {
  it('comes with the number that the commit has in the order', async () => {
    const session = await through();
    const told = async (work: () => Promise<unknown>) => {
      const before = await position();
      await work();
      const after = await position();
      const { sequence } = gate.outcomes.at(-1) ?? {};
      if (before === after) return sequence === null ? 'nothing' : `${sequence} and nothing was written`;
      return sequence === Number(after.split('-')[2]) ? 'the number' : `${sequence} instead of ${after}`;
    };
    expect(await told(() => session.query("INSERT INTO item (name) VALUES ('one')"))).toBe('the number');
    await session.beginTransaction();
    await session.query("INSERT INTO item (name) VALUES ('two')");
    expect(await told(() => session.commit())).toBe('the number');
    expect(await told(() => session.query('CREATE TABLE numbered (a INT)'))).toBe('the number');
    expect(await told(() => session.query('CREATE TABLE IF NOT EXISTS numbered (a INT)'))).toBe('nothing');
    expect(await told(() => session.execute('DELETE FROM item WHERE amount = ?', [0]))).toBe('the number');
    expect(await told(() => session.query('DROP TABLE numbered'))).toBe('the number');
    // A result set's end tells a client of the old kind nothing.
    expect(await told(() => session.query('ANALYZE TABLE item'))).toMatch(/^null instead/);
    expect(await told(() => session.query('DELETE FROM item'))).toBe('nothing');
  });

  it('holds the OK of a commit back until the gate says that the change stays', async () => {
    const session = await through();
    gate.levels = [];
    await session.query("INSERT INTO item (name) VALUES ('kept')");
    await session.query("SET @ringmaster_acknowledge = 'everywhere'");
    await session.query("INSERT INTO item (name) VALUES ('kept everywhere')");
    await session.query("SET @ringmaster_acknowledge = 'local'");
    await session.query("INSERT INTO item (name) VALUES ('kept here')");
    expect(gate.levels).toEqual(['lossless', 'everywhere']);
  });

  it('tells the client with 2013 that the outcome of a commit is unknown', async () => {
    const session = await through();
    gate.fate = 'unknown';
    const commit = session.query("INSERT INTO item (name) VALUES ('who knows')");
    await expect(commit).rejects.toMatchObject({ errno: 2013 });
    gate.fate = 'kept';
    await expect(session.query('SELECT 1')).rejects.toThrow();
    expect(gate.held).toBe(0);
  });
});

describe('losses', () => {
  it('a node that ends the session in a transaction: 1213', async () => {
    const session = await through();
    await session.beginTransaction();
    await session.query("INSERT INTO item (name) VALUES ('lost')");
    const [, used] = frontEnd.list().at(-1) ?? [];
    const waiting = session.query('SELECT SLEEP(20)').catch((error: { errno: number }) => error.errno);
    await waitFor(systemClock, () => (used?.idle === false ? true : undefined), { timeoutMs: 5000 });
    await direct.query(`KILL ${used?.backendId}`);
    // The node may still say itself that it was killed (1927) before it closes.
    const outcome = await waiting;
    expect([1213, 1317, 1927]).toContain(outcome);
  });

  it('a node that ends the session in the middle of a read: 1213, for a read can be run again', async () => {
    const reading = await through();
    const end = reading.query('SELECT SLEEP(20) AS slept').then(
      () => 0,
      (error: { errno: number }) => error.errno,
    );
    await direct.query(`KILL HARD CONNECTION ${await sleeper()}`);
    expect(await end).toBe(1213);
  });

  it('a client that stops reading stops its node, not the memory', async () => {
    const { client } = await logIn(frontEnd.port, baseCapabilities);
    client.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    const id = frontEnd.list().at(-1)?.[1].backendId;
    const sql = "SELECT REPEAT('x', 1000000) AS x FROM seq_1_to_100";
    client.send(framed(encodeQuery(sql), 0));
    const stuck = await waitFor(
      systemClock,
      async () => {
        const [rows] = await direct.query(
          `SELECT time_ms, state FROM information_schema.processlist WHERE id = ${id} AND time_ms > 300`,
        );
        return (rows as unknown[]).length > 0 ? rows : undefined;
      },
      { timeoutMs: 10_000 },
    );
    expect(stuck).toBeDefined();
    // 100 MB are asked for; what is kept is what sockets hold.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
    client.socket.resume();
    let received = 0;
    client.socket.on('data', (bytes: Buffer) => {
      received += bytes.length;
    });
    await waitFor(systemClock, () => (received > 100_000_000 ? true : undefined), { timeoutMs: 20_000 });
    expect(received).toBeGreaterThan(100_000_000);
    client.end();
  });

  it('a node that is not there refuses with an ERR packet or a close, at once', async () => {
    const lost = await openHere({ node: { host: '127.0.0.1', port: 22399 } });
    await expect(createConnection({ ...account, port: lost.port })).rejects.toThrow();
    expect(lost.sessionCount).toBe(0);
    await lost.close(goodbye);
  });
});

describe('TLS', () => {
  it('ends at the front end', async () => {
    const key = join(server.folder, 'key.pem');
    const certificate = join(server.folder, 'certificate.pem');
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=localhost',
      '-days',
      '2',
      '-keyout',
      key,
      '-out',
      certificate,
    ]);
    const tls = { certificate: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') };
    const secure = await openHere({ tls, gate: openGate });
    const arguments_ = [
      '--no-defaults',
      '-h127.0.0.1',
      `-P${secure.port}`,
      '-uapp',
      '-psecret',
      '--ssl',
      `--ssl-ca=${certificate}`,
    ];
    const { stdout } = await run('mariadb', [...arguments_, '-e', 'status; SELECT 42']);
    expect(stdout).toMatch(/SSL:\s+Cipher in use/);
    expect(stdout).toContain('42');
    const node = await createConnection({
      ...account,
      port: secure.port,
      ssl: { rejectUnauthorized: false },
    });
    const [rows] = await node.query('SELECT 7 AS seven');
    expect(rows).toEqual([{ seven: 7 }]);
    await node.end();
    await expect(
      createConnection({ ...account, port: frontEnd.port, ssl: { rejectUnauthorized: false } }),
    ).rejects.toThrow();
    await secure.close(goodbye);
  });
});

describe('the PROXY protocol', () => {
  it('shows the node the address of the client', async () => {
    const behind = await openHere({ proxyProtocol: true });
    await direct.query("CREATE OR REPLACE USER near@'127.0.0.77' IDENTIFIED BY 'secret'");
    const socket = connect({ host: '127.0.0.1', port: behind.port, localAddress: '127.0.0.77' });
    const session = await through({ user: 'near', database: '', stream: socket });
    const [rows] = await session.query('SELECT USER() AS user');
    expect(rows).toEqual([{ user: 'near@127.0.0.77' }]);
    await expect(through({ user: 'near', database: '', port: behind.port })).rejects.toMatchObject({
      errno: 1045,
    });
    await session.end();
    await behind.close(goodbye);
  });
});

describe('ids and limits', () => {
  it('KILL reaches the session that a client names by the id it was told', async () => {
    const [one, two] = [await through(), await through()];
    const [[row]] = (await one.query('SELECT CONNECTION_ID() AS id')) as unknown as [{ id: number }[]];
    expect(row?.id).toBe(one.threadId);
    expect((row?.id ?? 0) >>> 24).toBe(3);
    const sleeping = one.query('SELECT SLEEP(30) AS slept').then(
      ([rows]) => rows,
      (error: { errno: number }) => error.errno,
    );
    await sleeper();
    await two.query(`KILL QUERY ${row?.id}`);
    expect([1317, [{ slept: 1 }]]).toContainEqual(await sleeping);
    await expect(two.query('KILL 999999999')).rejects.toMatchObject({ errno: 1094 });
  });

  it('too many sessions get 1040', async () => {
    const many = await Promise.all(Array.from({ length: 50 - frontEnd.sessionCount }, () => through()));
    await expect(through()).rejects.toMatchObject({ errno: 1040 });
    expect(many.length).toBeGreaterThan(40);
  });

  it('a client that never logs in is told and cut off', async () => {
    const strict = await openHere({ loginMs: 200 });
    const idle = await RawClient.open(strict.port);
    await idle.until((bytes) => bytes.includes('did not log in within 0.2 seconds'));
    await waitFor(systemClock, () => (idle.closed ? true : undefined), { timeoutMs: 5000 });
    expect(idle.closed).toBe(true);
    expect(strict.sessionCount).toBe(0);
    const { client } = await logIn(strict.port, baseCapabilities);
    const slept = await ask(client, encodeQuery('SELECT SLEEP(0.3)'), 5);
    expect(payloadsOf(slept)).toHaveLength(5);
    client.end();
    await strict.close(goodbye);
  });

  it('a client that does not read while it holds the permission to commit is cut off, and the permission comes back', async () => {
    const { client } = await logIn(frontEnd.port, baseCapabilities);
    client.socket.pause();
    const before = gate.outcomes.length;
    const sql = "INSERT INTO item (name) VALUES ('slow'); SELECT REPEAT('x', 1000000) AS x FROM seq_1_to_100";
    client.send(framed(encodeQuery(sql), 0));
    await waitFor(systemClock, () => (gate.outcomes.length > before ? true : undefined), {
      timeoutMs: 20_000,
    });
    expect(gate.outcomes.length).toBe(before + 1);
    expect(gate.held).toBe(0);
    await waitFor(systemClock, () => (frontEnd.sessionCount === 0 ? true : undefined), { timeoutMs: 5000 });
    expect(frontEnd.sessionCount).toBe(0);
    client.end();
  });

  it('clients old and new, split anywhere, get what the server says', async () => {
    for (const bits of [0, capability.deprecateEof, capability.deprecateEof | capability.sessionTrack]) {
      const { client } = await logIn(frontEnd.port, baseCapabilities | bits);
      const whole = framed(encodeQuery('SELECT 1 AS a UNION SELECT 2'), 0);
      for (let split = 1; split < whole.length; split += 5) {
        client.send(whole.subarray(0, split));
        client.send(whole.subarray(split));
        const packets = bits & capability.deprecateEof ? 5 : 6;
        const bytes = await client.until((got) => payloadsOf(got)?.length === packets);
        expect(bytes[3]).toBe(1);
      }
      const created = await ask(client, encodeQuery('BEGIN'), 1);
      expect(created[4]).toBe(0);
      client.send(framed(Buffer.from('\x03SELECT 1'), 9));
      const refused = await client.until((got) => payloadsOf(got)?.length === 1);
      expect(refused.readUInt16LE(5)).toBe(1835);
    }
  });

  it('a client that goes away in the middle leaves nothing behind', async () => {
    const { client } = await logIn(frontEnd.port, baseCapabilities);
    await ask(client, encodeQuery('BEGIN'), 1);
    await ask(client, encodeQuery("INSERT INTO item (id, name) VALUES (1, 'half')"), 1);
    client.send(framed(encodeQuery('COMMIT'), 0).subarray(0, 8));
    client.end();
    await waitFor(systemClock, () => (frontEnd.sessionCount === 0 ? true : undefined), { timeoutMs: 5000 });
    await direct.query("INSERT INTO item (id, name) VALUES (1, 'whole')");
    const [rows] = await direct.query('SELECT name FROM item');
    expect(rows).toEqual([{ name: 'whole' }]);
    expect(gate.held).toBe(0);
  });
});
