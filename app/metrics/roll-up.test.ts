import { describe, expect, it } from 'vitest';
import { seededRandom } from '../base/random.js';
import { bucketise, keep, levelFor, levels, lineOf, rollUp, type SeriesPoint } from './roll-up.js';

const minuteMs = 60_000;

describe('buckets', () => {
  it('hold the lowest, the highest and the mean of what was measured', () => {
    const points = [
      { atMs: 60_500, value: 4 },
      { atMs: 61_500, value: 8 },
      { atMs: 62_500, value: null },
      { atMs: 120_000, value: 1 },
    ];
    expect(bucketise(points, minuteMs)).toEqual([
      { atMs: 60_000, low: 4, high: 8, sum: 12, count: 2 },
      { atMs: 120_000, low: 1, high: 1, sum: 1, count: 1 },
    ]);
  });

  it('say the same whether they are joined in steps or at once', () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = seededRandom(seed);
      const points: SeriesPoint[] = Array.from({ length: 5000 }, (_, second) => ({
        atMs: second * 1000,
        value: random.chance(0.1) ? null : random.integer(0, 1000),
      }));
      const hourMs = 60 * minuteMs;
      const inSteps = rollUp(rollUp(bucketise(points, 1000), minuteMs), hourMs);
      expect(inSteps, `seed ${seed}`).toEqual(bucketise(points, hourMs));
    }
  });

  it('come out in the order of time, whatever order they went in', () => {
    const points = [3, 1, 2].map((minute) => ({ atMs: minute * minuteMs, value: minute }));
    expect(bucketise(points, minuteMs).map(({ low }) => low)).toEqual([1, 2, 3]);
  });
});

it('keeps what each level promises', () => {
  const [seconds] = levels;
  const buckets = bucketise(
    [
      { atMs: 0, value: 1 },
      { atMs: 3_600_000, value: 2 },
    ],
    1000,
  );
  expect(seconds && keep(buckets, seconds, 3_600_500)).toHaveLength(2);
  expect(seconds && keep(buckets, seconds, 3_601_000)).toHaveLength(1);
});

it('chooses the finest level that a chart can draw', () => {
  expect(levelFor(5 * minuteMs, 1000).bucketMs).toBe(1000);
  expect(levelFor(60 * minuteMs, 1000).bucketMs).toBe(minuteMs);
  expect(levelFor(24 * 60 * minuteMs, 2000).bucketMs).toBe(minuteMs);
  expect(levelFor(30 * 24 * 60 * minuteMs, 1000).bucketMs).toBe(60 * minuteMs);
  expect(levelFor(10 * 365 * 24 * 60 * minuteMs, 10).bucketMs).toBe(60 * minuteMs);
});

it('draws a period without measurements as a gap, not as a zero', () => {
  const buckets = bucketise(
    [
      { atMs: 1000, value: 5 },
      { atMs: 4000, value: 7 },
    ],
    1000,
  );
  expect(lineOf(buckets, 1000, 1000, 4000).map(({ value }) => value)).toEqual([5, null, null, 7]);
  expect(lineOf([], 1000, 0, 1000).map(({ value }) => value)).toEqual([null, null]);
});
