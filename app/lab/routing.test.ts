/** Policy and weights of the lab's one address: placing by them, setting them, and finding them again. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeView } from '../model/cluster.js';
import { nodeName } from '../model/ids.js';
import type { PolicyName } from '../model/routing.js';
import { nodeView, sampleOf } from '../model/testing/views.js';
import { LabRouting } from './routing.js';
import { countSessions } from './session-counts.js';
import { ManualClock } from './testing/manual-clock.js';

const names = ['db1', 'db2', 'db3'].map(nodeName);
const three = names.map((name) => nodeView(name));

let folder = '';
let clock: ManualClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringmaster-routing-'));
  clock = new ManualClock();
});
afterEach(() => rm(folder, { recursive: true }));

async function open(nodes = names): Promise<LabRouting> {
  const routing = await LabRouting.load({ folder, nodes, clock });
  routing.placement.setTargets(nodes.map((name) => ({ name, address: { host: '127.0.0.1', port: 1 } })));
  return routing;
}

const set = (routing: LabRouting, policy: PolicyName, weights: Readonly<Record<string, number>> = {}) =>
  routing.handlers['routing.set']({ policy, weights });

const ask = (routing: LabRouting) =>
  routing.handlers['routing.decisions']({ node: null, session: '', after: 0, count: 100 });

/** Places `count` sessions that stay open, and tells where they went. */
function place({ placement }: LabRouting, count: number, nodes: readonly NodeView[] = three) {
  const counts = new Map<string, number>();
  for (let index = 0; index < count; index++) {
    const target = placement.choose(`127.0.0.1:${40_000 + index}`, nodes, counts);
    if (target) counts.set(target.name, (counts.get(target.name) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}

describe('placing', () => {
  it('spreads by least connections until something else is set', async () => {
    const routing = await open();
    expect(routing.view()).toEqual({
      policy: {
        name: 'least-connections',
        title: 'Least connections',
        meaning: 'to the node with the fewest sessions for its weight',
      },
      weights: { db1: 1, db2: 1, db3: 1 },
    });
    expect(place(routing, 9)).toEqual({ db1: 3, db2: 3, db3: 3 });
  });

  it('follows the policy and the weights from the next session on, and weight 0 under every policy', async () => {
    const routing = await open();
    await set(routing, 'weighted', { db1: 2, db3: 0 });
    expect(place(routing, 9)).toEqual({ db1: 6, db2: 3 });
    await set(routing, 'round-robin', { db1: 2, db3: 0 });
    expect(place(routing, 8)).toEqual({ db1: 4, db2: 4 });
    await set(routing, 'least-connections', { db1: 3, db3: 0 });
    expect(place(routing, 8)).toEqual({ db1: 6, db2: 2 });
  });

  it('keeps why each went where it went, under the name of its client', async () => {
    const routing = await open();
    await set(routing, 'cpu-load', { db3: 0 });
    const nodes = [nodeView('db1'), nodeView('db2', { state: 'standby' }), nodeView('db3')];
    place(routing, 1, nodes);
    routing.placement.sampled(nodeName('db1'), sampleOf({ takenAtMs: clock.wallMs() }));
    place(routing, 1, nodes);
    const { decisions, last, beganAtMs } = await ask(routing);
    expect({ last, beganAtMs }).toEqual({ last: 2, beganAtMs: clock.wallMs() });
    expect(decisions[1]).toMatchObject({ session: '127.0.0.1:40000', winner: 'db1', fellBack: true });
    expect(decisions[0]).toMatchObject({
      number: 2,
      policy: 'cpu-load',
      winner: 'db1',
      fellBack: false,
      scores: [
        { node: 'db1', score: 0.4, parts: { cpu: 0.4, 'just placed': 0 }, sessions: 0, weight: 1 },
        { node: 'db2', score: null, reason: 'is standby' },
        { node: 'db3', score: null, reason: 'has weight 0' },
      ],
    });
  });

  it('has no place while no node takes sessions, and says that too', async () => {
    const routing = await open();
    routing.placement.setTargets([]);
    expect(place(routing, 1)).toEqual({});
    expect((await ask(routing)).decisions[0]).toMatchObject({ winner: null });
  });
});

describe('setting', () => {
  it('is told in words, once, and only when something changes', async () => {
    const routing = await open();
    const said: string[] = [];
    routing.onChange((words) => said.push(words));
    await set(routing, 'round-robin');
    await set(routing, 'round-robin', { db1: 1 });
    await set(routing, 'round-robin', { db2: 0, db3: 5 });
    await set(routing, 'optimal', { db2: 1, db3: 5 });
    expect(said).toEqual([
      'policy: Round robin, sessions go to each node in turn',
      'weight of db2: 0, was 1 (no new sessions); weight of db3: 5, was 1',
      'policy: Optimal, sessions go to the node with the lowest sum of processor, load, memory and response time; weight of db2: 1, was 0',
    ]);
  });

  it('refuses nodes that are not there and weights that are all 0, and changes nothing then', async () => {
    const routing = await open();
    const before = routing.view();
    await expect(set(routing, 'weighted', { db1: 1, db9: 2 })).rejects.toMatchObject({
      code: 'routing.unknown-node',
      data: { node: 'db9', nodes: 'db1, db2, db3' },
    });
    await expect(set(routing, 'weighted', { db1: 0, db2: 0, db3: 0 })).rejects.toMatchObject({
      code: 'routing.no-weight',
    });
    expect(routing.view()).toEqual(before);
  });

  it('does not take effect when it cannot be kept', async () => {
    const routing = await LabRouting.load({ folder: join(folder, 'gone'), nodes: names, clock });
    await expect(set(routing, 'round-robin')).rejects.toMatchObject({ code: 'store.unwritable' });
    expect(routing.view().policy.name).toBe('least-connections');
  });
});

describe('a restart', () => {
  it('finds policy and weights again, until the lab is reset', async () => {
    const first = await open();
    await set(first, 'weighted', { db1: 3, db2: 0 });
    const again = await open();
    expect(again.view()).toMatchObject({ policy: { name: 'weighted' }, weights: { db1: 3, db2: 0, db3: 1 } });
    await LabRouting.forget(folder);
    expect((await open()).view()).toMatchObject({
      policy: { name: 'least-connections' },
      weights: { db1: 1 },
    });
  });

  it('with fewer nodes keeps the policy, and weights only where one is left', async () => {
    await set(await open(), 'weighted', { db1: 0, db2: 0, db3: 7 });
    const fewer = await open(names.slice(0, 2));
    expect(fewer.view()).toMatchObject({ policy: { name: 'weighted' }, weights: { db1: 1, db2: 1 } });
  });

  it('says when what was kept cannot be read', async () => {
    await set(await open(), 'weighted', { db1: 3 });
    const path = join(folder, 'routing.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('weighted', 'heaviest'));
    await expect(open()).rejects.toMatchObject({ code: 'lab.state-unreadable' });
  });
});

describe('the counts of sessions', () => {
  const count = (sessions: readonly (number | null)[], before: number) => {
    const nodes = names.map((name, index) => {
      const known = sessions[index] ?? null;
      return { name, isServerRunning: index < 2, sample: known === null ? null : { sessions: known } };
    });
    return countSessions(nodes, { sessions: before }, new Map([['db2', 4]]));
  };

  it('are those of the servers in all, and of the address for every node', () => {
    expect(count([20, 30], 7)).toEqual({ sessions: 50, placed: { db1: 0, db2: 4, db3: 0 } });
  });

  it('stand while a server that runs misses a sample', () => {
    expect(count([20, null], 350)).toMatchObject({ sessions: 350 });
  });
});
