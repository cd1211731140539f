/** Response times of the load, thinned for a small chart. Pure. */
import type { MetricsPoint } from '../../app/model/metrics.js';

/** One point of the chart; a null is a gap. */
export interface ResponsePoint {
  readonly secondsAgo: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** As many as a panel has room for: each costs the library time, once a second. */
export const responsePointsMax = 150;

/** The newest points, every n-th where there are too many, so that they move by whole points. */
export function responsePoints(points: readonly MetricsPoint[]): ResponsePoint[] {
  const nowMs = points.at(-1)?.atMs;
  if (nowMs === undefined) return [];
  const every = Math.ceil(points.length / responsePointsMax);
  return points
    .filter((point) => Math.round(point.atMs / 1000) % every === 0)
    .slice(-responsePointsMax)
    .map(({ atMs, load }) => ({
      secondsAgo: Math.round((atMs - nowMs) / 1000),
      p50: load?.responseMsP50 ?? null,
      p95: load?.responseMsP95 ?? null,
      p99: load?.responseMsP99 ?? null,
    }));
}
