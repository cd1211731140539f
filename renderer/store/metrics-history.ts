/**
 * The last five minutes of metrics, kept outside of React: charts read it and draw by themselves, so that one second of
 * news costs no rendering.
 */
import type { NodeName } from '../../app/model/ids.js';
import type { MetricsPoint } from '../../app/model/metrics.js';
import { transactionsInAll } from '../selectors/node-selectors.js';

/** Width of the charts and length of the history, milliseconds. */
export const historyMs = 300_000;
/** More than one point a second for the whole width; a bound, should points come too often. */
const pointsMax = 700;

/** A point with the sum of all nodes. */
export interface HistoryPoint extends MetricsPoint {
  /** Transactions per second of all nodes; null when one that ran did not tell, so that no sum is too small. */
  readonly transactionsInAll: number | null;
}

export interface MetricsHistory {
  /** Oldest first. The array is replaced on every change, never changed in place. */
  points(): readonly HistoryPoint[];
  latest(): HistoryPoint | undefined;
  /** Everything anew, after (re)opening. `expected` are the nodes that run now. */
  replace(points: readonly MetricsPoint[], expected: readonly NodeName[]): void;
  /** One more; a point that is not newer than the last one is ignored. */
  append(point: MetricsPoint, expected: readonly NodeName[]): void;
  /** Calls `listener` after each change until the returned function is called. */
  subscribe(listener: () => void): () => void;
}

/** A silence of a node between two samples is a failed sample when it has at most this many points; longer: it was away. */
const failedSamplesMax = 15;

const tells = (point: MetricsPoint | undefined, name: NodeName): boolean =>
  typeof point?.nodes[name]?.transactionsPerSecond === 'number';

const isComplete = (point: MetricsPoint, expected: readonly NodeName[]): boolean =>
  expected.every((name) => tells(point, name));

const summed = (point: MetricsPoint, complete: boolean): HistoryPoint => ({
  ...point,
  transactionsInAll: complete ? transactionsInAll(point.nodes) : null,
});

/**
 * Finds out afterwards which points are complete: what ran then is not told, but a short silence between two samples was
 * a failure to measure, and so is one that lasts until now for a node that runs.
 */
function completed(points: readonly MetricsPoint[], expected: readonly NodeName[]): readonly HistoryPoint[] {
  const missing = new Set<number>();
  for (const name of Object.keys(points.at(-1)?.nodes ?? {}) as NodeName[]) {
    let lastTold = -1;
    const close = (index: number): void => {
      const silence = index - lastTold - 1;
      if (lastTold < 0 || silence > failedSamplesMax) return;
      for (let silent = lastTold + 1; silent < index; silent++) missing.add(silent);
    };
    for (let index = 0; index < points.length; index++) {
      if (!tells(points[index], name)) continue;
      close(index);
      lastTold = index;
    }
    if (expected.includes(name)) close(points.length);
  }
  return points.map((point, index) => summed(point, !missing.has(index)));
}

const withinWidth = (points: readonly HistoryPoint[]): readonly HistoryPoint[] => {
  const last = points.at(-1);
  if (!last) return [];
  // One point before the left edge stays, so that the line reaches the edge.
  const first = points.findIndex((point) => point.atMs >= last.atMs - historyMs);
  return points.slice(Math.max(0, first - 1, points.length - pointsMax));
};

export function createMetricsHistory(): MetricsHistory {
  let kept: readonly HistoryPoint[] = [];
  const listeners = new Set<() => void>();
  const set = (points: readonly HistoryPoint[]): void => {
    kept = withinWidth(points);
    for (const listener of listeners) listener();
  };
  return {
    points: () => kept,
    latest: () => kept.at(-1),
    replace: (points, expected) => set(completed(points, expected)),
    append(point, expected) {
      const last = kept.at(-1);
      if (last && point.atMs <= last.atMs) return;
      set([...kept, summed(point, isComplete(point, expected))]);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
