import { describe, expect, it } from 'vitest';
import { nodeName, seriesId } from '../model/ids.js';
import type { Series, SeriesAct } from '../model/series.js';
import { nodeView, snapshotOf } from '../model/testing/views.js';
import { makeSeries } from './series.js';

const restart: SeriesAct = { kind: 'restart', options: null };
const move = (target: 'active' | 'standby' | 'offline'): SeriesAct => ({ kind: 'move', target });
const three = snapshotOf([nodeView('db1'), nodeView('db2'), nodeView('db3')]);
const empty = (name: string) =>
  nodeView(name, { state: 'offline', hasData: false, position: null, dataBytes: null });

const make = (snapshot: ReturnType<typeof snapshotOf>, nodes: readonly string[], act: SeriesAct) =>
  makeSeries({
    snapshot,
    nodes: nodes.map(nodeName),
    act,
    id: seriesId('series-1'),
    nowMs: 0,
    askedBy: 'you',
  });
const made = (...asked: Parameters<typeof make>): Series => {
  const series = make(...asked);
  if ('reason' in series) throw new Error(series.reason);
  return series;
};
const turns = (series: Series) => series.parts.map(({ node }) => node).join(' ');

describe('a series', () => {
  it('restarts all three, one after another, and says what is left meanwhile', () => {
    const series = made(three, ['db3', 'db1', 'db2'], restart);
    expect(series.title).toBe('Restart db1, db2 and db3, one after another');
    expect(turns(series)).toBe('db1 db2 db3');
    expect(series.effects).toContainEqual({ label: 'Active at the least', now: '', after: '2' });
    expect(series.warnings).toEqual(['While a node is away, no other may fail.']);
  });

  it('begins with the node that nobody would miss', () => {
    const mixed = snapshotOf([nodeView('db1'), nodeView('db2', { state: 'standby' }), nodeView('db3')]);
    expect(turns(made(mixed, ['db1', 'db2', 'db3'], restart))).toBe('db2 db1 db3');
  });

  it('tells which options it changes', () => {
    const act: SeriesAct = { kind: 'restart', options: { max_connections: '500' } };
    const series = made(three, ['db1', 'db2'], act);
    expect(series.title).toBe('Change options of db1 and db2 and restart, one after another');
    expect(series.effects[0]).toEqual({ label: 'Options', now: '', after: 'max_connections = 500' });
  });

  it('leaves out who is there already', () => {
    const snapshot = snapshotOf([nodeView('db1'), empty('db2'), empty('db3')]);
    expect(turns(made(snapshot, ['db1', 'db2', 'db3'], move('active')))).toBe('db2 db3');
  });

  it.each([
    [
      'the last active node',
      three,
      ['db1', 'db2', 'db3'],
      move('offline'),
      'no node would take sessions any more',
    ],
    [
      'the last one on standby',
      three,
      ['db1', 'db2', 'db3'],
      move('standby'),
      'sessions would have nowhere to go',
    ],
    ['nobody', three, [], restart, 'no node is chosen'],
    ['a stranger', three, ['db1', 'db9'], restart, 'there is no node db9'],
    ['those that are there', three, ['db1', 'db2'], move('active'), 'all of them are active already'],
    [
      'the only one that serves',
      snapshotOf([nodeView('db1'), nodeView('db2', { state: 'standby' })]),
      ['db1'],
      restart,
      'without db1 no node would take sessions',
    ],
    [
      'a ring without quorum',
      snapshotOf([nodeView('db1'), nodeView('db2', { state: 'failed' }), nodeView('db3')], { token: null }),
      ['db1', 'db3'],
      restart,
      'the ring has no quorum',
    ],
  ] as const)('is refused: %s', (_what, snapshot, nodes, act, reason) => {
    const refusal = make(snapshot, nodes, act);
    expect('reason' in refusal && refusal.reason).toContain(reason);
    expect('remedy' in refusal && refusal.remedy).not.toBe('');
  });
});
