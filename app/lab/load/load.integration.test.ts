/** The load generator against two real servers: what an operator relies on when nodes come and go under load. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, waitFor } from '../../base/clock.js';
import { silentLog } from '../../base/log.js';
import { TestServer, testLogin } from '../testing/mariadb.js';
import { bank, bankTotalCents } from './bank.js';
import { LoadClient } from './client.js';
import { addressKey } from './contract.js';

let db1: TestServer;
let db2: TestServer;
let client: LoadClient;

const settings = { connections: 24, writePercent: 30, targetRate: null };

/** The money in all accounts of a server. */
const money = async (server: TestServer): Promise<number> => {
  const [row] = await server.asRoot('SELECT CAST(SUM(balance_cents) AS CHAR) AS total FROM bank.accounts');
  return Number(row?.total);
};

/** Waits until `look` holds; says what was waited for when it does not. */
const until = async (what: string, look: () => boolean | Promise<boolean>, timeoutMs = 20_000) => {
  const seen = await waitFor(systemClock, async () => ((await look()) ? true : undefined), { timeoutMs });
  expect(seen, what).toBe(true);
};

/** Waits until so many more transactions were completed. */
const moreTransactions = async (count: number) => {
  const before = client.view().transactions;
  await until(`${count} more transactions`, () => client.view().transactions >= before + count, 60_000);
};

const seats = (server: TestServer) => client.details()?.sessions[addressKey(server.address)] ?? 0;

beforeAll(async () => {
  [db1, db2] = await Promise.all([TestServer.create(22201, 'load-a'), TestServer.create(22202, 'load-b')]);
  client = new LoadClient({
    programPath: new URL('./main.ts', import.meta.url).pathname,
    execArgv: ['--import', 'tsx'],
    login: testLogin,
    settings,
    clock: systemClock,
    log: silentLog(),
  });
  await client.start();
});

afterAll(async () => {
  await client?.stop();
  await Promise.all([db1?.remove(), db2?.remove()]);
});

