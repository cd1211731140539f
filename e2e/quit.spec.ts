/** However the console ends, nothing of it stays: no process, no port, no socket. */
import { kill } from 'node:process';
import type { ClusterPage } from './pages/cluster-page.js';
import { expect, type RunningConsole, test } from './support/console.js';
import { listening, localSockets, processesOf, processTree, stillRunning } from './support/machine.js';

test.use({ settings: { nodes: 3, active: 1, connections: 20 } });

/** How long servers may take to stop. */
const endBoundMs = 40_000;

/** What runs and listens while the console is open. */
async function everything(console: RunningConsole, cluster: ClusterPage) {
  await cluster.waitForState('db1', 'active', 60_000);
  await expect
    .poll(async () => (await cluster.readCluster()).snapshot.load?.connected, { timeout: 30_000 })
    .toBe(20);
  const { snapshot } = await cluster.readCluster();
  const ports = [console.frontEndPort, ...snapshot.nodes.map((node) => node.port)];
  const processes = [...processTree(console.pid), ...processesOf(console.labFolder)];
  expect(processes.some((process) => /mariadbd|mysqld/.test(process.command))).toBe(true);
  expect(listening(ports).length).toBeGreaterThanOrEqual(2);
  expect(localSockets(console.labFolder).length).toBeGreaterThanOrEqual(2);
  return { ports, processes };
}

async function expectNothingLeft(
  console: RunningConsole,
  { ports, processes }: Awaited<ReturnType<typeof everything>>,
): Promise<void> {
  const left = () => ({
    processes: [...stillRunning(processes), ...processesOf(console.labFolder)].map(({ command }) => command),
    ports: listening(ports),
    sockets: localSockets(console.labFolder),
  });
  await expect.poll(left, { timeout: endBoundMs }).toEqual({ processes: [], ports: [], sockets: [] });
}

test('quitting by the menu stops the servers, says so meanwhile, and leaves nothing', async ({
  console,
  cluster,
}) => {
  const before = await everything(console, cluster);
  await console.app.evaluate(({ Menu }) => {
    const items = Menu.getApplicationMenu()?.items.flatMap((item) => item.submenu?.items ?? []);
    // Later, so that this call is answered before the program ends.
    setImmediate(() => items?.find((item) => item.role === 'quit')?.click());
  });
  await expect
    .poll(() => console.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getTitle()))
    .toContain('Stopping');
  expect(await console.ended).toBe(0);
  // The program waits for its servers and peers: when it has ended, they have.
  expect(processesOf(console.labFolder)).toEqual([]);
  await expectNothingLeft(console, before);
});

test('closing the window does the same', async ({ console, cluster }) => {
  const before = await everything(console, cluster);
  await console.app.evaluate(({ BrowserWindow }) => {
    setImmediate(() => BrowserWindow.getAllWindows()[0]?.close());
  });
  expect(await console.ended).toBe(0);
  await expectNothingLeft(console, before);
});

test('a signal does the same without asking', async ({ console, cluster }) => {
  const before = await everything(console, cluster);
  kill(console.pid, 'SIGTERM');
  expect(await console.ended).toBe(0);
  await expectNothingLeft(console, before);
});

test('even when the console is killed, its servers stop and nothing stays', async ({ console, cluster }) => {
  const before = await everything(console, cluster);
  // The whole process group, as a closing terminal or a test runner does.
  kill(-console.pid, 'SIGKILL');
  await console.ended;
  await expectNothingLeft(console, before);
});

test('a coordinator that is killed is said to the operator and comes back', async ({ console, cluster }) => {
  await everything(console, cluster);
  const coordinator = await console.app.evaluate(
    ({ app }) => app.getAppMetrics().find((metric) => metric.name === 'Ringmaster coordinator')?.pid,
  );
  if (coordinator === undefined) throw new Error('the coordinator does not run');
  // It may be said for half a second only: this wait looks at every frame, and begins before.
  const trouble = cluster.sentenceAbout('coordinator.ended');
  const said = trouble.waitFor({ timeout: 10_000 });
  kill(coordinator, 'SIGKILL');
  await said;
  await expect(trouble).toHaveCount(0, { timeout: 30_000 });
  await cluster.waitForState('db1', 'active', 60_000);
});
