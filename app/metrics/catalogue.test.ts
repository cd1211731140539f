import { expect, it } from 'vitest';
import { loadMetrics, nodeMetrics } from './catalogue.js';

const entries = [...Object.values(nodeMetrics), ...Object.values(loadMetrics)];

it('gives every metric a name of its own, a full sentence and a source', () => {
  expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length);
  for (const { meaning, source } of entries) {
    expect(meaning).toMatch(/^[A-Z].{15,}\.$/);
    expect(source).not.toBe('');
  }
});
