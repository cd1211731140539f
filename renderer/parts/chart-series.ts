/** What charts share: their lines and the time that is looked at. */
import { createStore, type StoreApi } from 'zustand/vanilla';
import type { ValueAt } from '../selectors/chart-geometry.js';

/** The time that is looked at, shared by all charts; null while nobody points at one. */
export type ChartCursor = StoreApi<{ readonly atMs: number | null }>;
export const createChartCursor = (): ChartCursor => createStore(() => ({ atMs: null as number | null }));

export interface ChartSeries {
  readonly key: string;
  readonly label: string;
  /** Its colour and dashes: `series-0` and so on, or `series-all`. */
  readonly className: string;
  readonly valueAt: ValueAt;
}
