import { expect, it } from 'vitest';
import type { MetricsPoint } from '../model/metrics.js';
import { MetricsHistory } from './history.js';

const point = (atMs: number): MetricsPoint => ({ atMs, nodes: {}, load: null });
const times = (points: readonly MetricsPoint[]) => points.map(({ atMs }) => atMs);

it('keeps the newest points in their order, and never more than its size', () => {
  const history = new MetricsHistory(3);
  expect(history.latest).toBeUndefined();
  expect(history.all()).toEqual([]);
  const seen: number[][] = [];
  for (let second = 1; second <= 7; second++) {
    history.append(point(second * 1000));
    seen.push(times(history.all()));
    expect(history.latest?.atMs).toBe(second * 1000);
  }
  expect(seen[1]).toEqual([1000, 2000]);
  expect(seen[2]).toEqual([1000, 2000, 3000]);
  expect(seen[3]).toEqual([2000, 3000, 4000]);
  expect(seen[6]).toEqual([5000, 6000, 7000]);
});

it('cuts a window by time, not by count: missing seconds stay missing', () => {
  const history = new MetricsHistory(10);
  for (const atMs of [1000, 2000, 8000, 9000]) history.append(point(atMs));
  expect(times(history.since(9000, 5000))).toEqual([8000, 9000]);
});

it('gives away copies', () => {
  const history = new MetricsHistory(2);
  history.append(point(1));
  history.all().push(point(99));
  expect(times(history.all())).toEqual([1]);
});

it('refuses to keep nothing', () => {
  expect(() => new MetricsHistory(0)).toThrow(RangeError);
});
