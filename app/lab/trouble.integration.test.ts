/** What happens to a running cluster of real servers: restarts under load, a lost quorum, all servers gone at once. */
import { afterEach, describe, expect, it } from 'vitest';
import { describeCluster } from '../model/sentence.js';
import { LabDriver } from './testing/lab-driver.js';

const port = 23_300;
const names = ['db1', 'db2', 'db3'] as const;
let driver: LabDriver | undefined;

const open = async (options: Partial<Parameters<typeof LabDriver.open>[0]> = {}): Promise<LabDriver> => {
  driver = await LabDriver.open({ port, active: 3, ...options });
  return driver;
};

afterEach(async () => {
  await driver?.close();
  driver = undefined;
});

describe('restarts, one after another', () => {
  it('give three nodes other options under load, and no transaction fails', async () => {
    const lab = await open({ connections: 30 });
    await lab.until('the load runs', ({ load }) => (load?.sample?.transactionsPerSecond ?? 0) > 0);
    const series = await lab.moveAll(names, {
      kind: 'restart',
      options: { max_connections: '700', wait_timeout: '3600' },
    });
    expect(series.error?.text ?? series.state).toBe('done');
    expect(series.parts.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
    expect(await lab.states()).toEqual(['active', 'active', 'active']);
    for (const name of names)
      expect(
        await lab.query(name, 'SELECT @@max_connections AS most, @@GLOBAL.wait_timeout AS wait'),
      ).toEqual([{ most: 700, wait: 3600 }]);
    const { load } = await lab.snapshot();
    expect(load).toMatchObject({ failedTransactions: 0, lastError: null });
  }, 180_000);

  it('stop before the first one goes when its server does not know an option', async () => {
    const lab = await open();
    const series = await lab.moveAll(names, { kind: 'restart', options: { no_such_thing: '1' } });
    expect(series).toMatchObject({ state: 'failed', error: { code: 'series.cut-off' } });
    expect(series.error?.text).toContain('no_such_thing');
    expect(series.parts.map(({ state }) => state)).toEqual(['failed', 'skipped', 'skipped']);
    expect(await lab.states()).toEqual(['active', 'active', 'active']);
    const reserved = await lab.moveAll(['db2'], { kind: 'restart', options: { gtid_strict_mode: '0' } });
    expect(reserved.error?.text).toContain('gtid_strict_mode');
  }, 120_000);
});

describe('a quorum that is lost', () => {
  it('commits nothing, says for whom it waits, and is whole again by one plan', async () => {
    const lab = await open();
    await lab.write('CREATE TABLE kept (id INT PRIMARY KEY)');
    await lab.write('INSERT INTO kept VALUES (1)');
    await lab.killServer('db1');
    await lab.killServer('db2');
    const alone = await lab.until(
      'db3 stands alone',
      ({ nodes, token }) => token === null && nodes.filter(({ state }) => state === 'failed').length === 2,
    );
    expect(describeCluster(alone).text).toBe('No quorum: nothing is committed. db3 waits for db1 or db2.');
    await expect(lab.write('INSERT INTO kept VALUES (2)')).rejects.toThrow(/quorum|majority|view/);
    await expect
      .poll(() => lab.query('db3', 'SELECT @@read_only AS readOnly'), { timeout: 10_000 })
      .toEqual([{ readOnly: 1 }]);
    expect(await lab.query('db3', 'SELECT id FROM kept')).toEqual([{ id: 1 }]);

    const plan = await lab.move('db1', 'active');
    expect(plan.error?.text ?? plan.state).toBe('done');
    expect(plan.title).toBe('Bring db1 and db2 online together');
    expect(await lab.states()).toEqual(['active', 'active', 'active']);
    await lab.write('INSERT INTO kept VALUES (3)');
    for (const name of names)
      await expect.poll(() => lab.query(name, 'SELECT id FROM kept')).toEqual([{ id: 1 }, { id: 3 }]);
  }, 120_000);

  it('is formed again after all servers were killed, from the most advanced of them', async () => {
    const lab = await open({ connections: 20 });
    await lab.until('the load runs', ({ load }) => (load?.transactions ?? 0) > 500);
    for (const name of names) await lab.killServer(name);
    await lab.until('all are failed', ({ nodes }) => nodes.every(({ state }) => state === 'failed'));
    const plan = await lab.move('db2', 'active');
    expect(plan.error?.text ?? plan.state).toBe('done');
    await lab.until('all are back, or say why not', ({ nodes }) =>
      nodes.every(({ state, reason }) => state === 'active' || reason !== null),
    );
    for (const node of (await lab.snapshot()).nodes.filter(({ state }) => state !== 'active'))
      expect((await lab.move(node.name, 'active')).state).toBe('done');
    const before = (await lab.snapshot()).load?.transactions ?? 0;
    await lab.until('transactions go on', ({ load }) => (load?.transactions ?? 0) > before + 50);
  }, 180_000);
});

describe('automatic recovery', () => {
  it('brings a killed node back by itself', async () => {
    const lab = await open({ connections: 10, recovery: true });
    await lab.killServer('db2');
    const waiting = await lab.until('db2 is failed', ({ recovery }) => recovery.outlook.length > 0);
    expect(waiting.recovery.outlook).toMatchObject([{ node: 'db2', words: null }]);
    const back = await lab.until(
      'db2 is back',
      ({ nodes, plan }) => nodes[1]?.state === 'active' && plan?.state === 'done',
    );
    expect(back.plan).toMatchObject({ askedBy: 'Ringmaster', state: 'done' });
  }, 120_000);
});
