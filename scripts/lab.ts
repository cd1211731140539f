/**
 * `npm run lab`: the lab without a window. Arguments go to the lab (`npm run lab -- --help`); so do signals. Standard
 * output carries the lab's own line and nothing of ours.
 */
import { join } from 'node:path';
import { buildAll } from './build.js';
import { prepareOrExit } from './prepare.js';
import { projectFolder, runInOurPlace } from './support/run.js';

await Promise.all([buildAll(), prepareOrExit('lab')]);
process.exitCode = await runInOurPlace(process.execPath, [
  '--enable-source-maps',
  join(projectFolder, 'out/cli/lab.cjs'),
  ...process.argv.slice(2),
]);
