import { describe, expect, it } from 'vitest';
import { nodeName, planId } from './ids.js';
import { type TargetState, targetStates } from './node-state.js';
import type { Plan } from './plan.js';
import { predictAll, predictTransition } from './predictor.js';
import { nodeView, snapshotOf } from './testing/views.js';

const ask = (snapshot: ReturnType<typeof snapshotOf>, node: string, target: TargetState) => {
  const prediction = predictTransition(snapshot, nodeName(node), target);
  return prediction.allowed ? prediction.transition.verb : prediction.reason;
};

describe('may this node go there', () => {
  const ordinary = snapshotOf([
    nodeView('db1'),
    nodeView('db2', { state: 'standby' }),
    nodeView('db3', { state: 'offline' }),
  ]);

  it.each([
    ['db1', 'offline', 'Take offline'],
    ['db1', 'active', 'db1 is active already'],
    ['db1', 'standby', 'db1 is the only active node and sessions would have nowhere to go'],
    ['db2', 'active', 'Bring online'],
    ['db2', 'offline', 'Take offline'],
    ['db3', 'active', 'Bring online'],
    ['db3', 'standby', 'Bring to standby'],
    ['db3', 'offline', 'db3 is offline already'],
    ['db9', 'active', 'there is no node db9'],
    ['db1', 'maintenance', 'db1 is the only active node and sessions would have nowhere to go'],
    ['db2', 'maintenance', 'Put into maintenance'],
    ['db3', 'maintenance', 'Put into maintenance'],
  ] as const)('%s to %s: %s', (node, target, answer) => {
    expect(ask(ordinary, node, target)).toBe(answer);
  });

  it('lets an active node rest when another is active', () => {
    expect(ask(snapshotOf([nodeView('db1'), nodeView('db2')]), 'db1', 'standby')).toBe('Put on standby');
  });

  it('takes any node but the last active one into maintenance, and back to every other state', () => {
    const mixed = snapshotOf([
      nodeView('db1'),
      nodeView('db2'),
      nodeView('db3', { state: 'failed' }),
      nodeView('db4', { state: 'maintenance' }),
      nodeView('db5', { state: 'transitional' }),
    ]);
    expect(['db1', 'db3', 'db4', 'db5'].map((name) => ask(mixed, name, 'maintenance'))).toEqual([
      'Put into maintenance',
      'Put into maintenance',
      'db4 is in maintenance already',
      'a node that is transitional cannot become maintenance directly',
    ]);
    expect(targetStates.map((target) => ask(mixed, 'db4', target))).toEqual([
      'Bring online',
      'Bring to standby',
      'db4 is in maintenance already',
      'Take offline',
    ]);
  });

  it('refuses everything while a plan runs or the cluster starts', () => {
    const plan = { id: planId('p'), title: 'Bring db3 online', askedBy: 'olga', state: 'running' } as Plan;
    expect(ask(snapshotOf(ordinary.nodes, { plan }), 'db2', 'active')).toBe(
      'another plan is running: Bring db3 online (asked for by olga)',
    );
    expect(ask(snapshotOf(ordinary.nodes, { startingUp: 'Starting db1' }), 'db2', 'active')).toBe(
      'the cluster is still starting',
    );
  });

  it('after a full stop starts the most advanced node first, so that nothing is lost', () => {
    const stopped = snapshotOf([
      nodeView('db1', { state: 'offline', position: '0-1-900' }),
      nodeView('db2', { state: 'failed', position: '0-2-1000' }),
      nodeView('db3', { state: 'offline', position: null, hasData: false }),
    ]);
    expect(ask(stopped, 'db1', 'active')).toBe('no node is running and db1 lacks 100 changes that db2 has');
    expect(ask(stopped, 'db3', 'active')).toBe('no node is running and db3 has no data yet');
    expect(ask(stopped, 'db2', 'active')).toBe('Bring online');
    expect(ask(stopped, 'db2', 'standby')).toBe('no node is active to follow');
  });

  it('answers for every target of the menu', () => {
    expect(
      predictAll(ordinary, nodeName('db3')).map(({ target, prediction }) => [target, prediction.allowed]),
    ).toEqual([
      ['active', true],
      ['standby', true],
      ['maintenance', true],
      ['offline', false],
    ]);
  });
});
