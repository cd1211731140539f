/** What the console remembers about itself between runs: where its window was, and the chosen theme. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const boundsSchema = z.object({
  x: z.number().int(),
  y: z.number().int(),
  width: z.number().int().positive(),
  height: z.number().int().positive(),
});
export type Bounds = z.infer<typeof boundsSchema>;

const preferencesSchema = z.object({
  bounds: boundsSchema.nullable().default(null),
  maximized: z.boolean().default(false),
  theme: z.enum(['system', 'light', 'dark']).default('system'),
});
export type Preferences = z.infer<typeof preferencesSchema>;

const windowSizeDefault = { width: 1280, height: 800 } as const;
export const windowSizeMin = { width: 1024, height: 640 } as const;

/** How much of the window must lie on a display for it to be found again, pixels. */
const visibleMin = 64;

/** Reads what was remembered; a missing or damaged file means the defaults, since nothing of value is in it. */
export function readPreferences(path: string): Preferences {
  try {
    return preferencesSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return preferencesSchema.parse({});
  }
}

/** Replaces the file in one step, so that a crash leaves the old or the new one. */
export function writePreferences(path: string, preferences: Preferences): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, JSON.stringify(preferences));
  renameSync(`${path}.new`, path);
}

/**
 * Where to open the window: where it was, if enough of it is still on a display; else at the default size, for the
 * window system to place. Never larger than the display it is on, never smaller than the minimum.
 * @param workAreas usable area of each display
 */
export function openingBounds(
  saved: Bounds | null,
  workAreas: readonly Bounds[],
): { width: number; height: number; x?: number; y?: number } {
  if (saved === null) return windowSizeDefault;
  const overlap = (area: Bounds, axis: 'x' | 'y', size: 'width' | 'height') =>
    Math.min(saved[axis] + saved[size], area[axis] + area[size]) - Math.max(saved[axis], area[axis]);
  const area = workAreas.find(
    (candidate) =>
      overlap(candidate, 'x', 'width') >= visibleMin && overlap(candidate, 'y', 'height') >= visibleMin,
  );
  if (!area) return windowSizeDefault;
  const fit = (size: 'width' | 'height') => Math.max(windowSizeMin[size], Math.min(saved[size], area[size]));
  return { x: saved.x, y: Math.max(saved.y, area.y), width: fit('width'), height: fit('height') };
}
