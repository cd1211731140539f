/** Are all nodes equal? Asked under load, on nodes that all take writes; and again after one row was changed on one of them. */
import { expect, test } from './support/console.js';
import { tamperWith } from './support/databases.js';

test.use({ settings: { nodes: 3, active: 3, connections: 30 } });

/** Three nodes make their databases at the same time; the machine may be slow. */
const startBoundMs = 120_000;
const compareBoundMs = 90_000;

test.setTimeout(420_000);

test('all nodes are compared at one change under load, and the odd one out is named', async ({
  console,
  cluster,
}) => {
  for (const node of ['db1', 'db2', 'db3']) await cluster.waitForState(node, 'active', startBoundMs);
  await expect
    .poll(async () => (await cluster.readCluster()).snapshot.load?.transactions ?? 0, { timeout: 60_000 })
    .toBeGreaterThan(500);

  await test.step('a lab on one machine is told calmly', async () => {
    await cluster.showHealth();
    await expect(cluster.findings('one-host')).toContainText('A lab: all nodes');
    await cluster.screenshot('verification-1-health', ['small', 'normal', 'large']);
    await cluster.setSize('small');
    expect(await cluster.panelOverflows()).toBe(false);
    await cluster.setSize('normal');
  });

  await test.step('all three are equal at one change, while clients go on', async () => {
    expect(await cluster.compareNodes(compareBoundMs)).toMatch(
      /^3 nodes equal at 0-\d-\d+: \d+ tables, [\d,]+ rows\.$/,
    );
    const { verification } = (await cluster.readCluster()).snapshot;
    expect(verification?.notCompared).toEqual([]);
    expect(verification?.heldMs).toBeGreaterThan(0);
    expect(verification?.heldMs).toBeLessThan(2_500);
    await expect(cluster.events).toContainText('3 nodes equal at');
    await cluster.scrollTo('verification-facts');
    await cluster.screenshot('verification-2-equal', ['small', 'normal', 'large']);
  });

  await test.step('one row differs on db2: table, range and node are named, with what to do', async () => {
    const { nodes } = (await cluster.readCluster()).snapshot;
    const db2 = nodes.find(({ name }) => name === 'db2');
    if (!db2) throw new Error('no db2');
    await tamperWith(
      console.labFolder,
      db2,
      'UPDATE bank.accounts SET customer_id = customer_id + 1 WHERE id = 1500',
    );
    expect(await cluster.compareNodes(compareBoundMs)).toMatch(
      /^db2 differs from db1 and db3 in bank\.accounts, id \d+ to \d+\.$/,
    );
    await expect(cluster.drift.getByRole('row')).toHaveCount(2);
    await expect(cluster.findings('data-differ')).toContainText('it gets a full copy');
    await expect(cluster.sentence).toContainText('db2 needs a full copy');
    await cluster.scrollTo('verification-facts');
    await cluster.screenshot('verification-3-differs', ['small', 'normal', 'large']);
    await cluster.setSize('small');
    expect(await cluster.panelOverflows()).toBe(false);
    await cluster.setSize('normal');
  });

  await test.step('a full copy mends it, and the comparison says so', async () => {
    await cluster.mendByPlan('data-differ', 'db2');
    await cluster.waitForState('db2', 'offline', compareBoundMs);
    await cluster.showHealth();
    await cluster.mendByPlan('data-differ', 'db2');
    await cluster.waitForState('db2', 'active', startBoundMs);
    await expect(cluster.findings('data-differ')).toHaveCount(0);
    expect(await cluster.compareNodes(compareBoundMs)).toMatch(/^3 nodes equal at/);
  });

  expect(await cluster.readFailedTransactions()).toBe(0);
  expect(console.complaints).toEqual([]);
});
