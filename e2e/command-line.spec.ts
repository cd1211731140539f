/** The command line beside an open window: one cluster, one gate, one audit log. */
import { readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../app/cli/testing/lab-processes.js';
import { consoleSocketPath } from '../app/lab/folders.js';
import { expect, test } from './support/console.js';

test.use({ settings: { nodes: 2, active: 1, connections: 0 } });

test('what the command line does is seen in the window, and audited with who asked', async ({
  console,
  cluster,
}) => {
  await cluster.waitForState('db1', 'active', 60_000);
  const { labFolder, userData } = console;
  expect((await stat(consoleSocketPath(labFolder))).mode & 0o777).toBe(0o600);
  const seen = await runCommand(labFolder, 'status');
  expect(seen).toMatchObject({ exitCode: 1, err: '' });
  expect(seen.out).toContain(`Front end  127.0.0.1:${console.frontEndPort}`);

  const moved = await runCommand(labFolder, 'set-state', 'db1', 'offline', '--yes');
  expect(moved).toMatchObject({ exitCode: 0, err: '' });
  await cluster.waitForState('db1', 'offline', 10_000);

  const who = `command line, user ${userInfo().username}`;
  const { snapshot } = await cluster.readCluster();
  expect(snapshot.events.some(({ text, by }) => text === 'Take db1 offline: started' && by === who)).toBe(
    true,
  );
  const audit = await readFile(join(userData, 'audit.log'), 'utf8');
  const lines = audit
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.at(-1)).toMatchObject({ who, request: 'plan.run', outcome: 'done' });
});
