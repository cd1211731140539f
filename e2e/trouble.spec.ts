/**
 * Everything an operator does to a running cluster of three, and what can happen to it: restarts one after another under
 * load, a copy that is stopped, a refusal, a quorum that is lost and comes back, all servers gone at once, recovery.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kill } from 'node:process';
import type { ClusterPage } from './pages/cluster-page.js';
import { expect, type RunningConsole, test } from './support/console.js';
import { forgetBinlogs, serverPid } from './support/databases.js';

test.use({ settings: { nodes: 3, active: 3, connections: 60 } });

const names = ['db1', 'db2', 'db3'] as const;
const startBoundMs = 90_000;
const seriesBoundMs = 180_000;
const joinBoundMs = 120_000;

/** Kills servers as a crash would. */
async function killServers(
  { labFolder }: RunningConsole,
  cluster: ClusterPage,
  which: readonly string[],
): Promise<void> {
  const { nodes } = (await cluster.readCluster()).snapshot;
  for (const node of nodes.filter(({ name }) => which.includes(name)))
    kill(await serverPid(labFolder, node), 'SIGKILL');
  for (const name of which) await cluster.waitForState(name, 'failed', 5_000);
}

/** One sum over every file of a stopped node's data. */
async function sumOfData({ labFolder }: RunningConsole, node: string): Promise<string> {
  const folder = join(labFolder, node, 'data');
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  const sum = createHash('sha256');
  for (const file of files) sum.update(file).update(await readFile(file));
  return `${files.length} files ${sum.digest('hex')}`;
}

test('a cluster in trouble', async ({ console, cluster }) => {
  test.setTimeout(900_000);
  for (const name of names) await cluster.waitForState(name, 'active', startBoundMs);
  await expect.poll(() => cluster.readTransactionsPerSecond(), { timeout: 30_000 }).toBeGreaterThan(0);

  await test.step('three nodes are restarted with other options, one after another, and no transaction fails', async () => {
    await cluster.openMenuOfAll(names);
    await cluster.screenshot('trouble-1-menu-of-three', ['small', 'normal', 'large']);
    await cluster.restartEntry('options').click();
    await cluster.typeOptions('max_connections = 600');
    await expect(cluster.seriesCard).toContainText('Change options of db1, db2 and db3 and restart');
    await cluster.screenshot('trouble-2-series-proposed', ['small', 'normal', 'large']);
    await cluster.confirmSeries();
    await expect(cluster.node('db2')).toHaveAttribute('data-state', 'transitional', {
      timeout: seriesBoundMs,
    });
    await cluster.screenshot('trouble-3-series-runs', ['small', 'normal', 'large']);
    await cluster.waitForSeries('done', seriesBoundMs);
    for (const name of names) await cluster.waitForState(name, 'active', 5_000);
    await cluster.screenshot('trouble-4-series-done');
    expect(await cluster.readFailedTransactions()).toBe(0);
  });

  await test.step('what would leave nobody to serve is refused, with the reason', async () => {
    await cluster.openMenuOfAll(names);
    await cluster.target('offline').click();
    await expect(cluster.trouble).toContainText('no node would take sessions any more');
    await cluster.screenshot('trouble-5-refused');
    await cluster.chooseNobody();
  });

  await test.step('a copy that is stopped leaves the old data whole', async () => {
    await cluster.bring('db3', 'offline', joinBoundMs);
    const before = await sumOfData(console, 'db3');
    const { snapshot } = await cluster.readCluster();
    await forgetBinlogs(
      console.labFolder,
      snapshot.nodes.filter(({ name }) => name !== 'db3'),
    );
    await cluster.openMenuByControlClick('db3');
    await cluster.chooseTarget('active');
    await expect(cluster.planCard).toContainText('db3 gets a full copy because');
    await cluster.confirmPlan();
    await expect(cluster.planStep('copy')).toHaveAttribute('data-state', 'running', { timeout: joinBoundMs });
    await cluster.abortPlan();
    await cluster.waitForPlan('aborted', joinBoundMs);
    await cluster.waitForState('db3', 'offline', 5_000);
    await cluster.screenshot('trouble-6-copy-stopped');
    expect(await sumOfData(console, 'db3')).toBe(before);
    for (const name of ['db1', 'db2']) await cluster.waitForState(name, 'active', 30_000);
    await cluster.bring('db3', 'active', joinBoundMs);
  });

  await test.step('without a quorum nothing is committed, and one plan brings it back', async () => {
    await killServers(console, cluster, ['db1', 'db2']);
    await expect(cluster.sentence).toContainText(
      'No quorum: nothing is committed. db3 waits for db1 or db2.',
    );
    await cluster.screenshot('trouble-7-no-quorum', ['small', 'normal', 'large']);
    await cluster.openMenuByControlClick('db1');
    await cluster.chooseTarget('active');
    await expect(cluster.planCard).toContainText('Bring db1 and db2 online together');
    await cluster.screenshot('trouble-8-ring-again');
    await cluster.confirmPlan();
    await cluster.waitForPlan('done', joinBoundMs);
    for (const name of names) await cluster.waitForState(name, 'active', 5_000);
    await expect.poll(() => cluster.readTransactionsPerSecond(), { timeout: 30_000 }).toBeGreaterThan(0);
  });

  await test.step('all servers are killed at once, and recovery brings the cluster back', async () => {
    await killServers(console, cluster, names);
    await cluster.screenshot('trouble-9-all-failed');
    await cluster.setRecovery(true);
    for (const name of names) await cluster.waitForState(name, 'active', joinBoundMs);
    await expect.poll(() => cluster.readTransactionsPerSecond(), { timeout: 30_000 }).toBeGreaterThan(0);
    await cluster.screenshot('trouble-10-recovered');
    const { events } = (await cluster.readCluster()).snapshot;
    expect(events.map(({ text }) => text)).toContain('automatic recovery is on');
  });

  expect(console.complaints).toEqual([]);
});
