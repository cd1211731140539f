/**
 * `npm run ringmaster -- status`: the command line, built first when something changed. It runs in this very process,
 * so that it has the terminal: questions, painting and Ctrl-C.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildAll } from './build.js';
import { projectFolder } from './support/run.js';

await buildAll();
process.setSourceMapsEnabled(true);
await import(pathToFileURL(join(projectFolder, 'out/cli/ringmaster.cjs')).href);
