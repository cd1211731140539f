/** Counting tests: what each runner reports becomes one tally, and a runner that says nothing counts as a failure. */

/** A test that did not run, and why. */
export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

/** Outcome of a group of tests. */
export interface Tally {
  readonly passed: number;
  /** Names of what failed. */
  readonly failed: readonly string[];
  readonly skipped: readonly Skipped[];
}

export const emptyTally: Tally = { passed: 0, failed: [], skipped: [] };

export function addTallies(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((sum, tally) => sum + tally.passed, 0),
    failed: tallies.flatMap((tally) => tally.failed),
    skipped: tallies.flatMap((tally) => tally.skipped),
  };
}

/**
 * What a runner reported, with its exit code taken at its word: a runner that crashed, that ran nothing at all, or that
 * failed without naming a test adds one failure in its own name.
 * @param reported null when it left no report
 */
export function judgeRunner(runner: string, exitCode: number, reported: Tally | null): Tally {
  if (reported === null) {
    return { ...emptyTally, failed: [`${runner}: ended with exit code ${exitCode} and no report`] };
  }
  const extra: string[] = [];
  if (reported.passed + reported.failed.length === 0) extra.push(`${runner}: ran no test`);
  else if (exitCode !== 0 && reported.failed.length === 0) extra.push(`${runner}: exit code ${exitCode}`);
  return { ...reported, failed: [...reported.failed, ...extra] };
}

/** The last line of `npm test`. */
export function summaryLine({ passed, failed, skipped }: Tally): string {
  const line = `${passed} passed, ${failed.length} failed`;
  return skipped.length === 0 ? line : `${line}, ${skipped.length} skipped`;
}

/** The part of Playwright's JSON report that counts. */
export interface PlaywrightReport {
  readonly suites: readonly PlaywrightSuite[];
  /** Errors outside of tests, such as a file that does not load. */
  readonly errors: readonly { readonly message?: string }[];
}

interface PlaywrightSuite {
  readonly title: string;
  readonly specs: readonly {
    readonly title: string;
    readonly tests: readonly {
      readonly status: 'skipped' | 'expected' | 'unexpected' | 'flaky';
      readonly annotations: readonly { readonly type: string; readonly description?: string }[];
    }[];
  }[];
  readonly suites?: readonly PlaywrightSuite[];
}

/** Counts a Playwright run. A test that passed only when tried again counts as failed. */
export function tallyOfPlaywright(report: PlaywrightReport): Tally {
  const errors = report.errors.map(
    ({ message }) => `e2e: ${message?.split('\n')[0] ?? 'error outside of tests'}`,
  );
  return addTallies([
    { ...emptyTally, failed: errors },
    ...report.suites.map((suite) => tallyOfSuite(suite, [])),
  ]);
}

function tallyOfSuite(suite: PlaywrightSuite, above: readonly string[]): Tally {
  const path = [...above, suite.title].filter((title) => title !== '');
  let passed = 0;
  const failed: string[] = [];
  const skipped: Skipped[] = [];
  for (const spec of suite.specs) {
    const name = [...path, spec.title].join(' > ');
    for (const { status, annotations } of spec.tests) {
      if (status === 'expected') passed++;
      else if (status === 'skipped') skipped.push({ name, reason: reasonOf(annotations) });
      else failed.push(name);
    }
  }
  const below = (suite.suites ?? []).map((inner) => tallyOfSuite(inner, path));
  return addTallies([{ passed, failed, skipped }, ...below]);
}

function reasonOf(annotations: readonly { readonly type: string; readonly description?: string }[]): string {
  const note = annotations.find(({ type }) => type === 'skip' || type === 'fixme');
  return note?.description ?? 'no reason given';
}
