/** Holds the colours of both themes to WCAG 2.2: 4.5:1 for text, 3:1 for signs and lines. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const css = readFileSync(join(import.meta.dirname, 'theme.css'), 'utf8');
const [lightText = '', darkText = ''] = css.split('@media (prefers-color-scheme: dark)');

const coloursOf = (text: string): Map<string, string> =>
  new Map(
    [...text.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', colour = '']) => [name, colour]),
  );

/** WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const contrast = (one: string, other: string): number => {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};

const grounds = ['stage', 'panel', 'raised'];
const states = ['active', 'standby', 'transitional', 'maintenance', 'offline', 'failed'];
const series = Array.from({ length: 9 }, (_, index) => `series-${index}`);

const pairs: readonly (readonly [string, string, number])[] = [
  ...['text', 'dim', ...states].flatMap((colour) => grounds.map((ground) => [colour, ground, 4.5] as const)),
  ...series.map((colour) => [colour, 'panel', 3] as const),
  ...grounds.map((ground) => ['line-strong', ground, 3] as const),
  ...grounds.map((ground) => ['accent', ground, 3] as const),
  ['text', 'chip', 4.5],
  ['dim', 'chip', 4.5],
  ['transitional', 'chip', 4.5],
  ['failed', 'chip', 4.5],
  ['active', 'chip', 4.5],
  ['on-accent', 'accent', 4.5],
  ['on-accent', 'accent-hover', 4.5],
  ['on-danger', 'danger', 4.5],
  ['on-danger', 'danger-hover', 4.5],
  ['danger', 'raised', 4.5],
];

describe.each([
  ['light', coloursOf(lightText)],
  ['dark', coloursOf(darkText)],
])('%s', (_name, colours) => {
  it.each(pairs)('%s on %s has at least %f:1', (front, back, least) => {
    expect(contrast(colours.get(front) ?? '', colours.get(back) ?? '')).toBeGreaterThanOrEqual(least);
  });
});