// One story, told in order: each test goes on where the one before ended.
describe('the load generator', () => {
  it('makes the bank once', async () => {
    for (const server of [db1, db2]) {
      const schema = await client.prepareSchema(server.address);
      expect(schema).toMatchObject({ created: true, accounts: bank.accounts });
      expect(await client.prepareSchema(server.address)).toMatchObject({ created: false });
    }
    await expect(client.prepareSchema({ host: '127.0.0.1', port: 22299 })).rejects.toMatchObject({
      code: 'load.schema-failed',
    });
  });

  it('runs the mix that was asked for, and money only moves', async () => {
    await client.setTargets({ writers: [db1.address], readers: [db1.address] });
    await until('all sessions', () => client.view().connected === settings.connections);
    expect(await db1.sessions()).toBe(settings.connections);
    await until('none elsewhere', async () => (await db2.sessions()) === 0);
    await moreTransactions(3000);
    const view = client.view();
    expect(view).toMatchObject({ state: 'running', failedTransactions: 0 });
    expect(view.sample?.transactionsPerSecond).toBeGreaterThan(100);
    expect(view.sample?.responseMsP99).toBeGreaterThanOrEqual(view.sample?.responseMsP50 ?? 0);
    const [row] = await db1.asRoot('SELECT COUNT(*) AS transfers FROM bank.transfers');
    const share = Number(row?.transfers) / client.view().transactions;
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.4);
    expect(await money(db1)).toBe(bankTotalCents);
  });

  it('fills an added reader with its half, and writes stay on the writer', async () => {
    const [before] = await db2.asRoot('SELECT COUNT(*) AS transfers FROM bank.transfers');
    await client.setTargets({ writers: [db1.address], readers: [db1.address, db2.address] });
    await until('an even spread', () => Math.abs(seats(db1) - seats(db2)) <= 1 && seats(db2) > 0);
    await moreTransactions(1000);
    expect(await db2.sessions()).toBe(settings.connections / 2);
    const [after] = await db2.asRoot('SELECT COUNT(*) AS transfers FROM bank.transfers');
    expect(after?.transfers).toEqual(before?.transfers);
  });

  it('holds writes back while there is no writer, and reads go on', async () => {
    await client.setTargets({ writers: [], readers: [db1.address, db2.address] });
    const before = await db1.asRoot('SELECT MAX(id) AS last FROM bank.transfers');
    await moreTransactions(500);
    expect(await db1.asRoot('SELECT MAX(id) AS last FROM bank.transfers')).toEqual(before);
    expect(client.view().failedTransactions).toBe(0);
  });

  it('moves the writer back and forth under load without losing a transaction', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const [to, from] = turn % 2 === 0 ? [db2, db1] : [db1, db2];
      await client.setTargets({ writers: [to.address], readers: [to.address] });
      // The promise of set targets: at this moment nobody is left, and nothing is written behind our back.
      expect(await from.sessions()).toBe(0);
      const [{ last } = {}] = await from.asRoot('SELECT MAX(id) AS last FROM bank.transfers');
      await moreTransactions(200);
      const [{ last: later } = {}] = await from.asRoot('SELECT MAX(id) AS last FROM bank.transfers');
      expect(later).toEqual(last);
    }
    expect(client.view().failedTransactions).toBe(0);
    expect(client.details()?.unknownOutcomes).toBe(0);
    expect([await money(db1), await money(db2)]).toEqual([bankTotalCents, bankTotalCents]);
  });

  it('changes connections, share and rate while it runs', async () => {
    await client.setTargets({ writers: [db1.address], readers: [db1.address, db2.address] });
    await client.setSettings({ connections: 40, writePercent: 0, targetRate: 200 });
    await until('forty sessions', () => client.view().connected === 40);
    const [{ last } = {}] = await db1.asRoot('SELECT MAX(id) AS last FROM bank.transfers');
    await until('the target rate', () => {
      const rate = client.view().sample?.transactionsPerSecond ?? 0;
      return rate > 190 && rate < 210;
    });
    const [{ last: later } = {}] = await db1.asRoot('SELECT MAX(id) AS last FROM bank.transfers');
    expect(later).toEqual(last);
    await client.setSettings({ connections: 6, writePercent: 100, targetRate: null });
    await until('six sessions', () => client.view().connected === 6);
    expect((await db1.sessions()) + (await db2.sessions())).toBe(6);
    await moreTransactions(200);
    const [{ last: latest } = {}] = await db1.asRoot('SELECT MAX(id) AS last FROM bank.transfers');
    expect(Number(latest)).toBeGreaterThan(Number(later));
    await client.setSettings({ ...settings, connections: 0 });
    await until('no sessions', async () => (await db1.sessions()) + (await db2.sessions()) === 0);
    await client.setSettings(settings);
    await until('all sessions', () => client.view().connected === settings.connections);
    expect(client.view().failedTransactions).toBe(0);
  });

  it('goes on at the other node when one is killed, and fails nothing it could do again', async () => {
    await client.setTargets({ writers: [db1.address], readers: [db1.address, db2.address] });
    await until('an even spread', () => Math.abs(seats(db1) - seats(db2)) <= 1);
    await moreTransactions(500);
    await db2.kill();
    await until('all sessions on the survivor', () => seats(db1) === settings.connections);
    await moreTransactions(500);
    expect(client.view().failedTransactions).toBe(0);
    expect(client.view().lastError).not.toBeNull();
    await db2.start();
    await until('an even spread again', () => Math.abs(seats(db1) - seats(db2)) <= 1);

    // The writer: what it was writing is written on the next one; a COMMIT without an answer is only counted.
    await moreTransactions(500);
    await db1.kill();
    await client.setTargets({ writers: [db2.address], readers: [db2.address] });
    await moreTransactions(1000);
    expect(client.view().failedTransactions).toBe(0);
    expect(client.details()?.unknownOutcomes).toBeLessThanOrEqual(settings.connections);
    expect(await money(db2)).toBe(bankTotalCents);
    await db1.start();
    expect(await money(db1)).toBe(bankTotalCents);
  });

  it('is started again when it dies, and says so', async () => {
    await client.setTargets({ writers: [db1.address], readers: [db1.address] });
    await moreTransactions(100);
    const before = client.view().transactions;
    const states: string[] = [];
    const stop = client.onView(({ state, lastError }) => states.push(`${state} ${lastError ?? ''}`));
    process.kill(client.processId ?? 0, 'SIGKILL');
    await until('it runs again', () => client.view().state === 'running' && states.length > 0);
    stop();
    expect(states.some((state) => state.startsWith('failed') && state.includes('SIGKILL'))).toBe(true);
    await until('it works again', () => client.view().transactions > before + 100);
  });

  it('leaves nothing behind', async () => {
    const { processId } = client;
    await client.stop();
    expect(client.view().state).toBe('stopped');
    expect(() => process.kill(processId ?? 0, 0)).toThrow('ESRCH');
    await until('no sessions', async () => (await db1.sessions()) === 0);
  });
});
