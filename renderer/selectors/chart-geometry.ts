/** Pure geometry of the live charts: scales, lines with gaps, and what lies under the cursor. */
import type { HistoryPoint } from '../store/metrics-history.js';

/** Two points further apart than this are not joined: samples are missing between them. */
const joinableMs = 2_500;

/** Rounds up to 1, 2, 2.5 or 5 times a power of ten, so that the axis has readable ticks. At least 10. */
export function niceMax(value: number): number {
  if (value <= 10) return 10;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((candidate) => candidate * power >= value) ?? 10;
  return factor * power;
}

/**
 * The top of an axis that has to show `value`: grows at once, shrinks only when much is empty, so that it does not jump
 * with every second.
 */
export function steadyMax(current: number, value: number): number {
  const wanted = niceMax(value * 1.08);
  return wanted > current || wanted < current * 0.55 ? wanted : current;
}

/** Ticks from 0 to `max`: four or five intervals. */
export function ticksTo(max: number): readonly number[] {
  const power = 10 ** Math.floor(Math.log10(max));
  const mantissa = Number((max / power).toPrecision(3));
  const thirds = [1.5, 3, 6].includes(mantissa);
  const fifths = [2.5, 5].includes(mantissa) || max === 10;
  const intervals = thirds ? 3 : fifths ? 5 : 4;
  return Array.from({ length: intervals + 1 }, (_, index) => (max * index) / intervals);
}

export type ValueAt = (points: readonly HistoryPoint[], index: number) => number | null;

/** Tenths of a pixel are enough, and rounding by hand is several times faster than toFixed. */
const tenths = (value: number): number => Math.round(value * 10) / 10;

/**
 * The path of one line. A null, or too much time between two points, breaks it; a point between two breaks is drawn as
 * a dot.
 */
export function linePath(
  points: readonly HistoryPoint[],
  valueAt: ValueAt,
  toX: (atMs: number) => number,
  toY: (value: number) => number,
): string {
  const parts: string[] = [];
  let previousMs: number | null = null;
  let alone = false;
  const closeDot = (): void => {
    if (alone) parts.push('h.01');
  };
  for (let index = 0; index < points.length; index++) {
    const point = points[index];
    const value = valueAt(points, index);
    if (!point || value === null) {
      closeDot();
      alone = false;
      previousMs = null;
      continue;
    }
    const joined = previousMs !== null && point.atMs - previousMs <= joinableMs;
    if (!joined) closeDot();
    parts.push(`${joined ? 'L' : 'M'}${tenths(toX(point.atMs))} ${tenths(toY(value))}`);
    alone = !joined;
    previousMs = point.atMs;
  }
  closeDot();
  return parts.join('');
}

/** The index of the point nearest to a time; -1 when there is none within the joinable distance. */
export function nearestIndex(points: readonly HistoryPoint[], atMs: number): number {
  let nearest = -1;
  let distance = joinableMs;
  for (let index = 0; index < points.length; index++) {
    const away = Math.abs((points[index]?.atMs ?? Number.POSITIVE_INFINITY) - atMs);
    if (away <= distance) {
      distance = away;
      nearest = index;
    }
  }
  return nearest;
}

/** The highest value of these lines at these points, 0 when there is none. */
export function highest(points: readonly HistoryPoint[], values: readonly ValueAt[]): number {
  let top = 0;
  for (let index = 0; index < points.length; index++)
    for (const valueAt of values) top = Math.max(top, valueAt(points, index) ?? 0);
  return top;
}
