import { expect, it } from 'vitest';
import type { MetricsPoint } from '../../app/model/metrics.js';
import { responsePoints, responsePointsMax } from './response-points.js';

const point = (second: number, p95: number | null): MetricsPoint => ({
  atMs: second * 1000,
  nodes: {},
  load:
    p95 === null
      ? null
      : {
          takenAtMs: second * 1000,
          transactionsPerSecond: 1,
          errorsPerSecond: 0,
          responseMsP50: p95 / 2,
          responseMsP95: p95,
          responseMsP99: p95 * 2,
        },
});

it('keeps gaps as gaps and counts back from the newest', () => {
  expect(responsePoints([point(1, 10), point(2, null), point(3, 12)])).toEqual([
    { secondsAgo: -2, p50: 5, p95: 10, p99: 20 },
    { secondsAgo: -1, p50: null, p95: null, p99: null },
    { secondsAgo: 0, p50: 6, p95: 12, p99: 24 },
  ]);
  expect(responsePoints([])).toEqual([]);
});

it('thins a long history by whole points, so that the same ones stay when the next second comes', () => {
  const history = Array.from({ length: 300 }, (_, second) => point(second, second));
  const kept = responsePoints(history).map(({ p95 }) => p95);
  const next = responsePoints([...history.slice(1), point(300, 300)]).map(({ p95 }) => p95);
  expect(kept).toHaveLength(responsePointsMax);
  expect(next.slice(0, -1)).toEqual(kept.slice(1));
});
