import { describe, expect, it } from 'vitest';
import type { Done } from './clients-process.js';
import { longest, perSecond, resumedAfterMs } from './outage.js';

describe('when answers came again', () => {
  it.each([
    ['an answer on its way does not end the outage', [90, 95, 104, 180, 185], 80],
    ['the order of answers does not matter', [185, 180, 104, 95, 90], 80],
    ['an outage may begin after the failure', [90, 101, 140, 400, 410], 300],
    ['a later pause has another cause', [90, 95, 180, 360, 2_000], 260],
    ['without an answer before it counts from the failure', [150, 160], 50],
    ['answers that go on', [99, 101, 103, 107, 110], 7],
  ])('%s', (_case, answersMs, expected) => {
    expect(resumedAfterMs(answersMs, 100, 250)).toBe(expected);
  });

  it('is unknown when none came', () => {
    expect(resumedAfterMs([90, 95], 100, 250)).toBeNull();
  });
});

it('finds the longest transaction that ended after the failure', () => {
  const done: Done[] = [
    [0, 1, 0, 10, 90],
    [0, 1, 0, 95, 130],
    [1, 0, 0, 120, 125],
  ];
  expect(longest(done, 100)).toEqual({ beganMs: 95, tookMs: 35 });
  expect(longest(done, 500).tookMs).toBe(0);
});

it('counts by whole seconds', () => {
  expect(perSecond([0, 999, 1_000, 2_500, 3_100, -1], 0, 3_000)).toEqual([2, 1, 1]);
});
