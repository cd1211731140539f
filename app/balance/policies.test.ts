/** One file for all policies: what every one of them must do, then what each is for. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../base/random.js';
import { nodeName } from '../model/ids.js';
import type { NodeSample } from '../model/metrics.js';
import { type DecisionQuery, policyNames } from '../model/routing.js';
import type { Candidate } from './candidate.js';
import { decayedMean } from './candidate.js';
import { decisionsMax, defaultRouterSettings, Router, type RouterSettings } from './router.js';

const nowMs = 1_000_000;

const sample = (changed: Partial<NodeSample> = {}): NodeSample => ({
  takenAtMs: nowMs - 500,
  cpuPercent: 20,
  transactionsPerSecond: 10,
  sessions: 1,
  sessionsRunning: 0,
  conflicts: 0,
  memoryBytes: 1,
  responseMs: 1,
  loadPerCore: 0.2,
  ...changed,
});

const candidate = (name: string, changed: Partial<Candidate> = {}): Candidate => ({
  node: nodeName(name),
  state: 'active',
  health: 7,
  draining: false,
  connections: 0,
  weight: 1,
  samples: [sample()],
  memoryShare: 0.5,
  diskWaitShare: 0,
  ...changed,
});

const router = (changed: Partial<RouterSettings> = {}) =>
  new Router({ ...defaultRouterSettings, ...changed });

/** Places `count` sessions, counting them as connections, and tells where they went. */
function spread(used: Router, candidates: readonly Candidate[], count: number): Record<string, number> {
  const counts: Record<string, number> = Object.fromEntries(candidates.map(({ node }) => [node, 0]));
  for (let index = 0; index < count; index++) {
    const grown = candidates.map((one) => ({
      ...one,
      connections: one.connections + (counts[one.node] ?? 0),
    }));
    const { winner } = used.place(`session ${index}`, grown, nowMs);
    if (winner) counts[winner] = (counts[winner] ?? 0) + 1;
  }
  return counts;
}

describe.each(policyNames.map((policy) => [policy] as const))('the policy %s', (policy) => {
  it('never places on a node that must not have sessions', () => {
    const random = seededRandom(3);
    const used = router({ policy });
    for (let round = 0; round < 300; round++) {
      const candidates = ['a', 'b', 'c', 'd'].map((name) =>
        candidate(name, {
          state: random.pick(['active', 'standby', 'failed', 'offline', 'transitional', 'maintenance']),
          health: random.pick([0, 3, 4, 7]),
          draining: random.chance(0.3),
          weight: random.integer(0, 2),
          connections: random.integer(0, 50),
          samples: random.chance(0.2)
            ? []
            : [sample({ cpuPercent: random.chance(0.2) ? null : random.integer(0, 100) })],
        }),
      );
      const able = candidates.filter(
        ({ state, health, draining, weight }) =>
          state === 'active' && health === 7 && !draining && weight > 0,
      );
      const { winner, scores } = used.place('one', candidates, nowMs);
      expect(winner === null).toBe(able.length === 0);
      if (winner) expect(able.map(({ node }) => node)).toContain(winner);
      expect(scores).toHaveLength(candidates.length);
    }
  });

  it('gives the session to the lowest score of its table', () => {
    const candidates = [
      candidate('a', { connections: 5, samples: [sample({ cpuPercent: 60, responseMs: 5 })] }),
      candidate('b', { connections: 2, samples: [sample({ cpuPercent: 10, responseMs: 2 })] }),
      candidate('c', { connections: 9, samples: [sample({ cpuPercent: 90, responseMs: 9 })] }),
    ];
    const { winner, scores } = router({ policy }).place('one', candidates, nowMs);
    const won = scores.find(({ node }) => node === winner)?.score ?? Number.NaN;
    expect(Math.min(...scores.map(({ score }) => score ?? Number.POSITIVE_INFINITY))).toBe(won);
  });

  it('takes every able node in the long run when all are alike', () => {
    const counts = spread(
      router({ policy }),
      ['a', 'b', 'c'].map((name) => candidate(name)),
      90,
    );
    for (const count of Object.values(counts)) expect(count).toBeGreaterThanOrEqual(25);
  });

  it('places somewhere even when nobody measured lately', () => {
    const old = [sample({ takenAtMs: nowMs - 60_000 })];
    const decision = router({ policy }).place('one', [candidate('a', { samples: old })], nowMs);
    expect(decision.winner).toBe('a');
  });

  it('decides the same for the same history', () => {
    const run = () => spread(router({ policy }), [candidate('a', { weight: 2 }), candidate('b')], 20);
    expect(run()).toEqual(run());
  });

  it('refuses when there is nowhere to go', () => {
    const decision = router({ policy }).place('one', [], nowMs);
    expect(decision.winner).toBeNull();
  });
});

