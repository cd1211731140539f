/** The workloads against one real server behind a front end: they pass, and they see what somebody does behind it. */
import { type Connection, createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { delay, systemClock, waitFor } from '../../base/clock.js';
import type { FrontEnd } from '../../peer/front-end/front-end.js';
import { openGate } from '../../peer/front-end/gate.js';
import { openFrontEnd } from '../../peer/front-end/testing/open-front-end.js';
import { type RealServer, startRealServer } from '../../wire/testing/real-server.js';
import { type ConsistencyOptions, runConsistency } from './consistency.js';

let server: RealServer;
let frontEnd: FrontEnd;
/** Behind the front end's back. */
let direct: Connection;

const login = { user: 'app', password: 'secret', database: 'shop' };

beforeAll(async () => {
  server = await startRealServer(23_600, 'consistency', ['--log-bin-trust-function-creators=1']);
  direct = await createConnection({ host: '127.0.0.1', port: server.port, ...login });
  // What making the server wrote stands in front of the first number that is checked.
  await direct.query('RESET MASTER');
  frontEnd = await openFrontEnd(server.port, direct, {
    port: 23_601,
    nodeNumber: 1,
    sessionsMax: 200,
    gate: openGate,
  });
});

afterAll(async () => {
  await frontEnd?.close({ errorNumber: 1053, sqlState: '08S01', message: 'Server shutdown in progress' });
  direct?.destroy();
  await server?.stop();
});

const options = (changed: Partial<ConsistencyOptions> = {}): ConsistencyOptions => ({
  addresses: [{ host: '127.0.0.1', port: frontEnd.port }],
  login,
  nodes: [{ name: 'db1', address: { host: '127.0.0.1', port: server.port } }],
  // Without a database: so the test that breaks connections knows the checks' own.
  nodeLogin: { user: login.user, password: login.password },
  seconds: 4,
  clients: 4,
  seed: 1,
  clock: systemClock,
  ...changed,
});

it('finds nothing wrong with one server', async () => {
  const report = await runConsistency(options());
  expect(report.problems).toEqual([]);
  for (const [name, { done, unknown, refused }] of Object.entries(report.workloads)) {
    expect(done, name).toBeGreaterThan(20);
    expect(unknown, name).toBe(0);
    // Three of four lose each key.
    if (name !== 'claims') expect(refused, name).toBe(0);
  }
  expect(report.changesBy).toEqual({ 1: expect.any(Number) });
  expect(report.changesBy[1]).toBeGreaterThan(200);
  process.stdout.write(`${JSON.stringify(report)}\n`);
});

it('finds nothing wrong when connections to the server break in the middle of anything', async () => {
  const over = new AbortController();
  let breaking: Promise<void> | undefined;
  const breakSome = async () => {
    for (let turn = 0; !over.signal.aborted; turn++) {
      const [rows] = await direct.query(
        `SELECT id FROM information_schema.processlist
         WHERE user = 'app' AND id <> CONNECTION_ID() AND db = 'shop' ORDER BY MD5(CONCAT(id, ?)) LIMIT 2`,
        [turn],
      );
      for (const { id } of rows as { id: number }[])
        await direct.query(`KILL CONNECTION ${id}`).catch(() => undefined);
      await delay(systemClock, 50);
    }
  };
  let second = 0;
  const onProgress = () => {
    breaking ??= breakSome();
    // The checks at the end have connections of their own.
    if (++second === 4) over.abort();
  };
  const running = runConsistency(options({ seconds: 5, seed: 3, onProgress }));
  const report = await running.finally(() => over.abort());
  await breaking;
  expect(report.problems).toEqual([]);
  const tallies = Object.values(report.workloads);
  expect(tallies.reduce((sum, { repeated }) => sum + repeated, 0)).toBeGreaterThan(3);
  process.stdout.write(`${JSON.stringify(report)}\n`);
});

it('finds what somebody changes behind the front end', async () => {
  await direct.query('DROP TABLE IF EXISTS claim, counter, list');
  const running = runConsistency(options({ seconds: 5, seed: 2 }));
  const rows = async (statement: string) =>
    ((await direct.query(statement)) as unknown as [{ n: number }[]])[0];
  const begun = await waitFor(
    systemClock,
    async () => {
      const [seen] = await rows(
        `SELECT LEAST((SELECT COUNT(*) FROM claim), (SELECT MIN(value) FROM counter),
         (SELECT LENGTH(elements) FROM list WHERE id = 1)) AS n`,
      ).catch(() => [{ n: 0 }]);
      return Number(seen?.n) > 8 ? true : undefined;
    },
    { everyMs: 20, timeoutMs: 20_000 },
  );
  expect(begun).toBe(true);
  await direct.query('UPDATE counter SET value = value - 5 WHERE id = 3');
  await direct.query('UPDATE counter SET value = value + 2000000 WHERE id = 4');
  await direct.query(
    "UPDATE list SET elements = CONCAT(',', SUBSTRING_INDEX(elements, ',', -2)) WHERE id = 1",
  );
  await direct.query('UPDATE bank_account SET balance = balance + 1 WHERE id = 7');
  await direct.query('DELETE FROM claim WHERE id = 2');
  await direct.query("UPDATE claim SET owner = 'somebody' WHERE id = 3");
  const { problems } = await running;
  const text = problems.join('\n');
  for (const words of [
    /counters: counter 3 on db1 is \d+; \d+ increments were acknowledged/,
    /counters: counter 4 on db1 is 2\d{6};/,
    /lists: list 1 on db1: acknowledged, and lost: /,
    /bank: a causal read saw a total of 24001, not 24000/,
    /bank: db1: the total is 24001, not 24000/,
    /claims: key 2 of \S+ is lost on db1/,
    /claims: key 3 is somebody's on db1, who was never told so/,
  ])
    expect(text).toMatch(words);
});
