/**
 * Long histories: a series is kept at one point per second for an hour, one per minute for a week, one per hour for a
 * year. A bucket without any measurement is a gap at every level; nothing is interpolated.
 */

/** One value of one series; null is a gap. */
export interface SeriesPoint {
  readonly atMs: number;
  readonly value: number | null;
}

/** What happened to a series in one period. */
export interface Bucket {
  /** Start of the period, a multiple of its length. */
  readonly atMs: number;
  readonly low: number;
  readonly high: number;
  readonly sum: number;
  /** Measurements in it: the mean is sum / count. */
  readonly count: number;
}

/** One resolution of a history. */
export interface Level {
  readonly bucketMs: number;
  readonly keptMs: number;
}

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** From fine to coarse. */
export const levels: readonly Level[] = [
  { bucketMs: secondMs, keptMs: hourMs },
  { bucketMs: minuteMs, keptMs: 7 * dayMs },
  { bucketMs: hourMs, keptMs: 365 * dayMs },
];

/** Puts measurements into buckets of `bucketMs`, oldest first; a bucket that got none does not exist. */
export function bucketise(points: readonly SeriesPoint[], bucketMs: number): Bucket[] {
  const single = points.flatMap(({ atMs, value }) =>
    value === null ? [] : [{ atMs, low: value, high: value, sum: value, count: 1 }],
  );
  return rollUp(single, bucketMs);
}

/** Joins fine buckets into coarser ones, oldest first. The mean of means is weighted by the number of measurements. */
export function rollUp(buckets: readonly Bucket[], bucketMs: number): Bucket[] {
  const joined = new Map<number, Bucket>();
  for (const bucket of buckets) {
    const atMs = Math.floor(bucket.atMs / bucketMs) * bucketMs;
    const before = joined.get(atMs);
    joined.set(atMs, before ? join(before, bucket) : { ...bucket, atMs });
  }
  return [...joined.values()].sort((left, right) => left.atMs - right.atMs);
}

const join = (left: Bucket, right: Bucket): Bucket => ({
  atMs: left.atMs,
  low: Math.min(left.low, right.low),
  high: Math.max(left.high, right.high),
  sum: left.sum + right.sum,
  count: left.count + right.count,
});

/** What a level still keeps at `nowMs`. */
export function keep(buckets: readonly Bucket[], level: Level, nowMs: number): Bucket[] {
  return buckets.filter(({ atMs }) => atMs + level.bucketMs > nowMs - level.keptMs);
}

/** The finest level that shows `windowMs` up to now with at most `pointsMax` points; the coarsest when none does. */
export function levelFor(windowMs: number, pointsMax: number): Level {
  const fits = levels.find((level) => level.keptMs >= windowMs && windowMs / level.bucketMs <= pointsMax);
  return fits ?? (levels[levels.length - 1] as Level);
}

/** Means as a line to draw from `fromMs` to `toMs`, both included: every period has a point, null where nothing was measured. */
export function lineOf(
  buckets: readonly Bucket[],
  bucketMs: number,
  fromMs: number,
  toMs: number,
): SeriesPoint[] {
  const means = new Map(buckets.map(({ atMs, sum, count }) => [atMs, sum / count]));
  const line: SeriesPoint[] = [];
  for (let atMs = Math.floor(fromMs / bucketMs) * bucketMs; atMs <= toMs; atMs += bucketMs) {
    line.push({ atMs, value: means.get(atMs) ?? null });
  }
  return line;
}
