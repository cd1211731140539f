/**
 * `npm run churn -- --rounds 20`: nodes of a lab leave and come back under load, again and again, and after each time all
 * rows of all nodes are compared at one change. The last line is one JSON object; exit code 1 when nodes differ.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { createLog } from '../app/base/log.js';
import { churn } from '../app/lab/consistency/churn.js';
import { runsAsRoot } from '../app/lab/folders.js';
import { openLab } from '../app/lab/lab.js';
import { freePorts } from '../app/lab/ports.js';
import { buildAll } from './build.js';
import { prepareOrExit } from './prepare.js';
import { projectFolder } from './support/run.js';

const positive = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('not a whole number above zero');
  return value;
};

const options = new Command('churn')
  .option('--rounds <count>', 'how often a node leaves and comes back', positive, 10)
  .option('--connections <count>', 'connections of the load', positive, 350)
  .option('--writes <percent>', 'transactions that write', positive, 20)
  .option('--seed <number>', 'decides who leaves, and how', positive, 1)
  .parse()
  .opts<{ rounds: number; connections: number; writes: number; seed: number }>();

await Promise.all([buildAll(), prepareOrExit('lab')]);
const folder = await mkdtemp(join(runsAsRoot() ? '/var/lib' : tmpdir(), 'ringmaster-churn-'));
const [port = 0] = await freePorts(23_800, 1, '127.0.0.1');
const lab = await openLab({
  folder,
  nodes: 3,
  active: 3,
  port,
  connections: options.connections,
  programs: {
    peer: join(projectFolder, 'out/peer/peer.cjs'),
    load: join(projectFolder, 'out/load/load.cjs'),
  },
  log: createLog('lab', join(folder, 'lab.log')),
});
let clean = false;
try {
  await lab.ready;
  const report = await churn(lab, {
    ...options,
    onProgress: (text) => process.stderr.write(`${text}\n`),
  });
  clean = report.problems.length === 0;
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = clean ? 0 : 1;
} finally {
  await lab.close();
  if (clean) await rm(folder, { recursive: true, force: true });
  else process.stderr.write(`what the nodes left lies in ${folder}\n`);
}
