import { describe, expect, it } from 'vitest';
import type { NodeRingView, Sight } from '../../app/model/cluster.js';
import { nodeName } from '../../app/model/ids.js';
import { nodeView } from '../../app/model/testing/views.js';
import { disagreement } from './sights.js';

const names = ['db1', 'db2', 'db3'] as const;

function ringOf(self: string, ringId: string | null, sees: Partial<Record<string, Sight>>): NodeRingView {
  const others = names
    .filter((name) => name !== self)
    .map((name) => [nodeName(name), sees[name] ?? 'up'] as const);
  return {
    words: ringId === null ? 'looks for a view' : `member of ${ringId}`,
    ringId,
    holder: null,
    rotationMs: null,
    position: 100,
    safe: 100,
    sees: Object.fromEntries(others),
    networks: 1,
  };
}

const node = (name: string, ringId: string | null, sees: Partial<Record<string, Sight>> = {}) =>
  nodeView(name, { ring: ringOf(name, ringId, sees) });

describe('who sees whom', () => {
  it('is no question while all agree', () => {
    expect(disagreement(names.map((name) => node(name, '8.1')))).toBeNull();
  });

  it('is no question when everybody sees the same node away', () => {
    const gone = nodeView('db3', { state: 'failed', ring: null });
    expect(
      disagreement([node('db1', '9.1', { db3: 'down' }), node('db2', '9.1', { db3: 'down' }), gone]),
    ).toBeNull();
  });

  it('is no question for a node that left on purpose', () => {
    const away = nodeView('db3', { state: 'offline', ring: ringOf('db3', null, {}) });
    expect(disagreement([node('db1', '9.1'), node('db2', '9.1', { db3: 'down' }), away])).toBeNull();
  });

  it('is shown when one sees a node that another does not', () => {
    const table = disagreement([
      node('db1', '8.1', { db3: 'suspect' }),
      node('db2', '8.1'),
      node('db3', '8.1'),
    ]);
    expect(table?.rows.map((row) => row.sees)).toEqual([
      [null, 'up', 'suspect'],
      ['up', null, 'up'],
      ['up', 'up', null],
    ]);
  });

  it('is shown when peers hold different views', () => {
    const table = disagreement([node('db1', '9.1'), node('db2', '9.1'), node('db3', null)]);
    expect(table?.rows.map((row) => row.ringId)).toEqual(['9.1', '9.1', null]);
  });
});
