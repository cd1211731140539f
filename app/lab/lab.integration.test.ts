/** The whole lab with real servers and real load, without a window. */
import { afterEach, describe, expect, it } from 'vitest';
import { nodeName } from '../model/ids.js';
import type { Plan } from '../model/plan.js';
import { LabDriver } from './testing/lab-driver.js';

const port = 22_400;
let driver: LabDriver | undefined;

const open = async (options: Partial<Parameters<typeof LabDriver.open>[0]> = {}): Promise<LabDriver> => {
  driver = await LabDriver.open({ port, ...options });
  return driver;
};

afterEach(async () => {
  await driver?.close();
  driver = undefined;
});

const outcome = (plan: Plan) => `${plan.title}: ${plan.state}${plan.error ? ` (${plan.error.text})` : ''}`;
const stepOf = (plan: Plan, kind: string) => plan.steps.find((step) => step.action.kind === kind);

describe('a lab under load', () => {
  it('joins two nodes by copies, loses no transaction, and lets them go again', async () => {
    const lab = await open({ connections: 40 });
    expect(await lab.states()).toEqual(['active', 'offline', 'offline']);
    await lab.until('the load runs', ({ load }) => (load?.sample?.transactionsPerSecond ?? 0) > 0);

    const first = await lab.move('db2', 'active');
    expect(outcome(first)).toBe('Bring db2 online: done');
    expect(first.method).toBe('snapshot');
    expect(stepOf(first, 'verify')?.outcome).toMatch(/tables, [\d,]+ rows equal at 0-1-\d+/);

    let donorWasAside = false;
    const second = await lab.move('db3', 'active', async () => {
      await lab.until(
        'the donor is aside',
        ({ nodes }) => nodes[1]?.state === 'standby' && nodes[1].role === 'donor',
      );
      donorWasAside = true;
    });
    expect(outcome(second)).toBe('Bring db3 online: done');
    expect(donorWasAside).toBe(true);
    const three = await lab.until('all take sessions', ({ nodes }) =>
      nodes.every((node) => (node.sample?.sessions ?? 0) > 5),
    );
    expect(three.ring).toEqual(['db1', 'db2', 'db3']);
    expect(three.nodes.map((node) => node.replication?.predecessor)).toEqual(['db3', 'db1', 'db2']);

    expect(outcome(await lab.move('db3', 'standby'))).toBe('Put db3 on standby: done');
    expect(outcome(await lab.move('db3', 'active'))).toBe('Bring db3 online: done');
    expect(outcome(await lab.move('db1', 'offline'))).toBe('Take db1 offline: done');
    const back = await lab.move('db1', 'active');
    expect(outcome(back)).toBe('Bring db1 online: done');
    expect(back.method).toBe('incremental');

    const { load } = await lab.snapshot();
    expect(load).toMatchObject({ failedTransactions: 0, lastError: null });
    expect(load?.transactions).toBeGreaterThan(500);
  }, 180_000);

  it('goes on when a server is killed, and takes it back', async () => {
    const lab = await open({ active: 3, connections: 20 });
    await lab.until('the load runs', ({ load }) => (load?.sample?.transactionsPerSecond ?? 0) > 0);
    await lab.killServer('db1');
    const failed = await lab.until('db1 is failed', ({ nodes }) => nodes[0]?.state === 'failed', 2_000);
    expect(failed.nodes[0]?.reason).toContain('SIGKILL');
    await lab.until('the ring goes on without it', ({ token }) => token?.members.join() === 'db2,db3');
    const before = (await lab.snapshot()).load?.transactions ?? 0;
    await lab.until('transactions go on', ({ load }) => (load?.transactions ?? 0) > before + 50);
    expect(outcome(await lab.move('db1', 'active'))).toBe('Bring db1 online: done');
    const [sums] = await Promise.all([
      Promise.all(
        ['db1', 'db2', 'db3'].map((node) =>
          lab.query(
            node,
            'SELECT COUNT(*) AS tables FROM information_schema.tables WHERE table_schema = DATABASE()',
          ),
        ),
      ),
    ]);
    expect(new Set(sums.map((rows) => JSON.stringify(rows))).size).toBe(1);
  }, 120_000);
});

