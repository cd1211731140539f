import { describe, expect, it } from 'vitest';
import { edgeBetween, layOutRing, shorterDirection } from './ring-layout.js';

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const overlap = (one: Box, other: Box): boolean =>
  one.left < other.left + other.width &&
  other.left < one.left + one.width &&
  one.top < other.top + other.height &&
  other.top < one.top + one.height;

/** The stage in windows of 1024x612, 1024x640, 1280x800, 1920x1080 and 2560x1440. */
const stages = [
  [708, 300, 13],
  [708, 320, 13],
  [934, 425, 13.8],
  [1400, 600, 15.6],
  [2036, 900, 21],
] as const;
const counts = [1, 2, 3, 4, 5, 6, 7, 8, 9];

describe.each(stages)('a stage of %ix%i', (width, height, unit) => {
  it.each(counts)('holds %i nodes whose labels touch nothing', (count) => {
    const layout = layOutRing(width, height, count, unit);
    const glyphs = layout.nodes.map(
      (node): Box => ({
        left: node.x - layout.glyphRadius,
        top: node.y - layout.glyphRadius,
        width: 2 * layout.glyphRadius,
        height: 2 * layout.glyphRadius,
      }),
    );
    const labels = layout.nodes.map((node) => node.label);
    for (const box of [...glyphs, ...labels]) {
      expect(box.left).toBeGreaterThanOrEqual(0);
      expect(box.top).toBeGreaterThanOrEqual(-0.5);
      expect(box.left + box.width).toBeLessThanOrEqual(width + 0.5);
      expect(box.top + box.height).toBeLessThanOrEqual(height + 0.5);
    }
    for (const label of labels) expect(label.width).toBeGreaterThan(unit * 8);
    labels.forEach((label, index) => {
      for (const glyph of glyphs) expect(overlap(label, glyph)).toBe(false);
      for (const other of labels.slice(index + 1)) expect(overlap(label, other)).toBe(false);
    });
  });

  it.each(counts)('keeps the edges of %i nodes off glyphs that have no part in them', (count) => {
    const layout = layOutRing(width, height, count, unit);
    for (let from = 0; from < count; from++) {
      for (let to = 0; to < count; to++) {
        if (from === to) continue;
        const points = [...edgeBetween(layout, from, to).path.matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)];
        expect(points.length).toBeGreaterThan(5);
        const distances = points.flatMap(([, x, y]) =>
          layout.nodes.map((node) => Math.hypot(Number(x) - node.x, Number(y) - node.y)),
        );
        expect(Math.min(...distances)).toBeGreaterThan(layout.glyphRadius);
      }
    }
  });
});

it('goes the shorter way round', () => {
  expect(shorterDirection(3, 0, 1)).toBe(1);
  expect(shorterDirection(3, 1, 0)).toBe(-1);
  expect(shorterDirection(7, 0, 5)).toBe(-1);
});

it('points the arrow at the receiver', () => {
  const layout = layOutRing(700, 320, 3, 13);
  const { head } = edgeBetween(layout, 0, 1);
  const to = layout.nodes[1];
  expect(Math.hypot(head.x - (to?.x ?? 0), head.y - (to?.y ?? 0))).toBeLessThan(layout.glyphRadius + 20);
});
