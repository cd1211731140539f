/** The small decisions, each as a table; the clever ones against dumb ones on random input. */
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../base/random.js';
import { bestClique, type Vertex } from './clique.js';
import { groupAllowance, nthHighest } from './flow.js';
import { formatRingId, type Member, ringIdOf, type View } from './model.js';
import { acknowledgersNeeded, hasDiverged, hasMajority, majorityOf, positionKnown } from './quorum.js';
import { afterStall, afterTelling, type Health, healthy, patienceMs, stallOf } from './suspicion.js';

const members = (count: number, arbiters: readonly number[] = []): Member[] =>
  Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    life: 1,
    arbiter: arbiters.includes(index + 1),
  }));

const view = (count: number, arbiters: readonly number[] = []): View => {
  const all = members(count, arbiters);
  return { ringId: ringIdOf(3, 1), members: all, voters: all, start: 10, base: 1 };
};

const voters = (...ids: number[]) => ids.map((id) => ({ id, life: 1 }));

describe('quorum', () => {
  test.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [6, 4],
    [7, 4],
  ])('more than half of %i is %i', (size, majority) => {
    expect(majorityOf(size)).toBe(majority);
  });

  test.each([
    ['two of three', view(3), voters(1, 3), [], true],
    ['one of three', view(3), voters(2), [], false],
    ['one of two: nobody knows what the other does', view(2), voters(1), [], false],
    ['one of two, the other declared dead', view(2), voters(1), voters(2), true],
    ['one node and the arbiter', view(3, [3]), voters(1, 3), [], true],
    ['strangers do not count', view(3), voters(1, 8, 9), [], false],
    [
      'a wiped store is somebody else',
      view(3),
      [
        { id: 1, life: 1 },
        { id: 2, life: 7 },
      ],
      [],
      false,
    ],
  ])('%s', (_, agreed, present, dead, enough) => {
    expect(hasMajority(agreed, present, dead)).toBe(enough);
  });

  test.each([
    ['1 node', members(1), 1],
    ['2 nodes', members(2), 2],
    ['3 nodes', members(3), 2],
    ['5 nodes', members(5), 3],
    ['2 nodes and an arbiter: both', members(3, [3]), 2],
    ['a node and an arbiter: the node', members(2, [2]), 1],
  ])('%s acknowledge with %i', (_, all, needed) => {
    expect(acknowledgersNeeded(all)).toBe(needed);
  });

  const witness = (id: number, certain: boolean) => ({ id, life: 1, certain });
  test.each([
    ['two certain of three', view(3), [witness(1, true), witness(2, true)], true],
    ['one certain of three may have missed it', view(3), [witness(1, true)], false],
    ['one certain, one uncertain', view(3), [witness(1, true), witness(2, false)], false],
    [
      'all three, none certain: nothing more exists',
      view(3),
      [1, 2, 3].map((id) => witness(id, false)),
      true,
    ],
    ['one of two nodes beside an arbiter', view(3, [3]), [witness(2, true)], true],
  ])('positions: %s', (_, agreed, witnesses, known) => {
    expect(positionKnown(agreed, witnesses, [])).toBe(known);
  });

  test('whoever may form the next view has a witness of every acknowledgement', () => {
    const random = seededRandom(11);
    for (let round = 0; round < 3_000; round++) {
      const count = random.integer(1, 9);
      const arbiters = random.chance(0.4) && count > 2 ? [random.integer(1, count)] : [];
      const agreed = view(count, arbiters);
      const data = agreed.members.filter(({ arbiter }) => !arbiter);
      const shuffled = [...data].sort(() => random.next() - 0.5);
      const acknowledgers = shuffled.slice(0, acknowledgersNeeded(agreed.members));
      const present = agreed.members.filter(() => random.chance(0.7));
      const witnesses = present.filter(({ arbiter }) => !arbiter).map(({ id }) => witness(id, true));
      if (!hasMajority(agreed, present, []) || !positionKnown(agreed, witnesses, [])) continue;
      expect(acknowledgers.some(({ id }) => present.some((one) => one.id === id))).toBe(true);
    }
  });

  test('a majority that is here always knows the positions when its data are certain', () => {
    for (let count = 1; count <= 9; count++) {
      const agreed = view(count);
      const present = agreed.members.slice(0, majorityOf(count));
      expect(
        positionKnown(
          agreed,
          present.map(({ id }) => witness(id, true)),
          [],
        ),
      ).toBe(true);
    }
  });
});

describe('divergence', () => {
  const history = [
    { ringId: 2048, start: 10 },
    { ringId: 3072, start: 20 },
    { ringId: 4096, start: 15 },
  ];
  test.each([
    ['behind in the last view', 4096, 12, false],
    ['ahead in the last view', 4096, 99, false],
    ['kept what the next view discarded', 3072, 16, true],
    ['stands where the next view began', 3072, 15, false],
    ['slept through a view that began higher and one that began lower', 2048, 18, true],
    ['older than everything that is remembered', 1024, 5, true],
    ['empty', 0, 0, false],
  ])('%s', (_, lineage, received, diverged) => {
    expect(hasDiverged({ lineage, received }, history)).toBe(diverged);
  });
});

