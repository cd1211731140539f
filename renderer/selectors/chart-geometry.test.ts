import { describe, expect, it } from 'vitest';
import type { HistoryPoint } from '../store/metrics-history.js';
import { linePath, nearestIndex, niceMax, steadyMax, ticksTo, type ValueAt } from './chart-geometry.js';

const points = (...seconds: readonly number[]): readonly HistoryPoint[] =>
  seconds.map((second) => ({ atMs: second * 1000, nodes: {}, load: null, transactionsInAll: null }));
const of =
  (...values: readonly (number | null)[]): ValueAt =>
  (_points, index) =>
    values[index] ?? null;
const toX = (atMs: number): number => atMs / 1000;
const toY = (value: number): number => value;

describe('a line', () => {
  it('joins what belongs together', () => {
    expect(linePath(points(1, 2, 3), of(5, 6, 7), toX, toY)).toBe('M1 5L2 6L3 7');
  });
  it('breaks at a null, and at missing time', () => {
    expect(linePath(points(1, 2, 3, 4, 5), of(5, 6, null, 7, 8), toX, toY)).toBe('M1 5L2 6M4 7L5 8');
    expect(linePath(points(1, 2, 9, 10), of(5, 6, 7, 8), toX, toY)).toBe('M1 5L2 6M9 7L10 8');
  });
  it('shows a value between two gaps as a dot', () => {
    expect(linePath(points(1, 2, 3), of(null, 6, null), toX, toY)).toBe('M2 6h.01');
    expect(linePath(points(1, 9), of(5, 6), toX, toY)).toBe('M1 5h.01M9 6h.01');
  });
  it('is empty without values', () => {
    expect(linePath(points(1, 2), of(null, null), toX, toY)).toBe('');
  });
  it('draws a zero as a zero', () => {
    expect(linePath(points(1, 2), of(0, 0), toX, toY)).toBe('M1 0L2 0');
  });
});

describe('the axis', () => {
  it.each([
    [0, 10],
    [10, 10],
    [11, 15],
    [1_240, 1_500],
    [2_010, 2_500],
    [9_999, 10_000],
  ])('goes to a nice number above %i', (value, top) => {
    expect(niceMax(value)).toBe(top);
  });
  it.each([10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 1_500, 2_500])('has whole ticks up to %i', (top) => {
    const ticks = ticksTo(top);
    expect(ticks[0]).toBe(0);
    expect(ticks.at(-1)).toBe(top);
    for (const tick of ticks) expect(Number.isInteger(tick)).toBe(true);
  });
  it('grows at once and shrinks late', () => {
    expect(steadyMax(1_500, 1_600)).toBe(2_000);
    expect(steadyMax(2_000, 1_300)).toBe(2_000);
    expect(steadyMax(2_000, 500)).toBe(600);
  });
});

it('finds the point under the cursor, and none in a gap', () => {
  expect(nearestIndex(points(1, 2, 3), 2_400)).toBe(1);
  expect(nearestIndex(points(1, 20), 10_000)).toBe(-1);
  expect(nearestIndex([], 10_000)).toBe(-1);
});
