/**
 * `npm test`: prepares the machine, checks, and runs every test. Its last line is `N passed, N failed`, where each check
 * counts as one test; the exit code is 1 on any failure.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../app/base/errors.js';
import { buildAll } from './build.js';
import { prepareOrExit } from './prepare.js';
import { printCheck, runChecks } from './support/checks.js';
import { runEndToEnd } from './support/e2e-run.js';
import { projectFolder, runInOurPlace, toolPath } from './support/run.js';
import {
  addTallies,
  emptyTally,
  judgeRunner,
  summaryLine,
  type Tally,
  tallyOfPlaywright,
} from './support/tally.js';

const reportFolder = join(projectFolder, '.cache/reports');

async function check(): Promise<Tally> {
  const results = await runChecks(printCheck);
  const failed = results.filter(({ passed }) => !passed).map(({ name }) => `check: ${name}`);
  return { ...emptyTally, passed: results.length - failed.length, failed };
}

async function build(): Promise<Tally> {
  try {
    await buildAll();
    return emptyTally;
  } catch (error) {
    return { ...emptyTally, failed: [`build: ${messageOf(error)}`] };
  }
}

/** Runs one Vitest with these projects. */
async function vitest(...projects: readonly string[]): Promise<Tally> {
  const report = join(reportFolder, `${projects.join('-')}.json`);
  const exitCode = await runInOurPlace(
    toolPath('vitest'),
    [
      'run',
      ...projects.flatMap((project) => ['--project', project]),
      '--reporter=default',
      '--reporter=./scripts/support/vitest-tally.ts',
    ],
    { ...process.env, RINGMASTER_TALLY: report },
  );
  return judgeRunner(projects.join(' and '), exitCode, await readReport<Tally>(report));
}

async function endToEnd(): Promise<Tally> {
  const report = join(reportFolder, 'e2e.json');
  const exitCode = await runEndToEnd(['--reporter=list,json'], { PLAYWRIGHT_JSON_OUTPUT_NAME: report });
  const read = await readReport<Parameters<typeof tallyOfPlaywright>[0]>(report);
  return judgeRunner('e2e', exitCode, read === null ? null : tallyOfPlaywright(read));
}

/** What a runner wrote; null when it wrote nothing that can be read. */
async function readReport<Report>(path: string): Promise<Report | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Report;
  } catch {
    return null;
  }
}

/** One part of the run under its title, with the time it took. */
async function part(title: string, run: () => Promise<Tally>): Promise<Tally> {
  console.log(`\n=== ${title}`);
  const start = performance.now();
  const tally = await run().catch((error: unknown) => ({
    ...emptyTally,
    failed: [`${title}: ${messageOf(error)}`],
  }));
  console.log(`=== ${title}: ${summaryLine(tally)} in ${((performance.now() - start) / 1000).toFixed(0)} s`);
  return tally;
}

await prepareOrExit('tests');
// A report of an earlier run must never be counted again.
await rm(reportFolder, { recursive: true, force: true });
const total = addTallies([
  await part('checks', check),
  await part('unit tests', () => vitest('unit', 'renderer')),
  await part('build', build),
  await part('integration tests', () => vitest('integration')),
  await part('end-to-end tests', endToEnd),
]);
console.log('');
for (const { name, reason } of total.skipped) console.log(`skipped: ${name} (${reason})`);
for (const name of total.failed) console.log(`failed: ${name}`);
process.exitCode = total.failed.length === 0 ? 0 : 1;
console.log(summaryLine(total));
