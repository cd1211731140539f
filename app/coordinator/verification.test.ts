/** Comparing all nodes, run with model peers to every end that it can have. */
import { afterEach, describe, expect, it } from 'vitest';
import { RingmasterError } from '../base/errors.js';
import { nodeName } from '../model/ids.js';
import type { VerificationView } from '../model/verification.js';
import { move, type OpenedModel, openModel } from './testing/model-cluster.js';

let opened: OpenedModel;

afterEach(async () => {
  await opened.coordinator.close();
});

async function compared({ coordinator }: OpenedModel): Promise<VerificationView> {
  await coordinator.handlers['verification.start']({ loadPercent: 50 });
  return await ended(coordinator.cluster);
}

async function ended(cluster: OpenedModel['coordinator']['cluster']): Promise<VerificationView> {
  for (let turn = 0; turn < 5000; turn++) {
    await new Promise(setImmediate);
    if (cluster.verification && cluster.verification.state !== 'running') return cluster.verification;
  }
  throw new Error('a comparison without an end');
}

describe('comparing all nodes', () => {
  it('finds them equal, and says so in an event', async () => {
    opened = await openModel(3);
    const result = await compared(opened);
    expect(result).toMatchObject({ state: 'equal', tables: 1, heldMs: 12, driftCount: 0 });
    expect(result.words).toMatch(/^3 nodes equal at 0-\d-\d+: one table, [\d,]+ rows$/);
    const last = opened.coordinator.cluster.snapshot().events.at(-1);
    expect(last).toMatchObject({ text: result.words, severity: 'good' });
  });

  it('names the odd one out', async () => {
    opened = await openModel(3);
    opened.model.server('db2').tampered = 'changed';
    const result = await compared(opened);
    expect(result.state).toBe('differs');
    expect(result.drift).toMatchObject([
      { odd: ['db2'], words: 'db2 differs from db1 and db3 in bank.accounts, id from 1000 on' },
    ]);
    expect(opened.coordinator.cluster.snapshot().events.at(-1)).toMatchObject({ node: 'db2', mark: true });

    // It gives no copy to anybody, and gets one itself.
    await move(opened, 'db3', 'offline');
    const plan = await opened.coordinator.handlers['plan.propose']({
      node: nodeName('db3'),
      target: 'active',
      donor: null,
    });
    expect(plan.donor?.name).toBe('db1');
    await move(opened, 'db2', 'offline');
    expect((await move(opened, 'db2', 'active')).method).toBe('snapshot');
    expect(opened.coordinator.cluster.node(nodeName('db2')).needsCopy).toBeNull();
  });

  it('says of a node that does not get there that it was not compared, after some tries', async () => {
    opened = await openModel(3);
    opened.model.fault = (node, method) => {
      if (node === 'db3' && method === 'compare.open')
        throw new RingmasterError('verification.snapshot-missed', { node, sequence: 7, cause: 'it is slow' });
    };
    const result = await compared(opened);
    expect(result.state).toBe('equal');
    expect(result.words).toMatch(/^2 nodes equal at .*; db3 not compared$/);
    expect(result.nodes[2]?.leftOut).toContain('it is slow');
    expect(result.heldMs).toBe(5 * 12);
  });

  it('leaves out a node that is lost while it is read, and never counts it as equal', async () => {
    opened = await openModel(3);
    opened.model.fault = (node, method) => {
      if (node === 'db2' && method === 'compare.sums')
        throw new RingmasterError('server.not-running', { node });
    };
    const result = await compared(opened);
    expect(result.words).toMatch(/^2 nodes equal at .*; db2 not compared$/);
  });

  it('is refused while a plan runs or only one node replicates', async () => {
    opened = await openModel(1);
    const { handlers } = opened.coordinator;
    const start = () => handlers['verification.start']({ loadPercent: 50 });
    await expect(start()).rejects.toThrow('only db1 replicates');
    const plan = await handlers['plan.propose']({ node: nodeName('db2'), target: 'active', donor: null });
    await handlers['plan.run']({ plan: plan.id, maintenance: null });
    await expect(start()).rejects.toThrow('a plan is running');
  });

  it('gives way to a plan', async () => {
    opened = await openModel(3);
    const { coordinator } = opened;
    await coordinator.handlers['verification.start']({ loadPercent: 50 });
    await expect(coordinator.handlers['verification.start']({ loadPercent: 50 })).rejects.toThrow('already');
    const plan = await move(opened, 'db3', 'standby');
    expect(plan.state).toBe('done');
    const result = await ended(coordinator.cluster);
    expect(['stopped', 'equal']).toContain(result.state);
  });

  it('stops when it is asked to, and gives every snapshot up', async () => {
    opened = await openModel(3);
    const { coordinator, model } = opened;
    await coordinator.handlers['verification.start']({ loadPercent: 50 });
    await coordinator.handlers['verification.stop']({}, 'Ada');
    const result = await ended(coordinator.cluster);
    expect(result).toMatchObject({ state: 'stopped', words: 'The comparison was stopped by Ada' });
    expect(model.servers.every(({ snapshot }) => snapshot === null)).toBe(true);
  });

  it('leaves the check of a join out where the cluster is set so, and keeps that over a restart', async () => {
    opened = await openModel(1);
    await opened.coordinator.handlers['verification.set']({ verifiesJoins: false });
    const plan = await move(opened, 'db2', 'active');
    expect(plan.steps.find(({ action }) => action.kind === 'verify')?.outcome).toMatch(/^left out/);
    await opened.coordinator.close();
    opened = await openModel(1, opened);
    expect(opened.coordinator.cluster.verifiesJoins).toBe(false);
  });
});