describe('what each policy is for', () => {
  it('round robin: each in turn', () => {
    const used = router({ policy: 'round-robin' });
    const nodes = ['a', 'b', 'c'].map((name) => candidate(name));
    const order = [0, 1, 2, 3, 4, 5].map((index) => used.place(`${index}`, nodes, nowMs).winner);
    expect(order).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('weighted: as often as the weight says, evenly spread', () => {
    const used = router({ policy: 'weighted' });
    const nodes = [candidate('a', { weight: 2 }), candidate('b')];
    const order = [0, 1, 2, 3, 4, 5].map((index) => used.place(`${index}`, nodes, nowMs).winner);
    expect(order).toEqual(['a', 'b', 'a', 'a', 'b', 'a']);
  });

  it('least connections: the fewest for the weight', () => {
    const nodes = [candidate('a', { connections: 10, weight: 4 }), candidate('b', { connections: 4 })];
    expect(router().place('one', nodes, nowMs).winner).toBe('a');
  });

  it('response time and CPU load: what was measured, and what was just placed', () => {
    const nodes = [
      candidate('a', { samples: [sample({ responseMs: 4, cpuPercent: 10 })] }),
      candidate('b', { samples: [sample({ responseMs: 1, cpuPercent: 50 })] }),
    ];
    expect(router({ policy: 'response-time' }).place('one', nodes, nowMs).winner).toBe('b');
    expect(router({ policy: 'cpu-load' }).place('one', nodes, nowMs).winner).toBe('a');
    const counts = spread(router({ policy: 'cpu-load' }), nodes, 60);
    expect(counts.b).toBeGreaterThan(5);
  });

  it('optimal: the lowest sum, the disk where asked for, never without a fresh sample', () => {
    const busy = candidate('a', {
      samples: [sample({ cpuPercent: 80, loadPerCore: 2, responseMs: 3 })],
      memoryShare: 0.9,
    });
    const calm = candidate('b', {
      samples: [sample({ cpuPercent: 20, loadPerCore: 0.5, responseMs: 1 })],
      diskWaitShare: 1,
    });
    const silent = candidate('c', { samples: [sample({ takenAtMs: nowMs - 6_000, cpuPercent: 0 })] });
    const decision = router({ policy: 'optimal' }).place('one', [busy, calm, silent], nowMs);
    expect(decision.winner).toBe('b');
    expect(decision.scores.find(({ node }) => node === 'c')).toMatchObject({
      score: null,
      reason: 'has no fresh sample',
    });
    expect(Object.keys(decision.scores[0]?.parts ?? {}).sort()).toEqual([
      'cpu',
      'just placed',
      'load',
      'memory',
      'response',
    ]);
    const even = candidate('a', { samples: calm.samples });
    expect(router({ policy: 'optimal', countsDisk: true }).place('one', [calm, even], nowMs).winner).toBe(
      'a',
    );
  });

  it('old samples count less', () => {
    const samples = [
      sample({ takenAtMs: nowMs - 5_000, cpuPercent: 90 }),
      sample({ takenAtMs: nowMs, cpuPercent: 0 }),
    ];
    expect(decayedMean(samples, nowMs, 10_000, ({ cpuPercent }) => cpuPercent)).toBeCloseTo(30);
    expect(decayedMean(samples, nowMs, 4_000, ({ cpuPercent }) => cpuPercent)).toBe(0);
    expect(decayedMean([], nowMs, 4_000, ({ cpuPercent }) => cpuPercent)).toBeNull();
  });
});

describe('the router', () => {
  const ask = (used: Router, changed: Partial<DecisionQuery> = {}) =>
    used.decisions({ node: null, session: '', after: 0, count: 100, ...changed });

  it('keeps the last thousand decisions and explains them', () => {
    const used = router();
    const nodes = [candidate('a'), candidate('b', { state: 'standby' })];
    for (let index = 0; index < decisionsMax + 5; index++)
      used.place(`10.0.0.1:${50_000 + index}`, nodes, nowMs + index);
    const all = ask(used, { count: decisionsMax + 5 }).decisions;
    expect(all).toHaveLength(decisionsMax);
    expect(all.at(-1)?.number).toBe(6);
    expect(ask(used, { session: ':50000' }).decisions).toEqual([]);
    const [found, ...others] = ask(used, { session: ':51004' }).decisions;
    expect(others).toEqual([]);
    expect(found).toMatchObject({ number: 1005, winner: 'a', policy: 'least-connections' });
    expect(found?.scores[1]).toMatchObject({ node: 'b', reason: 'is standby' });
  });

  it('gives its decisions out in pages, newest first: of one node, of a name, after a number', () => {
    const used = router({ policy: 'round-robin' });
    const nodes = [candidate('a'), candidate('b')];
    expect(ask(used)).toEqual({ decisions: [], last: 0 });
    for (let index = 1; index <= 8; index++) used.place(`10.0.0.${index % 2}:${index}`, nodes, nowMs);
    const numbers = (changed: Partial<DecisionQuery>) =>
      ask(used, changed).decisions.map(({ number }) => number);
    expect(numbers({ count: 3 })).toEqual([8, 7, 6]);
    expect(numbers({ after: 6 })).toEqual([8, 7]);
    expect(numbers({ node: nodeName('a') })).toEqual([7, 5, 3, 1]);
    expect(numbers({ session: '10.0.0.0', after: 4, count: 5 })).toEqual([8, 6]);
    expect(numbers({ node: nodeName('c') })).toEqual([]);
    expect(ask(used, { after: 8 })).toEqual({ decisions: [], last: 8 });
  });

  it('changes its policy while it works', () => {
    const used = router({ policy: 'round-robin' });
    const nodes = [candidate('a', { connections: 9 }), candidate('b', { connections: 9 })];
    expect(used.place('one', nodes, nowMs).winner).toBe('a');
    used.change(defaultRouterSettings);
    expect(used.place('two', [candidate('a', { connections: 9 }), candidate('b')], nowMs)).toMatchObject({
      winner: 'b',
      policy: 'least-connections',
    });
  });

  it('may ask for less health', () => {
    const nodes = [candidate('a', { health: 4 })];
    expect(router().place('one', nodes, nowMs).winner).toBeNull();
    expect(router({ requiredHealth: 4 }).place('one', nodes, nowMs).winner).toBe('a');
  });
});
