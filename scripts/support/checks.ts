/** What must hold before any test runs: types, style, layers, and no dead code. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder, run, toolPath } from './run.js';

interface Check {
  readonly name: string;
  readonly tool: string;
  readonly args: readonly string[];
}

/** How one check went. */
export interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
  /** What the tool said. */
  readonly output: string;
  readonly seconds: number;
}

const sourceFolders = ['app', 'main', 'renderer', 'bench', 'e2e', 'scripts'];

/** The checks by name, each with the tool that decides. */
function allChecks(): Check[] {
  const folders = sourceFolders.filter((folder) => existsSync(join(projectFolder, folder)));
  return [
    { name: 'types', tool: 'tsc', args: ['--project', '.'] },
    { name: 'lint and format', tool: 'biome', args: ['check', '--error-on-warnings', '.'] },
    { name: 'layers', tool: 'depcruise', args: ['--config', '.dependency-cruiser.cjs', ...folders] },
    { name: 'dead code', tool: 'knip', args: ['--no-progress'] },
  ];
}

/**
 * Runs all checks side by side.
 * @param onResult is told each result as it comes.
 */
export function runChecks(onResult: (result: CheckResult) => void): Promise<CheckResult[]> {
  return Promise.all(
    allChecks().map(async ({ name, tool, args }) => {
      const start = performance.now();
      const outcome = await run(toolPath(tool), args);
      const result = {
        name,
        passed: outcome.exitCode === 0,
        output: (outcome.stdout + outcome.stderr).trim(),
        seconds: (performance.now() - start) / 1000,
      };
      onResult(result);
      return result;
    }),
  );
}

/** Prints one result: a line when it passed, everything the tool said when it did not. */
export function printCheck({ name, passed, output, seconds }: CheckResult): void {
  console.log(`${passed ? 'passed' : 'FAILED'}  ${name} (${seconds.toFixed(1)} s)`);
  if (!passed) console.log(`${output}\n`);
}
