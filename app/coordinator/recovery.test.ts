import { describe, expect, it } from 'vitest';
import { RingmasterError } from '../base/errors.js';
import { move, type OpenedModel, openModel, settled } from './testing/model-cluster.js';

const minuteMs = 60_000;
const stateOf = ({ coordinator }: OpenedModel, name: string) =>
  coordinator.cluster.snapshot().nodes.find((node) => node.name === name)?.state;
const wordsOf = ({ coordinator }: OpenedModel) =>
  coordinator.cluster.snapshot().recovery.outlook.map(({ words }) => words);

/** Kills a server and lets `waitMs` pass; twice, because a failure is first seen and then waited for. */
async function killed(opened: OpenedModel, node: string, waitMs: number): Promise<void> {
  opened.model.kill(node);
  await settled(opened.coordinator);
  opened.clock.advance(0);
  opened.clock.advance(waitMs);
  await settled(opened.coordinator);
}

describe('automatic recovery', () => {
  it('brings a failed node back after a moment, in its own name, and says so before', async () => {
    const opened = await openModel(3, { recovery: true });
    opened.model.kill('db2');
    await settled(opened.coordinator);
    opened.clock.advance(0);
    const { outlook } = opened.coordinator.cluster.snapshot().recovery;
    expect(outlook).toEqual([{ node: 'db2', atMs: opened.clock.wallMs() + 10_000, words: null }]);
    opened.clock.advance(9_000);
    await settled(opened.coordinator);
    expect(stateOf(opened, 'db2')).toBe('failed');
    opened.clock.advance(1_000);
    await settled(opened.coordinator);
    expect(stateOf(opened, 'db2')).toBe('active');
    expect(opened.coordinator.cluster.plan).toMatchObject({ askedBy: 'Ringmaster', method: 'incremental' });
  });

  it('brings it back to standby, where it was', async () => {
    const opened = await openModel(3, { recovery: true });
    await move(opened, 'db3', 'standby');
    await killed(opened, 'db3', minuteMs);
    expect(stateOf(opened, 'db3')).toBe('standby');
  });

  it('does nothing while it is off, for nodes in maintenance, and for those that nobody wants', async () => {
    const off = await openModel(3);
    await killed(off, 'db2', minuteMs);
    expect(stateOf(off, 'db2')).toBe('failed');
    await move(off, 'db2', 'offline');
    await off.coordinator.handlers['recovery.set']({ on: true, perHourMax: 3 });
    off.clock.advance(minuteMs);
    await settled(off.coordinator);
    expect(stateOf(off, 'db2')).toBe('offline');
    await move(off, 'db2', 'maintenance');
    off.clock.advance(minuteMs);
    await settled(off.coordinator);
    expect(stateOf(off, 'db2')).toBe('maintenance');
    expect(off.coordinator.cluster.snapshot().events.map(({ text }) => text)).toContain(
      'automatic recovery is on',
    );
  });

  it('leaves a node that fails again and again to a person, and tries anew after an hour', async () => {
    const opened = await openModel(3, { recovery: true });
    for (let times = 1; times <= 3; times++) {
      await killed(opened, 'db1', minuteMs);
      expect(stateOf(opened, 'db1')).toBe('active');
    }
    await killed(opened, 'db1', minuteMs);
    expect(stateOf(opened, 'db1')).toBe('failed');
    expect(wordsOf(opened)).toEqual(['it was brought back 3 times within an hour: somebody has to look']);
    opened.clock.advance(60 * minuteMs);
    await settled(opened.coordinator);
    expect(stateOf(opened, 'db1')).toBe('active');
  });

  it('goes on after a plan of its own that failed', async () => {
    const opened = await openModel(3, { recovery: true });
    opened.model.fault = (node, method) => {
      if (method === 'server.start') throw new RingmasterError('server.not-running', { node });
    };
    await killed(opened, 'db1', minuteMs);
    expect(stateOf(opened, 'db1')).toBe('failed');
    opened.model.fault = () => undefined;
    opened.clock.advance(minuteMs);
    await settled(opened.coordinator);
    expect(stateOf(opened, 'db1')).toBe('active');
  });

  it('forms the ring again when two of three died', async () => {
    const opened = await openModel(3, { recovery: true });
    opened.model.kill('db1');
    opened.model.kill('db3');
    await settled(opened.coordinator);
    opened.clock.advance(0);
    opened.clock.advance(minuteMs);
    await settled(opened.coordinator);
    expect(['db1', 'db2', 'db3'].map((name) => stateOf(opened, name))).toEqual([
      'active',
      'active',
      'active',
    ]);
    expect(opened.coordinator.cluster.plan?.title).toBe('Bring db1 and db3 online together');
  });

  it('is kept over a restart of the console', async () => {
    const opened = await openModel(3, { recovery: true });
    await opened.coordinator.handlers['recovery.set']({ on: false, perHourMax: 5 });
    await opened.coordinator.close();
    expect(opened.disk.memory?.recovery).toEqual({ on: false, perHourMax: 5 });
  });
});
