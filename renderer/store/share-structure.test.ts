import { expect, it } from 'vitest';
import { shareStructure } from './share-structure.js';

it('gives the old value back when nothing changed', () => {
  const before = { nodes: [{ name: 'db1', sample: { cpu: 1 } }], plan: null };
  expect(shareStructure(before, structuredClone(before))).toBe(before);
});

it('keeps the parts that did not change', () => {
  const before = { nodes: [{ name: 'db1' }, { name: 'db2' }], plan: { id: 'a' } };
  const after = shareStructure(before, { nodes: [{ name: 'db1' }, { name: 'db9' }], plan: { id: 'a' } });
  expect(after).toEqual({ nodes: [{ name: 'db1' }, { name: 'db9' }], plan: { id: 'a' } });
  expect(after.nodes).not.toBe(before.nodes);
  expect(after.nodes[0]).toBe(before.nodes[0]);
  expect(after.plan).toBe(before.plan);
});

it('sees what came, what went, and what became something else', () => {
  const before = { list: [1, 2], a: 1 } as Record<string, unknown>;
  expect(shareStructure(before, { list: [1], a: 1 })).toEqual({ list: [1], a: 1 });
  expect(shareStructure(before, { list: [1, 2, 3], a: 1 })).toEqual({ list: [1, 2, 3], a: 1 });
  expect(shareStructure(before, { list: [1, 2] })).toEqual({ list: [1, 2] });
  expect(shareStructure(before, { list: { 0: 1, 1: 2 }, a: 1 })).toEqual({ list: { 0: 1, 1: 2 }, a: 1 });
  expect(shareStructure(before, { list: null, a: undefined })).toEqual({ list: null, a: undefined });
  expect(shareStructure({ a: undefined }, { b: undefined })).toEqual({ b: undefined });
});
