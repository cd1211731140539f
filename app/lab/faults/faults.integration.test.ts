/** Two minutes of faults with a seed that never changes: nothing acknowledged is lost, and all nodes are equal after each. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runsAsRoot } from '../folders.js';
import { freePorts } from '../ports.js';
import { runNemesis } from './nemesis.js';
import { processFaults } from './processes.js';

const minutes = 2;
const seed = 1;
/** Those that strike processes. The others run by hand: each takes long, and two minutes are all there is. */
const only = processFaults.map(({ name }) => name);
/** The last fault may begin just before the time is over. */
const lastFaultMs = 240_000;

it(
  'survives faults for two minutes',
  async () => {
    const folder = await mkdtemp(join(runsAsRoot() ? '/var/lib' : tmpdir(), 'ringmaster-test-faults-'));
    const [port = 0] = await freePorts(29_600, 1, '127.0.0.1');
    const { report, problems } = await runNemesis({
      minutes,
      seed,
      only,
      folder,
      port,
      program: join(import.meta.dirname, '../../../out/cli/lab.cjs'),
      onProgress: (text) => process.stdout.write(`${text}\n`),
    });
    process.stdout.write(`${JSON.stringify(report)}\n`);
    expect(problems, `what the nodes left lies in ${folder}`).toEqual([]);
    expect(report).toMatchObject({ lost: 0, divergent: 0, unfinishedPlans: 0, violations: 0 });
    expect(Object.keys(report.faults).length, 'kinds of faults').toBeGreaterThan(3);
    expect(report.acknowledged).toBeGreaterThan(1_000);
    await rm(folder, { recursive: true, force: true });
  },
  minutes * 60_000 + lastFaultMs,
);
