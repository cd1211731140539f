/** Who gets the next session: seen, changed while clients work, and explained. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterPage } from './pages/cluster-page.js';
import { expect, type RunningConsole, test } from './support/console.js';
import { type ClientSession, openSession } from './support/databases.js';

test.use({ settings: { nodes: 2, active: 2, connections: 10 } });

/** Both nodes make their databases at the same time; the machine may be slow. */
const startBoundMs = 90_000;

/** Opens sessions one after another and tells the node of each; all stay open. */
async function place(
  { labFolder, frontEndPort }: RunningConsole,
  cluster: ClusterPage,
  sessions: ClientSession[],
  count: number,
): Promise<(string | undefined)[]> {
  const { nodes } = (await cluster.readCluster()).snapshot;
  const opened: ClientSession[] = [];
  for (let index = 0; index < count; index++) opened.push(await openSession(labFolder, frontEndPort));
  sessions.push(...opened);
  return opened.map(({ serverPort }) => nodes.find(({ port }) => port === serverPort)?.name);
}

test('the policy is changed live, sessions follow it, and each says why it is where it is', async ({
  console,
  cluster,
}) => {
  for (const node of ['db1', 'db2']) await cluster.waitForState(node, 'active', startBoundMs);
  const sessions: ClientSession[] = [];

  await test.step('least connections, as a lab begins: one here, one there', async () => {
    expect((await place(console, cluster, sessions, 4)).toSorted()).toEqual(['db1', 'db1', 'db2', 'db2']);
    await cluster.showSessions();
    for (const node of ['db1', 'db2'])
      await expect(cluster.sessionsOf(node)).toHaveText(new RegExp(`^${node}2`));
    await cluster.screenshot('sessions-1-least-connections', ['small', 'normal', 'large']);
  });

  await test.step('by weight: three to db2 for one to db1', async () => {
    await cluster.choosePolicy('weighted');
    await cluster.setWeights({ db1: 1, db2: 3 });
    await cluster.screenshot('sessions-2-policies', ['small', 'normal', 'large']);
    const placed = await place(console, cluster, sessions, 4);
    expect(placed.filter((node) => node === 'db2')).toHaveLength(3);
    await expect(cluster.sessionsOf('db2')).toHaveText(/^db25/);
  });

  await test.step('weight 0 takes db2 out, and what it has stays', async () => {
    await cluster.setWeights({ db2: 0 });
    expect(await place(console, cluster, sessions, 3)).toEqual(['db1', 'db1', 'db1']);
    await expect(cluster.sessionsOf('db2')).toHaveText(/^db2weight 0: no new sessions5/);
  });

  await test.step('the window answers why', async () => {
    const last = sessions.at(-1);
    const explanation = await cluster.askWhy(last?.address ?? '');
    await expect(explanation).toContainText(`Why did ${last?.address} go to db1?`);
    await expect(explanation).toContainText('db1 was the only node that could be chosen.');
    await expect(explanation.getByTestId('score-db2')).toHaveText('db2nonehas weight 0');
    const weighted = sessions[4];
    await expect(await cluster.askWhy(weighted?.address ?? '')).toContainText(
      'db2 was owed the most by its weight.',
    );
    await cluster.screenshot('sessions-3-why', ['small', 'normal', 'large']);
    await cluster.setSize('small');
    expect(await cluster.panelOverflows()).toBe(false);
    await cluster.setSize('normal');
  });

  await test.step('what was done is in the events, in the audit log and in the lab', async () => {
    await expect(cluster.events).toContainText('weight of db2: 0, was 3 (no new sessions)');
    const lines = (await readFile(join(console.userData, 'audit.log'), 'utf8')).trimEnd().split('\n');
    const done = lines.map((line) => JSON.parse(line)).filter(({ request }) => request === 'routing.set');
    expect(done.at(-1)).toMatchObject({
      outcome: 'done',
      payload: { policy: 'weighted', weights: { db2: 0 } },
    });
    expect(JSON.parse(await readFile(join(console.labFolder, 'routing.json'), 'utf8'))).toEqual({
      policy: 'weighted',
      weights: { db1: 1, db2: 0 },
    });
  });

  await Promise.all(sessions.map((session) => session.end()));
  await expect(cluster.sessionsOf('db1')).toHaveText(/^db10/);
  expect(console.complaints).toEqual([]);
});
