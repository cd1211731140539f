/** Each judge is shown the fault that it is there for. */
import { describe, expect, it } from 'vitest';
import type { TableChecksum } from '../../contract/control.js';
import { parseGtidList } from '../../model/gtid.js';
import { judgeBank, judgeReading } from './bank.js';
import { type ClaimHistory, judgeClaim } from './claims.js';
import { judgeCounter } from './counters.js';
import { judgeList, type ListHistory } from './lists.js';
import { judgeNumbers, judgeTables } from './nodes.js';

describe('the bank', () => {
  it('accepts readings that see the total and what was acknowledged', () => {
    expect(judgeReading({ total: 100, transfers: 7, acknowledgedBefore: 7 }, 100)).toBeNull();
    expect(judgeReading({ total: 100, transfers: 9, acknowledgedBefore: 7 }, 100)).toBeNull();
  });

  it('refuses a total that is off, and a causal reading that is late', () => {
    expect(judgeReading({ total: 99, transfers: 7, acknowledgedBefore: 7 }, 100)).toContain('total of 99');
    expect(judgeReading({ total: 100, transfers: 6, acknowledgedBefore: 7 }, 100)).toContain('saw 6');
  });

  it('refuses an end that lost or invented a transfer', () => {
    const known = { total: 100, done: 5, unknown: 2 };
    expect(judgeBank('db1', { total: 100, transfers: 7 }, known)).toEqual([]);
    expect(judgeBank('db1', { total: 101, transfers: 5 }, known)).toHaveLength(1);
    expect(judgeBank('db1', { total: 100, transfers: 4 }, known)).toHaveLength(1);
    expect(judgeBank('db1', { total: 100, transfers: 8 }, known)).toHaveLength(1);
  });
});

describe('the lists', () => {
  const history = (changed: Partial<ListHistory> = {}): ListHistory => ({
    id: 1,
    acknowledged: ['a', 'b', 'c'],
    unknown: ['u'],
    readings: [
      { by: 'client 1', text: '' },
      { by: 'client 2', text: ',a,b' },
    ],
    final: new Map([
      ['db1', ',a,b,c'],
      ['db2', ',a,b,c'],
    ]),
    ...changed,
  });
  const everywhere = (text: string) => new Map([...history().final.keys()].map((node) => [node, text]));

  it('accepts what is acknowledged, with or without what is unknown', () => {
    expect(judgeList(history())).toEqual([]);
    expect(judgeList(history({ final: everywhere(',a,b,u,c') }))).toEqual([]);
  });

  it.each([
    ['a lost append', ',a,b', 'lost: c'],
    ['a doubled append', ',a,b,c,b', 'more than once: b'],
    ['a doubled append of unknown outcome', ',a,b,u,c,u', 'more than once: u'],
    ['one that nobody made', ',a,b,c,x', 'never appended, or refused: x'],
  ])('refuses %s', (_what, text, words) => {
    expect(judgeList(history({ final: everywhere(text) })).join()).toContain(words);
  });

  it('refuses another order on another node', () => {
    const final = new Map([
      ['db1', ',a,b,c'],
      ['db2', ',a,c,b'],
    ]);
    expect(judgeList(history({ final })).join()).toContain('db2 has ,a,c,b, and db1 has ,a,b,c');
  });

  it('refuses a reading of what was later in another place, or gone', () => {
    const judge = (text: string) => judgeList(history({ readings: [{ by: 'client 3', text }] }));
    expect(judge(',b')).toEqual(['list 1: client 3 read b at place 0, where a is in the end']);
    expect(judge(',a,c')).toEqual(['list 1: client 3 read c at place 1, where b is in the end']);
    expect(judge(',a,b,c,d')).toEqual(['list 1: client 3 read d at place 3, where nothing is in the end']);
  });
});

