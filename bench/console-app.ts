/** The real console with its lab, started for a measurement in a folder of its own. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron, type Page } from 'playwright';
import { runsAsRoot } from '../app/lab/folders.js';
import { prepareLaunch } from '../scripts/support/launch.js';
import type { TraceEvent } from './trace.js';

/** Nodes of the measured lab, all of them active. */
const nodeNames = ['db1', 'db2', 'db3'] as const;

/** A start with all servers, and with crash recovery in the worst case. */
const activeTimeoutMs = 180_000;
const glyphTimeoutMs = 60_000;

/** What Chromium is asked to record. */
const traceCategories = [
  'devtools.timeline',
  'devtools.timeline.frame',
  'disabled-by-default-devtools.timeline',
  'v8',
];
const traceBufferKilobytes = 400_000;

/** A console that runs. */
export interface RunningConsole {
  readonly page: Page;
  /** Electron's main process. */
  readonly processId: number;
  readonly electronVersion: string;
  /** From the start of the program to the first glyph on screen. */
  readonly firstGlyphMs: number;
  /** Waits until every node is active. */
  allActive(): Promise<void>;
  close(): Promise<void>;
}

/** A folder for labs and settings that is gone after `remove`. */
export function benchFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(runsAsRoot() ? '/var/lib' : tmpdir(), 'ringmaster-bench-'));
  // The servers run as another user when we are root, and must get through.
  chmodSync(path, 0o711);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/**
 * Starts the console with three nodes that are all wanted active.
 * @param folder as `benchFolder` made it; a second start in it finds the servers of the first
 * @param connections of the load generator, 0 for no load
 */
export async function openConsole(
  folder: string,
  connections: number,
  frontEndPort: number,
  say: (sentence: string) => void,
): Promise<RunningConsole> {
  const options = {
    'lab-folder': join(folder, 'lab'),
    nodes: nodeNames.length,
    active: nodeNames.length,
    port: frontEndPort,
    connections,
  };
  const launch = await prepareLaunch(
    Object.entries(options).map(([name, value]) => `--${name}=${value}`),
    say,
  );
  const startedAtMs = performance.now();
  const app = await _electron.launch({
    executablePath: launch.executable,
    args: [...launch.args],
    env: {
      ...definedOnly(launch.environment),
      XDG_CONFIG_HOME: join(folder, 'config'),
      RINGMASTER_QUIT_WITHOUT_ASKING: '1',
    },
  });
  const close = async () => {
    await app.close();
    launch.end();
  };
  try {
    const page = await app.firstWindow();
    await page.getByTestId(`node-${nodeNames[0]}`).waitFor({ state: 'visible', timeout: glyphTimeoutMs });
    const firstGlyphMs = performance.now() - startedAtMs;
    const electronVersion = await app.evaluate(() => process.versions.electron ?? 'unknown');
    const processId = app.process().pid ?? 0;
    return { page, processId, electronVersion, firstGlyphMs, allActive: () => allActive(page), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function allActive(page: Page): Promise<void> {
  for (const name of nodeNames) {
    const active = page.locator(`[data-testid=node-${name}][data-state=active]`);
    await active.waitFor({ timeout: activeTimeoutMs });
  }
}

/** Records what the window does while `meanwhile` runs. Complete events and thread names only. */
export async function traceWindow(page: Page, meanwhile: () => Promise<void>): Promise<TraceEvent[]> {
  const session = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => {
    for (const event of value as unknown as TraceEvent[]) {
      if (event.ph === 'X' || event.name === 'thread_name') events.push(event);
    }
  });
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: {
      recordMode: 'recordUntilFull',
      traceBufferSizeInKb: traceBufferKilobytes,
      includedCategories: traceCategories,
      excludedCategories: ['*'],
    },
  });
  await meanwhile();
  const complete = new Promise<void>((resolve) => session.once('Tracing.tracingComplete', () => resolve()));
  await session.send('Tracing.end');
  await complete;
  await session.detach();
  return events;
}

const definedOnly = (environment: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
