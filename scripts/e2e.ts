/** `npm run e2e`: the end-to-end tests. Arguments go to Playwright. */
import { buildAll } from './build.js';
import { prepareOrExit } from './prepare.js';
import { runEndToEnd } from './support/e2e-run.js';

await prepareOrExit('tests');
await buildAll();
process.exitCode = await runEndToEnd(process.argv.slice(2));
