import { describe, expect, it } from 'vitest';
import { addTallies, emptyTally, judgeRunner, summaryLine, tallyOfPlaywright } from './tally.js';

describe('judging a runner', () => {
  it('takes a good report as it is', () => {
    const tally = { passed: 3, failed: [], skipped: [] };
    expect(judgeRunner('unit', 0, tally)).toEqual(tally);
  });

  it('counts a crash without a report as a failure', () => {
    expect(judgeRunner('unit', 139, null).failed).toEqual(['unit: ended with exit code 139 and no report']);
  });

  it('counts a run without tests as a failure, even with exit code 0', () => {
    expect(judgeRunner('unit', 0, emptyTally).failed).toEqual(['unit: ran no test']);
  });

  it('believes the exit code where the report names no failure', () => {
    expect(judgeRunner('unit', 1, { ...emptyTally, passed: 2 }).failed).toEqual(['unit: exit code 1']);
  });

  it('does not count a named failure twice', () => {
    expect(judgeRunner('unit', 1, { ...emptyTally, failed: ['a > b'] }).failed).toEqual(['a > b']);
  });
});

describe('reading a Playwright report', () => {
  const test = (status: 'skipped' | 'expected' | 'unexpected' | 'flaky', description?: string) => ({
    status,
    annotations: description === undefined ? [] : [{ type: 'skip', description }],
  });

  it('counts nested suites, and a flaky test as failed', () => {
    const tally = tallyOfPlaywright({
      errors: [],
      suites: [
        {
          title: 'lights.spec.ts',
          specs: [{ title: 'first light', tests: [test('expected')] }],
          suites: [
            {
              title: 'failures',
              specs: [
                { title: 'crash', tests: [test('flaky')] },
                { title: 'quota', tests: [test('skipped', 'no cgroups here')] },
              ],
            },
          ],
        },
      ],
    });
    expect(tally).toEqual({
      passed: 1,
      failed: ['lights.spec.ts > failures > crash'],
      skipped: [{ name: 'lights.spec.ts > failures > quota', reason: 'no cgroups here' }],
    });
  });

  it('counts errors outside of tests', () => {
    const tally = tallyOfPlaywright({ suites: [], errors: [{ message: 'Cannot find module\n at x' }] });
    expect(tally.failed).toEqual(['e2e: Cannot find module']);
  });
});

it('ends with true counts', () => {
  const skipped = [{ name: 'a', reason: 'b' }];
  const sum = addTallies([
    { passed: 2, failed: ['x'], skipped: [] },
    { passed: 5, failed: [], skipped },
  ]);
  expect(summaryLine(sum)).toBe('7 passed, 1 failed, 1 skipped');
  expect(summaryLine({ ...sum, skipped: [] })).toBe('7 passed, 1 failed');
});
