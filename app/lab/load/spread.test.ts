import { expect, it } from 'vitest';
import { seededRandom } from '../../base/random.js';
import { evenOut, leastLoaded } from './spread.js';

it('seats a new session where the fewest are', () => {
  expect(
    leastLoaded(
      ['a', 'b', 'c'],
      new Map([
        ['a', 2],
        ['b', 1],
        ['c', 1],
      ]),
    ),
  ).toBe('b');
  expect(leastLoaded(['a', 'b'], new Map([['a', 1]]))).toBe('b');
  expect(leastLoaded([], new Map())).toBeUndefined();
});

it('leaves an even spread alone', () => {
  expect(
    evenOut(
      ['a', 'b', 'c'],
      new Map([
        ['a', 117],
        ['b', 117],
        ['c', 116],
      ]),
      10,
    ),
  ).toEqual([]);
  expect(evenOut(['a'], new Map([['a', 350]]), 10)).toEqual([]);
  expect(evenOut([], new Map(), 10)).toEqual([]);
});

it('fills an added node a few sessions at a time', () => {
  const counts = new Map([
    ['a', 175],
    ['b', 175],
    ['c', 0],
  ]);
  const moves = evenOut(['a', 'b', 'c'], counts, 7);
  expect(moves).toHaveLength(7);
  expect(moves.every(({ to }) => to === 'c')).toBe(true);
  expect(moves.filter(({ from }) => from === 'a').length).toBeGreaterThanOrEqual(3);
});

it('ends even from every start, and never counts sessions of other servers', () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = seededRandom(seed);
    const servers = ['a', 'b', 'c', 'd'].slice(0, random.integer(1, 4));
    const counts = new Map(servers.map((server) => [server, random.integer(0, 400)]));
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    for (const { from, to } of evenOut(servers, new Map([...counts, ['gone', 99]]), 10_000)) {
      counts.set(from, (counts.get(from) ?? 0) - 1);
      counts.set(to, (counts.get(to) ?? 0) + 1);
    }
    const spread = [...counts.values()];
    expect(Math.max(...spread) - Math.min(...spread), `seed ${seed}`).toBeLessThanOrEqual(1);
    expect(spread.reduce((sum, count) => sum + count, 0)).toBe(total);
  }
});