describe('stopping a copy', () => {
  it('leaves the old data whole', async () => {
    const lab = await open({ active: 2 });
    await lab.write('CREATE TABLE kept (id INT PRIMARY KEY)');
    await lab.write('INSERT INTO kept VALUES (1), (2)');
    expect(outcome(await lab.move('db2', 'offline'))).toBe('Take db2 offline: done');
    await lab.write('INSERT INTO kept VALUES (3)');
    const plan = await lab.move('db3', 'active', async (running) => {
      await lab.until(
        'the copy runs',
        ({ plan: now }) =>
          now?.steps.some((step) => step.action.kind === 'copy' && step.state !== 'waiting') ?? false,
      );
      await lab.lab.handlers['plan.abort']({ plan: running.id });
    });
    expect(plan.state).toBe('aborted');
    expect((await lab.states())[2]).toBe('offline');
    expect((await lab.node('db3')).hasData).toBe(false);
    expect(outcome(await lab.move('db2', 'active'))).toBe('Bring db2 online: done');
    expect(await lab.query('db2', 'SELECT COUNT(*) AS n FROM kept')).toEqual([{ n: 3 }]);
  }, 120_000);
});

describe('a lab that is closed', () => {
  it('comes back as it was', async () => {
    const first = await open({ active: 2 });
    await first.write('CREATE TABLE kept (id INT PRIMARY KEY)');
    await first.write('INSERT INTO kept VALUES (7)');
    await first.lab.handlers['routing.set']({ policy: 'round-robin', weights: { [nodeName('db1')]: 0 } });
    await first.close({ keep: true });
    const lab = await open({ folder: first.folder });
    expect(await lab.states()).toEqual(['active', 'active', 'offline']);
    expect(await lab.query('db2', 'SELECT id FROM kept')).toEqual([{ id: 7 }]);
    await lab.write('INSERT INTO kept VALUES (8)');
    await expect.poll(() => lab.query('db2', 'SELECT COUNT(*) AS n FROM kept')).toEqual([{ n: 2 }]);
    const { frontEnd } = await lab.snapshot();
    expect(frontEnd).toMatchObject({ policy: { name: 'round-robin' }, weights: { db1: 0, db2: 1, db3: 1 } });
    const asked = { node: null, session: '127.0.0.1:', after: 0, count: 1 };
    const { decisions } = await lab.lab.handlers['routing.decisions'](asked);
    expect(decisions).toMatchObject([{ policy: 'round-robin', winner: 'db2' }]);
  }, 120_000);

  it('leaves a node in maintenance alone when it comes back, and still knows why', async () => {
    const first = await open({ active: 2 });
    expect((await first.move('db2', 'maintenance')).state).toBe('done');
    const before = await first.node('db2');
    expect(before.maintenance?.reason).toBe('new disks');
    await first.close({ keep: true });
    const lab = await open({ folder: first.folder });
    expect(await lab.states()).toEqual(['active', 'maintenance', 'offline']);
    expect(await lab.node('db2')).toMatchObject({ version: null, maintenance: before.maintenance });
    await lab.query('db1', 'CREATE TABLE missed (id INT PRIMARY KEY)');
    expect((await lab.move('db2', 'active')).state).toBe('done');
    expect(await lab.query('db2', 'SELECT COUNT(*) AS n FROM missed')).toEqual([{ n: 0 }]);
  }, 180_000);

  it('refuses a second lab in the same folder, and names the process that has it', async () => {
    const lab = await open({ active: 1 });
    await lab.lab.handlers['plan.propose']({ node: nodeName('db2'), target: 'active', donor: null });
    await expect(LabDriver.open({ port: port + 50, folder: lab.folder })).rejects.toMatchObject({
      code: 'lab.locked',
      data: { pid: process.pid },
    });
  });
});
