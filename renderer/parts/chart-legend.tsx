import { useSyncExternalStore } from 'react';
import { useStore } from 'zustand';
import { nearestIndex } from '../selectors/chart-geometry.js';
import type { MetricsHistory } from '../store/metrics-history.js';
import type { ChartCursor, ChartSeries } from './chart-series.js';

interface Props {
  readonly history: MetricsHistory;
  readonly cursor: ChartCursor;
  readonly series: readonly ChartSeries[];
  readonly format: (value: number) => string;
}

/** The name of each line with its value: the newest one, or the one under the cursor. */
export function ChartLegend({ history, cursor, series, format }: Props) {
  const points = useSyncExternalStore(history.subscribe, history.points);
  const atMs = useStore(cursor, (state) => state.atMs);
  const index = atMs === null ? points.length - 1 : nearestIndex(points, atMs);
  return (
    <ul className="legend">
      {series.map((one) => {
        const value = index < 0 ? null : one.valueAt(points, index);
        return (
          <li key={one.key}>
            <svg className="legend-line" viewBox="0 0 22 6" aria-hidden="true">
              <path className={`chart-line ${one.className}`} d="M1 3H21" />
            </svg>
            <span className="legend-name" title={one.label}>
              {one.label}
            </span>
            <b className={value === null ? 'legend-none' : undefined}>
              {value === null ? 'n/a' : format(value)}
            </b>
          </li>
        );
      })}
    </ul>
  );
}