describe('flow control', () => {
  const bounds = { groupMax: 200, lagStop: 300 };
  test.each([
    [0, 200],
    [100, 200],
    [101, 199],
    [299, 1],
    [300, 0],
    [50_000, 0],
  ])('a lag of %i allows groups of %i', (lag, group) => {
    expect(groupAllowance(lag, bounds)).toBe(group);
  });

  test('the n-th highest mark is that of a sorted list', () => {
    const random = seededRandom(5);
    for (let round = 0; round < 500; round++) {
      const marks = Array.from({ length: random.integer(1, 16) }, () => random.integer(0, 9));
      const rank = random.integer(1, marks.length);
      const sorted = [...marks].sort((one, other) => other - one);
      expect(nthHighest(marks, rank)).toBe(sorted[rank - 1]);
    }
    expect(nthHighest([3, 4], 3)).toBe(0);
  });
});

describe('suspicion', () => {
  test('a healthy peer expels after expelAfterMs', () => {
    expect(patienceMs(250, healthy, healthy, 1_000)).toBe(250);
  });
  test('an own stall widens patience by as much, threefold at most, for ten seconds', () => {
    const stalled = afterStall(healthy, 100, 5_000);
    const patience = (health: Health, nowMs: number) => patienceMs(250, health, healthy, nowMs);
    expect(patience(stalled, 5_001)).toBe(350);
    expect(patience(afterStall(stalled, 40, 6_000), 6_001)).toBe(350);
    expect(patience(afterStall(stalled, 9_000, 6_000), 6_001)).toBe(750);
    expect(patience(stalled, 15_001)).toBe(250);
  });
  test('so does a stall that a member tells of, until it tells of none or says nothing for ten seconds', () => {
    const patience = (told: Health, nowMs: number) =>
      patienceMs(250, afterStall(healthy, 20, 5_000), told, nowMs);
    expect(patience(afterTelling(80, 5_000), 5_001)).toBe(330);
    expect(patience(afterTelling(8_000, 5_000), 5_001)).toBe(750);
    expect(patience(afterTelling(0, 5_000), 5_001)).toBe(270);
    expect(patience(afterTelling(80, 4_000), 14_500)).toBe(270);
  });
  test.each([
    ['a timer that is a little late', 4, 100, 0],
    ['jitter: no more than the lateness', 20, 120, 20],
    ['a stall that may have begun right after the last step', 60, 215.2, 216],
    ['no deadline was set', Number.NEGATIVE_INFINITY, 9_000, 0],
  ])('how long a process stood still: %s', (_, lateMs, idleMs, stalledMs) => {
    expect(stallOf(lateMs, idleMs, { stallMs: 5, expelAfterMs: 250 })).toBe(stalledMs);
  });
});

describe('whom to propose', () => {
  const table = (seen: Record<number, number[]>, votes: readonly number[]): Vertex[] =>
    Object.entries(seen).map(([id, sees]) => ({ id: Number(id), sees, votes: votes.includes(Number(id)) }));

  test('everybody, when everybody hears everybody', () => {
    expect(bestClique(table({ 1: [2, 3], 2: [1, 3], 3: [1, 2] }, [1, 2, 3]), 2)).toEqual([1, 2, 3]);
  });
  test('not one that hears and is not heard', () => {
    expect(bestClique(table({ 1: [2, 3], 2: [1, 3], 3: [1] }, [1, 2, 3]), 1)).toEqual([1, 2]);
  });
  test('those with votes before those without', () => {
    const seen = { 1: [2, 3, 4], 2: [1], 3: [1, 4], 4: [1, 3] };
    expect(bestClique(table(seen, [1, 2]), 1)).toEqual([1, 2]);
    expect(bestClique(table(seen, [1, 3]), 1)).toEqual([1, 3, 4]);
  });

  test('as good as trying every group', () => {
    const random = seededRandom(3);
    for (let round = 0; round < 300; round++) {
      const size = random.integer(1, 7);
      const ids = Array.from({ length: size }, (_, index) => index + 1);
      const vertices = ids.map((id) => ({
        id,
        sees: ids.filter((other) => other !== id && random.chance(0.7)),
        votes: random.chance(0.6),
      }));
      const mutual = (one: Vertex, other: Vertex) =>
        one.sees.includes(other.id) && other.sees.includes(one.id);
      let best = -1;
      for (let bits = 0; bits < 1 << size; bits++) {
        const group = vertices.filter((_, at) => bits & (1 << at));
        if (!group.some(({ id }) => id === 1)) continue;
        if (!group.every((one) => group.every((other) => one === other || mutual(one, other)))) continue;
        best = Math.max(best, group.filter(({ votes }) => votes).length * 100 + group.length);
      }
      const found = bestClique(vertices, 1);
      const worth = found.filter((id) => vertices[id - 1]?.votes).length * 100 + found.length;
      expect(worth).toBe(best);
    }
  });
});

test('ring ids read as counter and leader', () => {
  expect(formatRingId(ringIdOf(8, 3))).toBe('8.3');
  expect(ringIdOf(8, 3)).toBeLessThan(ringIdOf(9, 1));
});
