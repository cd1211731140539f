/**
 * `npm run churn -- --rounds 20`: nodes of a lab leave and come back under load, again and again, and after each time all
 * rows of all nodes are compared at one change. The last line is one JSON object; exit code 1 when nodes differ.
 */
import { Command } from 'commander';
import { churn } from '../app/lab/consistency/churn.js';
import { positive } from './support/arguments.js';
import { openOwnLab } from './support/own-lab.js';

const options = new Command('churn')
  .option('--rounds <count>', 'how often a node leaves and comes back', positive, 10)
  .option('--connections <count>', 'connections of the load', positive, 350)
  .option('--writes <percent>', 'transactions that write', positive, 20)
  .option('--seed <number>', 'decides who leaves, and how', positive, 1)
  .parse()
  .opts<{ rounds: number; connections: number; writes: number; seed: number }>();

const { lab, folder, close } = await openOwnLab('churn', 23_800, options.connections);
let equal = false;
try {
  const report = await churn(lab, {
    ...options,
    onProgress: (text) => process.stderr.write(`${text}\n`),
  });
  equal = report.problems.length === 0;
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = equal ? 0 : 1;
} finally {
  await close({ keep: !equal });
  if (!equal) process.stderr.write(`what the nodes left lies in ${folder}\n`);
}
