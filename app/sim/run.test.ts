import { expect, test } from 'vitest';
import { runSeed } from './run.js';
import { runRange } from './worker.js';

/** Seeds that every change has to survive; `npm run sim` runs as many as you like. */
const seeds = 2_000;
const perTest = 200;

test.each(Array.from({ length: seeds / perTest }, (_, index) => 1 + index * perTest))(
  `no rule is broken in ${perTest} seeds from %i on`,
  { timeout: 120_000 },
  (first) => {
    const { failed, commits, views, crashes } = runRange({ first, count: perTest });
    const commands = failed.map(
      ({ seed, violations }) => `npm run sim -- --seed ${seed}: ${violations[0]?.rule}`,
    );
    expect(commands).toEqual([]);
    // The runs meet what they are for.
    expect(commits).toBeGreaterThan(perTest * 20);
    expect(views).toBeGreaterThan(perTest * 5);
    expect(crashes).toBeGreaterThan(perTest);
  },
);

test('a seed decides everything', () => {
  const lines = (): string[] => {
    const trace: string[] = [];
    runSeed(7, undefined, (line) => trace.push(line));
    return trace;
  };
  const first = lines();
  expect(first.length).toBeGreaterThan(1_000);
  expect(lines()).toEqual(first);
});
