/**
 * `npm run faults -- --minutes 5 --seed 7`: a lab under one fault after another, with clients at work all the time. After
 * each fault: nothing acknowledged is lost, all nodes are equal, every plan has an end. Exit code 1 when something is wrong.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { runNemesis } from '../app/lab/faults/nemesis.js';
import { faultKinds } from '../app/lab/faults/table.js';
import { runsAsRoot } from '../app/lab/folders.js';
import { freePorts } from '../app/lab/ports.js';
import { buildAll } from './build.js';
import { prepareOrExit } from './prepare.js';
import { positive } from './support/arguments.js';
import { labPrograms } from './support/programs.js';

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly json?: boolean;
  readonly only?: readonly string[];
  readonly keep?: boolean;
}

const { minutes, seed, json, only, keep } = new Command('faults')
  .option('--minutes <minutes>', 'no new fault after this long', positive, 5)
  .option('--seed <number>', 'decides the faults and what the clients do', positive, 1)
  .option('--json', 'the last line is one JSON object')
  .option('--only <kinds...>', `kinds of faults: ${faultKinds.map(({ name }) => name).join(', ')}`)
  .option('--keep', 'keep what the nodes wrote even when nothing is wrong')
  .parse()
  .opts<Options>();

const say = (text: string) => process.stderr.write(`${text}\n`);
await Promise.all([buildAll(), prepareOrExit('lab')]);
const folder = await mkdtemp(join(runsAsRoot() ? '/var/lib' : tmpdir(), 'ringmaster-faults-'));
const [port = 0] = await freePorts(29_000, 1, '127.0.0.1');
const { report, problems } = await runNemesis({
  minutes,
  seed,
  ...(only ? { only } : {}),
  folder,
  port,
  program: labPrograms.lab,
  onProgress: say,
});
for (const problem of problems) say(`violation: ${problem}`);
if (problems.length > 0) {
  const kinds = only ? ` --only ${only.join(' ')}` : '';
  say(`again: npm run faults -- --minutes ${minutes} --seed ${seed}${kinds}`);
  process.exitCode = 1;
}
if (problems.length > 0 || keep) say(`what the nodes left lies in ${folder}`);
else await rm(folder, { recursive: true, force: true });
const total = Object.values(report.faults).reduce((sum, count) => sum + count, 0);
if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
else say(`${total} faults, ${report.acknowledged} changes acknowledged, ${report.violations} violations`);
