/**
 * A Vitest reporter that writes the run's tally to the file named by RINGMASTER_TALLY. Vitest's own JSON knows neither
 * why a test was skipped nor files that failed before their first test.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';
import type { Skipped, Tally } from './tally.js';

export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const file = process.env.RINGMASTER_TALLY;
    if (file === undefined) return;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(tallyOfModules(modules, unhandledErrors)));
  }
}

function tallyOfModules(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): Tally {
  let passed = 0;
  const failed = unhandledErrors.map((error) => `unhandled: ${error.message}`);
  const skipped: Skipped[] = [];
  for (const module of modules) {
    const file = module.relativeModuleId;
    if (module.errors().length > 0) failed.push(`${file}: did not load, or its hooks failed`);
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) failed.push(`${file} > ${suite.fullName}: hooks failed`);
    }
    for (const test of module.children.allTests()) {
      const result = test.result();
      const name = `${file} > ${test.fullName}`;
      if (result.state === 'passed') passed++;
      else if (result.state === 'skipped') skipped.push({ name, reason: result.note ?? 'no reason given' });
      else failed.push(name);
    }
  }
  return { passed, failed, skipped };
}
