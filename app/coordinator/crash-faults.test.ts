/** A coordinator that dies at every single call of a plan: the next one finds the cluster, says what stands, and loses nothing. */
import { describe, expect, it } from 'vitest';
import { RingmasterError } from '../base/errors.js';
import { replicates } from '../model/node-state.js';
import { hasEnded } from '../model/plan.js';
import {
  type ModelDisk,
  move,
  type OpenedModel,
  openModel,
  runSeries,
  settled,
} from './testing/model-cluster.js';

/** The truth after a coordinator took over: whoever replicates runs in the ring and applies; nothing is half way. */
function checkTakenOver({ model, coordinator }: OpenedModel, context: string): void {
  const { cluster } = coordinator;
  model.write();
  model.write();
  for (const node of cluster.nodes) {
    const server = model.server(node.name);
    expect(node.state, `${context}: ${node.name} has arrived somewhere`).not.toBe('transitional');
    const inside = replicates(node.state);
    expect(cluster.ring.includes(node.name), `${context}: ${node.name} is ${node.state}`).toBe(inside);
    if (!inside) continue;
    expect(server.running, `${context}: ${node.name} is ${node.state} and runs`).toBe(true);
    expect(server.frozen, `${context}: ${node.name} applies`).toBe(false);
  }
  const histories = model.servers.filter(({ running }) => running).map(({ data }) => data ?? []);
  const longest = histories.reduce((a, b) => (b.length > a.length ? b : a), []);
  for (const history of histories)
    expect(longest.slice(0, history.length), `${context}: one history`).toEqual(history);
  for (const ended of [cluster.plan, cluster.series])
    expect(ended === null || hasEnded(ended), `${context}: no plan without an end`).toBe(true);
}

/** Runs `act` under a coordinator that dies at call 1, 2, 3, ... and opens the cluster anew each time. */
async function dieAtEveryCall(
  active: number,
  prepare: (opened: OpenedModel) => Promise<unknown>,
  act: (opened: OpenedModel) => Promise<unknown>,
): Promise<number> {
  for (let chosen = 1; ; chosen++) {
    const opened = await openModel(active);
    await prepare(opened);
    let calls = 0;
    let kept: ModelDisk | undefined;
    opened.model.fault = (node) => {
      calls++;
      if (calls < chosen) return;
      kept ??= structuredClone(opened.disk);
      // Whatever the dead one still tries reaches nobody.
      throw new RingmasterError('peer.unreachable', { node, cause: 'the coordinator is dead' });
    };
    await act(opened).catch(() => undefined);
    await settled(opened.coordinator);
    opened.model.fault = () => undefined;
    if (!kept) return chosen - 1;
    const second = await openModel(active, { model: opened.model, disk: kept });
    checkTakenOver(second, `died at call ${chosen}`);
  }
}

const nothing = async () => undefined;

describe('a coordinator that dies', () => {
  it.each([
    ['a join by online copy', 1, nothing, (opened: OpenedModel) => move(opened, 'db2', 'active')],
    ['a join with the donor aside', 2, nothing, (opened: OpenedModel) => move(opened, 'db3', 'active')],
    ['taking a node offline', 3, nothing, (opened: OpenedModel) => move(opened, 'db1', 'offline')],
    [
      'an incremental join',
      3,
      (opened: OpenedModel) => move(opened, 'db2', 'offline'),
      (opened: OpenedModel) => move(opened, 'db2', 'active'),
    ],
    [
      'restarts, one after another',
      3,
      nothing,
      (opened: OpenedModel) => runSeries(opened, ['db1', 'db2', 'db3'], { kind: 'restart', options: null }),
    ],
  ] as const)(
    'at any call of %s',
    async (_what, active, prepare, act) => {
      expect(await dieAtEveryCall(active, prepare, act)).toBeGreaterThan(1);
    },
    60_000,
  );

  it('is followed by one that says which plan was cut off, and shows how far it came', async () => {
    const opened = await openModel(2);
    let kept: ModelDisk | undefined;
    opened.model.fault = (node, method) => {
      if (!kept && method !== 'copy.prepare') return;
      kept ??= structuredClone(opened.disk);
      throw new RingmasterError('peer.unreachable', { node, cause: 'the coordinator is dead' });
    };
    await move(opened, 'db3', 'active');
    opened.model.fault = () => undefined;
    const second = await openModel(2, { model: opened.model, disk: kept ?? { memory: undefined } });
    const { plan, nodes, events } = second.coordinator.cluster.snapshot();
    expect(plan).toMatchObject({ title: 'Bring db3 online', state: 'failed' });
    expect(plan?.error?.code).toBe('plan.interrupted');
    expect(plan?.steps.find(({ state }) => state === 'failed')?.action.kind).toBe('prepare-copy');
    expect(nodes[2]).toMatchObject({
      state: 'failed',
      reason: 'the console ended while it was brought online',
    });
    expect(events.map(({ text }) => text)).toContain(
      'Bring db3 online: cut off when the console ended; db3 is failed now',
    );
  });
});
