/** A node in maintenance: what is kept of it, who is told, and that nothing starts it but an operator. */
import { describe, expect, it } from 'vitest';
import { RingmasterError } from '../base/errors.js';
import type { MethodName } from '../contract/control.js';
import { nodeName } from '../model/ids.js';
import type { ClusterMemory } from './ports.js';
import { givenReason, move, type OpenedModel, openModel } from './testing/model-cluster.js';

const hourMs = 3_600_000;
const nodeOf = ({ coordinator }: OpenedModel, name: string) => {
  const found = coordinator.cluster.snapshot().nodes.find((node) => node.name === name);
  if (!found) throw new Error(`no ${name}`);
  return found;
};
const eventsOf = ({ coordinator }: OpenedModel) => coordinator.cluster.snapshot().events;

/** Every call from now on, as "db2 server.start". */
function listen({ model }: Pick<OpenedModel, 'model'>): string[] {
  const calls: string[] = [];
  model.fault = (node: string, method: MethodName) => void calls.push(`${node} ${method}`);
  return calls;
}

const full = { path: '/memory.json', cause: 'ENOSPC' };

describe('a node in maintenance', () => {
  it('is stopped, out of the ring, and says why, for whom, since when and until when', async () => {
    const opened = await openModel(3);
    opened.clock.nowMs = 5 * hourMs;
    const plan = await move(opened, 'db2', 'maintenance');
    expect(plan.error?.text ?? plan.state).toBe('done');
    expect(plan.steps.map((step) => step.action.kind)).toEqual([
      'drain',
      'leave-ring',
      'stop-server',
      'set-aside',
    ]);
    const maintenance = {
      reason: givenReason.reason,
      owner: 'test',
      sinceMs: 5 * hourMs,
      untilMs: 6 * hourMs,
    };
    expect(plan.maintenance).toEqual(maintenance);
    expect(nodeOf(opened, 'db2')).toMatchObject({
      state: 'maintenance',
      wanted: 'maintenance',
      maintenance: { ...maintenance, overdue: false },
    });
    expect(opened.model.server('db2').running).toBe(false);
    expect(opened.coordinator.cluster.ring).toEqual(['db1', 'db3']);
    expect(eventsOf(opened).at(-1)).toMatchObject({
      text: 'db2 in maintenance after 0.0 s: new disks (1 h)',
      by: 'test',
      mark: true,
    });
  });

  it('wants a reason', async () => {
    const { coordinator } = await openModel(2);
    const proposed = await coordinator.handlers['plan.propose']({
      node: nodeName('db2'),
      target: 'maintenance',
      donor: null,
    });
    await expect(
      coordinator.handlers['plan.run']({ plan: proposed.id, maintenance: null }),
    ).rejects.toMatchObject({ code: 'plan.reason-missing' });
    expect(coordinator.cluster.plan).toBeNull();
  });

  it('is overdue when its end time has passed: said once, and still left alone', async () => {
    const opened = await openModel(3);
    await move(opened, 'db2', 'maintenance');
    const calls = listen(opened);
    opened.clock.advance(hourMs - 1);
    expect(nodeOf(opened, 'db2').maintenance?.overdue).toBe(false);
    opened.clock.advance(1);
    opened.clock.advance(1_000);
    expect(nodeOf(opened, 'db2')).toMatchObject({ state: 'maintenance', maintenance: { overdue: true } });
    expect(eventsOf(opened).filter((event) => event.text.includes('past its end time'))).toMatchObject([
      {
        text: 'db2 is in maintenance past its end time (new disks, asked for by test)',
        severity: 'warning',
        node: 'db2',
        mark: true,
      },
    ]);
    expect(calls).toEqual([]);
  });

  it('stays as it was said over a restart, and is not started', async () => {
    const first = await openModel(3);
    await move(first, 'db3', 'maintenance');
    const before = nodeOf(first, 'db3');
    await first.coordinator.close();
    const { model, clock, disk } = first;
    const calls = listen(first);
    clock.nowMs = 2 * hourMs;
    const second = await openModel(3, { model, clock, disk });
    expect(nodeOf(second, 'db3')).toMatchObject({
      state: 'maintenance',
      maintenance: { ...before.maintenance, overdue: true },
    });
    expect(second.coordinator.cluster.ring).toEqual(['db1', 'db2']);
    // Its peer is asked, and told where sessions belong; its server is left alone.
    expect(new Set(calls.filter((call) => call.startsWith('db3')))).toEqual(
      new Set(['db3 peer.status', 'db3 sessions.place']),
    );
    expect((await move(second, 'db3', 'active')).state).toBe('done');
    expect(nodeOf(second, 'db3')).toMatchObject({ state: 'active', maintenance: null });
    expect(second.disk.memory?.nodes.db3).toMatchObject({ wanted: 'active', maintenance: null });
  });

  it('is left alone after a coordinator that ended in the middle of the plan', async () => {
    const opened = await openModel(3);
    let kept: ClusterMemory | undefined;
    opened.model.fault = (node, method) => {
      if (method === 'server.stop' && node === 'db2') kept = opened.coordinator.cluster.memory();
    };
    await move(opened, 'db2', 'maintenance');
    const calls = listen(opened);
    const second = await openModel(3, { model: opened.model, disk: { memory: kept } });
    expect(nodeOf(second, 'db2')).toMatchObject({
      state: 'maintenance',
      maintenance: { reason: 'new disks' },
    });
    expect(calls).not.toContain('db2 server.start');
  });

  it('is not given an empty database when all data are gone', async () => {
    const opened = await openModel(3);
    await move(opened, 'db1', 'maintenance');
    await opened.coordinator.close();
    const second = await openModel(1, { disk: opened.disk });
    expect(second.coordinator.cluster.snapshot().nodes.map((node) => node.state)).toEqual([
      'maintenance',
      'active',
      // It was wanted: recovery brings it back by a copy.
      'failed',
    ]);
  });

  it('does not begin where nothing could be remembered of it', async () => {
    const opened = await openModel(3);
    opened.disk.unwritable = new RingmasterError('store.unwritable', full);
    const plan = await move(opened, 'db2', 'maintenance');
    expect(plan).toMatchObject({ state: 'failed', error: { code: 'store.unwritable' } });
    expect(plan.steps[0]).toMatchObject({ state: 'waiting' });
    expect(nodeOf(opened, 'db2')).toMatchObject({ state: 'active', maintenance: null });
  });

  it('is none when it cannot be kept: the next start would end it', async () => {
    const opened = await openModel(3);
    opened.model.fault = (_node, method) => {
      if (method === 'server.stop') opened.disk.unwritable = new RingmasterError('store.unwritable', full);
    };
    const plan = await move(opened, 'db2', 'maintenance');
    expect(plan).toMatchObject({ state: 'failed', error: { code: 'store.unwritable' } });
    expect(plan.steps.at(-1)).toMatchObject({ action: { kind: 'set-aside' }, state: 'failed' });
    expect(nodeOf(opened, 'db2')).toMatchObject({ state: 'offline', maintenance: null });
  });

  it('stays set aside when the way back fails', async () => {
    const opened = await openModel(3);
    await move(opened, 'db2', 'maintenance');
    const before = nodeOf(opened, 'db2').maintenance;
    opened.model.fault = (node, method) => {
      if (node === 'db2' && method === 'replication.follow')
        throw new RingmasterError('server.not-running', { node });
    };
    expect((await move(opened, 'db2', 'active')).state).toBe('failed');
    expect(nodeOf(opened, 'db2')).toMatchObject({
      state: 'maintenance',
      wanted: 'maintenance',
      maintenance: before,
    });
    expect(opened.model.server('db2').running).toBe(false);
  });
});

describe('a node in maintenance that may hold later changes', () => {
  it('is not started to be asked: another node starts the cluster when it has been brought back', async () => {
    const opened = await openModel(3);
    opened.model.kill('db2');
    expect((await move(opened, 'db2', 'maintenance')).state).toBe('done');
    expect((await move(opened, 'db3', 'offline')).state).toBe('done');
    expect((await move(opened, 'db1', 'offline')).state).toBe('done');
    const calls = listen(opened);
    const refused = await move(opened, 'db1', 'active');
    expect(refused.error?.text).toContain('db2 did not stop cleanly');
    expect(refused.error?.text).toContain('it is in maintenance');
    expect(calls).not.toContain('db2 server.start');
    expect((await move(opened, 'db2', 'offline')).state).toBe('done');
    expect((await move(opened, 'db1', 'active')).state).toBe('done');
  });
});
