import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { _electron } from 'playwright';
import { afterEach, expect, it } from 'vitest';
import { freePort, openFolder, processesOf } from '../e2e/support/machine.js';
import { environmentFor, startVirtualDisplay } from './support/display.js';
import { platformArguments } from './support/launch.js';
import { isRoot, projectFolder, run } from './support/run.js';

const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** The packaged app as a person would start it, but with a screen, a lab and settings of its own. */
async function startPackaged(home: string) {
  const display = await startVirtualDisplay();
  cleanUps.push(() => display.stop());
  const environment = environmentFor(display);
  const app = await _electron.launch({
    executablePath: join(projectFolder, 'dist/linux-unpacked/ringmaster'),
    args: [
      // Root needs Chromium's switch from outside: the package itself never carries it.
      ...platformArguments(environment, isRoot),
      `--lab-folder=${home}/lab`,
      '--nodes=1',
      '--connections=0',
      `--port=${await freePort()}`,
    ],
    cwd: home,
    env: {
      ...environment,
      XDG_CONFIG_HOME: join(home, 'config'),
      RINGMASTER_QUIT_WITHOUT_ASKING: '1',
    } as Record<string, string>,
  });
  cleanUps.push(() => app.close());
  return app;
}

it.runIf(process.platform === 'linux')(
  'the packaged app opens its window and brings its lab up',
  async () => {
    const packaged = await run(process.execPath, ['--import', 'tsx', 'scripts/package.ts', '--dir']);
    expect(packaged.exitCode, packaged.stdout + packaged.stderr).toBe(0);

    const home = await openFolder('ringmaster-package');
    cleanUps.push(() => rm(home, { recursive: true, force: true }));
    const app = await startPackaged(home);
    expect(await app.evaluate(({ app: electron }) => electron.isPackaged)).toBe(true);
    const window = await app.firstWindow();
    expect(await window.title()).toContain('Ringmaster');
    // The server behind it was made and started by a peer that runs from inside the package.
    await window.locator('[data-testid="node-db1"][data-state="active"]').waitFor({ timeout: 60_000 });

    await app.close();
    expect(processesOf(home)).toEqual([]);
  },
);
