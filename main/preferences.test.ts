import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openingBounds, readPreferences, writePreferences } from './preferences.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringmaster-preferences-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('preferences', () => {
  const defaults = { bounds: null, maximized: false, theme: 'system' };

  it('come back as they were written', () => {
    const path = join(folder, 'deep', 'preferences.json');
    const preferences = {
      bounds: { x: -5, y: 10, width: 1500, height: 900 },
      maximized: true,
      theme: 'dark' as const,
    };
    writePreferences(path, preferences);
    expect(readPreferences(path)).toEqual(preferences);
  });

  it.each(['', '{', '{"theme":"pink"}', '{"bounds":{"x":1}}', '[]'])('are the defaults for %j', (text) => {
    const path = join(folder, 'preferences.json');
    writeFileSync(path, text);
    expect(readPreferences(path)).toEqual(defaults);
  });

  it('are the defaults when there is no file', () => {
    expect(readPreferences(join(folder, 'none.json'))).toEqual(defaults);
  });
});

describe('where the window opens', () => {
  const display = { x: 0, y: 0, width: 1920, height: 1080 };

  it('is the default size at first', () => {
    expect(openingBounds(null, [display])).toEqual({ width: 1280, height: 800 });
  });

  it('is where it was', () => {
    const saved = { x: 2000, y: 100, width: 1400, height: 900 };
    const second = { x: 1920, y: 0, width: 2560, height: 1440 };
    expect(openingBounds(saved, [display, second])).toEqual(saved);
  });

  it('is the default size when its display is gone', () => {
    expect(openingBounds({ x: 1900, y: 0, width: 1400, height: 900 }, [display])).toEqual({
      width: 1280,
      height: 800,
    });
  });

  it('is no larger than its display, no smaller than the minimum, and keeps its title bar in reach', () => {
    expect(openingBounds({ x: 10, y: -50, width: 5000, height: 300 }, [display])).toEqual({
      x: 10,
      y: 0,
      width: 1920,
      height: 640,
    });
  });
});
