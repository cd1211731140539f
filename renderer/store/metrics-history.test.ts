import { expect, it, vi } from 'vitest';
import { nodeName } from '../../app/model/ids.js';
import type { MetricsPoint } from '../../app/model/metrics.js';
import { sampleOf } from '../testing/cluster-parts.js';
import { createMetricsHistory, historyMs } from './metrics-history.js';

const db1 = nodeName('db1');
const db2 = nodeName('db2');

const point = (second: number, rates: Record<string, number | null>): MetricsPoint => ({
  atMs: second * 1000,
  nodes: Object.fromEntries(
    Object.entries(rates).map(([name, rate]) => [
      name,
      rate === null ? null : sampleOf(second * 1000, { transactionsPerSecond: rate }),
    ]),
  ),
  load: null,
});

it('keeps five minutes and the one point that lets lines reach the edge', () => {
  const history = createMetricsHistory();
  for (let second = 0; second < 400; second++) history.append(point(second, { db1: 1 }), [db1]);
  const points = history.points();
  expect(points.at(-1)?.atMs).toBe(399_000);
  expect(points[1]?.atMs).toBe(399_000 - historyMs);
  expect(points).toHaveLength(302);
});

it('ignores what is not newer, and tells its listeners until they leave', () => {
  const history = createMetricsHistory();
  const listener = vi.fn();
  const leave = history.subscribe(listener);
  history.append(point(5, { db1: 1 }), [db1]);
  history.append(point(5, { db1: 9 }), [db1]);
  history.append(point(4, { db1: 9 }), [db1]);
  expect(history.points()).toHaveLength(1);
  expect(listener).toHaveBeenCalledTimes(1);
  leave();
  history.append(point(6, { db1: 1 }), [db1]);
  expect(listener).toHaveBeenCalledTimes(1);
});

it('has no sum while a node that runs does not tell', () => {
  const history = createMetricsHistory();
  history.append(point(1, { db1: 100, db2: 50 }), [db1, db2]);
  history.append(point(2, { db1: 100, db2: null }), [db1, db2]);
  history.append(point(3, { db1: 100, db2: null }), [db1]);
  expect(history.points().map((one) => one.transactionsInAll)).toEqual([150, null, 100]);
});

it('tells a failed sample from a stopped node in a history it did not see', () => {
  const history = createMetricsHistory();
  const short = [1, 2, 3, 4].map((second) => point(second, { db1: 100, db2: second === 2 ? null : 50 }));
  history.replace(short, [db1, db2]);
  expect(history.points().map((one) => one.transactionsInAll)).toEqual([150, null, 150, 150]);

  const long = Array.from({ length: 40 }, (_, second) =>
    point(second, { db1: 100, db2: second > 5 && second < 35 ? null : 50 }),
  );
  history.replace(long, [db1, db2]);
  expect(history.points()[20]?.transactionsInAll).toBe(100);

  const stopped = [1, 2, 3].map((second) => point(second, { db1: 100, db2: second > 1 ? null : 50 }));
  history.replace(stopped, [db1]);
  expect(history.latest()?.transactionsInAll).toBe(100);
  history.replace(stopped, [db1, db2]);
  expect(history.latest()?.transactionsInAll).toBeNull();
});
