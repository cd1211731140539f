import { expect, it } from 'vitest';
import { median, percentile, spread } from './statistics.js';

it('finds the middle of odd and even numbers of values, in any order', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([7])).toBe(7);
  expect(() => median([])).toThrow(RangeError);
});

it('interpolates percentiles and leaves its input alone', () => {
  const values = [10, 0, 20];
  expect([percentile(values, 0), percentile(values, 75), percentile(values, 100)]).toEqual([0, 15, 20]);
  expect(values).toEqual([10, 0, 20]);
});

it('tells how far values lie apart, relative to their middle', () => {
  expect(spread([9, 10, 11])).toBeCloseTo(0.2, 10);
  expect(spread([5])).toBe(0);
  expect(spread([0, 0])).toBe(0);
});
