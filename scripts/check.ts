/** `npm run check`: types, lint, format, layers and dead code. Exit code 1 when one of them fails. */
import { printCheck, runChecks } from './support/checks.js';

const results = await runChecks(printCheck);
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
