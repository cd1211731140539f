import { describe, expect, it } from 'vitest';
import { nodeName, planId } from '../model/ids.js';
import { joinsRing, type TargetState } from '../model/node-state.js';
import { predictTransition } from '../model/predictor.js';
import { nodeView, sampleOf, snapshotOf } from '../model/testing/views.js';
import { chooseDonor } from './donor.js';
import { type JoinKnowledge, makePlan } from './planner.js';

const fullCopy: JoinKnowledge = { method: 'snapshot', certain: true, why: 'it has no data yet' };

function planOf(
  snapshot: ReturnType<typeof snapshotOf>,
  node: string,
  target: TargetState,
  knowledge = fullCopy,
) {
  const name = nodeName(node);
  const view = snapshot.nodes.find((each) => each.name === name);
  const prediction = predictTransition(snapshot, name, target);
  if (!view || !prediction.allowed) throw new Error('not a legal transition');
  const joins = joinsRing(view.state, target);
  return makePlan({
    nodes: snapshot.nodes,
    node: view,
    target,
    transition: prediction.transition,
    donor: joins ? chooseDonor(snapshot.nodes, name, null) : undefined,
    knowledge,
    id: planId('plan-1'),
    nowMs: 0,
    askedBy: 'you',
  });
}

const kinds = (plan: ReturnType<typeof planOf>) => plan.steps.map((step) => step.action.kind).join(' ');
const empty = (name: string) =>
  nodeView(name, { state: 'offline', hasData: false, position: null, dataBytes: null });

describe('the plan of a join', () => {
  it('copies online from the only active node and says that it slows down', () => {
    const plan = planOf(snapshotOf([nodeView('db1'), empty('db2'), empty('db3')]), 'db2', 'active');
    expect(kinds(plan)).toBe(
      'preflight copy prepare-copy swap start-copy catch-up verify enter-ring open-sessions',
    );
    expect(plan.donor).toEqual({ name: 'db1', why: 'the only node with the data' });
    expect(plan.warnings).toEqual([
      'db1 is the only active node: it gives the copy while it serves, and slows down meanwhile.',
    ]);
    expect(plan.effects).toContainEqual({ label: 'Failures tolerated', now: '0', after: '0' });
  });

  it('lets the donor step aside when another node is active', () => {
    const plan = planOf(snapshotOf([nodeView('db1'), nodeView('db2'), empty('db3')]), 'db3', 'active');
    expect(kinds(plan)).toBe(
      'preflight step-aside copy donor-returns prepare-copy swap start-copy catch-up verify enter-ring open-sessions',
    );
    expect(plan.donor).toEqual({ name: 'db1', why: 'the least loaded of 2' });
    expect(plan.effects).toContainEqual({ label: 'Failures tolerated', now: '0', after: '1' });
    expect(plan.effects).toContainEqual({ label: 'Active while copying', now: '', after: '1' });
    expect(plan.steps.find((step) => step.action.kind === 'enter-ring')?.title).toBe(
      'New view, db1 follows db3',
    );
  });

  it('compares first when the node did not stop cleanly, and can still fall back to a copy', () => {
    const snapshot = snapshotOf([nodeView('db1'), nodeView('db2', { state: 'failed' })]);
    const unsure = planOf(snapshot, 'db2', 'active', {
      method: 'incremental',
      certain: false,
      why: 'it did not stop cleanly',
    });
    expect(kinds(unsure)).toBe(
      'preflight compare copy prepare-copy swap start-copy catch-up verify enter-ring open-sessions',
    );
    const sure = planOf(snapshot, 'db2', 'standby', {
      method: 'incremental',
      certain: true,
      why: 'the binlog reaches back',
    });
    expect(kinds(sure)).toBe('preflight compare catch-up verify enter-ring');
  });

  it('starts the first node from its own data', () => {
    const plan = planOf(snapshotOf([nodeView('db1', { state: 'offline' })]), 'db1', 'active', {
      method: 'first',
      certain: true,
      why: 'no node is running',
    });
    expect(kinds(plan)).toBe('preflight start-first open-sessions');
  });
});

describe('the plan of a leave', () => {
  const pair = snapshotOf([nodeView('db1'), nodeView('db2')]);

  it('moves the sessions before it takes the node out', () => {
    expect(kinds(planOf(pair, 'db1', 'offline'))).toBe('drain leave-ring stop-server');
    expect(kinds(planOf(pair, 'db2', 'standby'))).toBe('drain');
  });

  it('into maintenance goes like offline, and ends with setting the node aside', () => {
    const three = snapshotOf([
      nodeView('db1'),
      nodeView('db2', { state: 'standby' }),
      nodeView('db3'),
      nodeView('db4', { state: 'offline' }),
    ]);
    const plan = planOf(three, 'db1', 'maintenance');
    expect(plan.title).toBe('Put db1 into maintenance');
    expect(kinds(plan)).toBe('drain leave-ring stop-server set-aside');
    expect(plan.effects).toContainEqual({ label: 'Replicating nodes', now: '3', after: '2' });
    expect(plan.effects).toContainEqual({ label: 'Failures tolerated', now: '1', after: '0' });
    expect(kinds(planOf(three, 'db2', 'maintenance'))).toBe('drain leave-ring stop-server set-aside');
    expect(kinds(planOf(three, 'db4', 'maintenance'))).toBe('stop-server set-aside');
    const after = snapshotOf([nodeView('db1'), nodeView('db2', { state: 'maintenance' })]);
    expect(kinds(planOf(after, 'db2', 'offline'))).toBe('stop-server');
    expect(planOf(after, 'db2', 'active').method).toBe('snapshot');
  });

  it('warns that the last active node takes the database with it', () => {
    const plan = planOf(snapshotOf([nodeView('db1')]), 'db1', 'offline');
    expect(kinds(plan)).toBe('drain leave-ring stop-server');
    expect(plan.warnings[0]).toContain('applications lose the database');
  });
});

describe('the choice of a donor', () => {
  const joiner = nodeName('db3');

  it('never is a node that differs from the others, unless there is no other', () => {
    const odd = nodeView('db1', { needsCopy: 'its data differ', sample: sampleOf({ cpuPercent: 5 }) });
    const good = nodeView('db2', { sample: sampleOf({ cpuPercent: 90 }) });
    expect(chooseDonor([odd, good], joiner, null)?.name).toBe('db2');
    expect(chooseDonor([odd, good], joiner, nodeName('db1'))).toBeUndefined();
    expect(chooseDonor([odd], joiner, null)?.name).toBe('db1');
  });

  it('prefers a standby, then the least loaded', () => {
    const nodes = [
      nodeView('db1', { sample: sampleOf({ cpuPercent: 5 }) }),
      nodeView('db2', { sample: sampleOf({ cpuPercent: 90 }) }),
      nodeView('db4', { sample: sampleOf({ cpuPercent: 60 }) }),
    ];
    expect(chooseDonor(nodes, joiner, null)?.name).toBe('db1');
    expect(chooseDonor([...nodes, nodeView('db5', { state: 'standby' })], joiner, null)?.name).toBe('db5');
    expect(chooseDonor(nodes, joiner, nodeName('db1'))).toEqual({
      name: 'db1',
      why: 'chosen by you',
      aside: true,
    });
    expect(chooseDonor([], joiner, null)).toBeUndefined();
  });
});