describe('the claims', () => {
  const claim = (changed: Partial<ClaimHistory>): string =>
    judgeClaim({ key: 1, winners: [], losers: [], unknown: [], owners: new Map(), ...changed }).join();
  const both = (owner: string | null) =>
    new Map([
      ['db1', owner],
      ['db2', owner],
    ]);

  it('accepts one winner, an unknown one, and nobody', () => {
    expect(claim({ winners: ['a'], losers: ['b'], owners: both('a') })).toBe('');
    expect(claim({ unknown: ['a'], losers: ['b'], owners: both('a') })).toBe('');
    expect(claim({ unknown: ['a'], owners: both(null) })).toBe('');
    expect(claim({ owners: both(null) })).toBe('');
  });

  it.each([
    ['two winners', { winners: ['a', 'b'], owners: both('a') }, 'given to a and b'],
    ['a lost key', { winners: ['a'], owners: both(null) }, 'is lost on db1'],
    ['the wrong owner', { winners: ['a'], losers: ['b'], owners: both('b') }, "is b's on db1"],
    ['losers without a winner', { losers: ['a', 'b'], owners: both(null) }, 'told that it is taken'],
    ['an owner who was refused', { losers: ['a'], owners: both('a') }, 'never told so'],
    [
      'different owners',
      {
        unknown: ['a', 'b'],
        owners: new Map([
          ['db1', 'a'],
          ['db2', 'b'],
        ]),
      },
      'a on db1, b on db2',
    ],
  ])('refuses %s', (_what, changed, words) => {
    expect(claim(changed)).toContain(words);
  });
});

describe('the counters', () => {
  it('accepts what was acknowledged and may accept what is unknown', () => {
    for (const value of [5, 6, 7]) expect(judgeCounter('it', value, { done: 5, unknown: 2 })).toBeNull();
  });

  it('refuses a lost and a doubled increment', () => {
    for (const value of [4, 8, Number.NaN])
      expect(judgeCounter('it', value, { done: 5, unknown: 2 })).toContain(`it is ${value}`);
  });
});

describe('the numbers', () => {
  const numbers = (...lists: string[]) =>
    judgeNumbers(new Map(lists.map((list, index) => [`db${index + 1}`, parseGtidList(list)])));

  it('accepts one order on all nodes, also where one begins later', () => {
    expect(numbers('0-1-1,0-2-2,0-1-3', '0-1-1,0-2-2,0-1-3', '0-1-3')).toEqual([]);
  });

  it.each([
    ['a gap', ['0-1-1,0-1-3', '0-1-1,0-1-3'], '3 follows 1'],
    ['a number twice', ['0-1-1,0-1-2,0-1-2', '0-1-1,0-1-2'], '2 follows 2'],
    ['a step back', ['0-1-2,0-1-1,0-1-2', '0-1-1,0-1-2'], '1 follows 2'],
    ['one number for two changes', ['0-1-1,0-1-2', '0-1-1,0-2-2'], 'is 0-1-2 on db1 and 0-2-2 on db2'],
    ['a node that is behind', ['0-1-1,0-1-2', '0-1-1'], '2 on db1, 1 on db2'],
  ])('refuses %s', (_what, lists, words) => {
    expect(numbers(...lists).join()).toContain(words);
  });
});

describe('the tables', () => {
  const tables = (...nodes: TableChecksum[][]) =>
    judgeTables(new Map(nodes.map((list, index) => [`db${index + 1}`, list])));
  const list: TableChecksum = { table: 'bank.list', checksum: '17', rows: 3 };

  it('accepts the same on all nodes', () => {
    expect(tables([list], [list], [list])).toEqual([]);
    expect(judgeTables(new Map())).toEqual([]);
  });

  it.each([
    ['a differing row', [[list], [{ ...list, checksum: '18' }]], 'bank.list differs'],
    ['a missing row', [[list], [{ ...list, rows: 2 }]], 'bank.list differs'],
    ['a missing table', [[list], []], 'on db1 and not on db2'],
    ['a table too many', [[], [list]], 'on db2 and not on db1'],
  ])('refuses %s', (_what, nodes, words) => {
    expect(tables(...nodes).join()).toContain(words);
  });
});
