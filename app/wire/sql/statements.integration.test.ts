/** The table of statements against a real server: the binlog moves only where the class says that it may. */
import { type Connection, createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RealServer, startRealServer } from '../testing/real-server.js';
import { readStatementTable } from './testing/table.js';

const table = readStatementTable();
let server: RealServer;
let session: Connection;
let watcher: Connection;

const open = () =>
  createConnection({
    host: '127.0.0.1',
    port: server.port,
    user: 'app',
    password: 'secret',
    database: 'shop',
    multipleStatements: true,
  });

beforeAll(async () => {
  server = await startRealServer(22310, 'statements', ['--log-bin-trust-function-creators=1']);
  session = await open();
  watcher = await open();
  for (const sql of table.preparation) await session.query(sql);
});

afterAll(async () => {
  await session?.end();
  await watcher?.end();
  await server?.stop();
});

/** Where the binlog ends, and how many files it has: FLUSH BINARY LOGS moves no GTID but is seen. */
async function position(): Promise<string> {
  const [rows] = await watcher.query('SELECT @@global.gtid_binlog_pos AS position');
  return String((rows as { position: string }[])[0]?.position);
}

async function run(sql: string): Promise<string | null> {
  try {
    await session.query(sql);
    return null;
  } catch (error) {
    return String((error as { errno?: number }).errno);
  }
}

it('moves the binlog only where the class says that it may', async () => {
  const wrong: string[] = [];
  let moved = 0;
  for (const { line, sql, mayWrite, error, classes } of table.statements) {
    if (classes.includes('refused')) continue;
    if (mayWrite === 'caught') {
      await session.query('SET SESSION TRANSACTION READ ONLY');
      const before = await position();
      const answer = await run(sql);
      if ((await position()) !== before)
        wrong.push(`${line}: ${sql} moved the binlog in a READ ONLY session`);
      if (answer !== '1792') wrong.push(`${line}: ${sql} was not caught but answered ${answer}`);
      await session.query('SET SESSION TRANSACTION READ WRITE');
      const again = await position();
      await run(sql);
      if ((await position()) === again) wrong.push(`${line}: ${sql} is said to write and does not`);
      continue;
    }
    const before = await position();
    const answer = await run(sql);
    if ((await position()) !== before) {
      moved++;
      if (mayWrite === 'no') wrong.push(`${line}: ${sql} moved the binlog`);
    }
    if (error === 'any' ? answer === null : answer !== error)
      wrong.push(`${line}: ${sql} answered ${answer}`);
  }
  expect(wrong).toEqual([]);
  expect(moved).toBeGreaterThan(60);
});
