import { describe, expect, it } from 'vitest';
import { nodeName } from '../model/ids.js';
import type { RangeSum, TableRanges } from '../model/verification.js';
import { judge, type NodeSums, oddOnes, outcomeWords, rangeWords } from './verification.js';

const table = 'bank.accounts';
const ranges: TableRanges = { table, key: { column: 'id', kind: 'number' }, edges: ['1000', '2000', '3000'] };
const sum = (text: string, rows = 1000): RangeSum => ({ rows, sum: text });
const alike = [sum('1', 999), sum('2'), sum('3'), sum('4')];

function node(name: string, sums: readonly RangeSum[], changes: Partial<NodeSums> = {}): NodeSums {
  return {
    name: nodeName(name),
    definitions: [{ table, definition: 'x', unreadable: null }],
    tables: [{ table, sums, problem: null }],
    ...changes,
  };
}
const changed = (...at: number[]) => alike.map((each, index) => (at.includes(index) ? sum('other') : each));

describe('judging a comparison', () => {
  it('counts tables and rows when all are equal', () => {
    const judged = judge([node('db1', alike), node('db2', alike), node('db3', alike)], [ranges]);
    expect(judged).toEqual({ drift: [], notCompared: [], tables: 1, rows: 3999 });
    const names = ['db1', 'db2', 'db3'].map(nodeName);
    expect(outcomeWords(names, [], '0-1-12345', judged)).toBe(
      '3 nodes equal at 0-1-12345: one table, 3,999 rows',
    );
  });

  it('names table, range and the one that two others stand against', () => {
    const judged = judge([node('db1', alike), node('db2', changed(1)), node('db3', alike)], [ranges]);
    expect(judged.drift).toMatchObject([
      {
        odd: ['db2'],
        where: 'id 1000 to 1999',
        words: 'db2 differs from db1 and db3 in bank.accounts, id 1000 to 1999',
      },
    ]);
  });

  it('accuses nobody when there is no majority', () => {
    const two = judge([node('db1', alike), node('db2', changed(0))], [ranges]);
    expect(two.drift[0]).toMatchObject({
      odd: [],
      words: 'db1 and db2 differ from each other in bank.accounts, id up to 999',
    });
  });

  it('tells neighbouring ranges as one, and others apart', () => {
    const judged = judge([node('db1', alike), node('db2', changed(0, 1, 3)), node('db3', alike)], [ranges]);
    expect(judged.drift.map(({ where }) => where)).toEqual(['id up to 1999', 'id from 3000 on']);
    expect(outcomeWords(['db1', 'db2', 'db3'].map(nodeName), [], '0-1-9', judged)).toBe(
      'db2 differs from db1 and db3 in bank.accounts, id up to 1999, and one more place',
    );
  });

  it('never counts what was not read as equal', () => {
    const silent = node('db2', [], { tables: [{ table, sums: [], problem: 'it was changed' }] });
    const judged = judge([node('db1', alike), silent], [ranges]);
    expect(judged).toMatchObject({ tables: 0, rows: 0, drift: [] });
    expect(judged.notCompared).toEqual([{ table, why: 'it was changed (db2)' }]);
    const shorter = judge([node('db1', alike), node('db2', alike.slice(0, 3))], [ranges]);
    expect(shorter.drift).toHaveLength(1);
  });

  it('finds tables that a node lacks, and other columns', () => {
    const without = node('db3', [], { definitions: [], tables: [] });
    expect(judge([node('db1', alike), node('db2', alike), without], [ranges]).drift[0]).toMatchObject({
      odd: ['db3'],
      words: 'db3 has no table bank.accounts',
    });
    const other = node('db3', alike, { definitions: [{ table, definition: 'y', unreadable: null }] });
    expect(judge([node('db1', alike), node('db2', alike), other], [ranges]).drift[0]?.words).toBe(
      'db3 differs from db1 and db2 in the definition of bank.accounts',
    );
  });

  it('finds a table that only the node which made the ranges lacks', () => {
    const without = node('db1', [], { definitions: [], tables: [] });
    expect(judge([without, node('db2', []), node('db3', [])], []).drift[0]?.words).toBe(
      'db1 has no table bank.accounts',
    );
  });
});

it('finds the odd ones of four, and nobody in a draw', () => {
  const values = (...texts: string[]) =>
    new Map(texts.map((text, index) => [nodeName(`db${index + 1}`), text]));
  expect(oddOnes(values('a', 'a', 'a', 'b'))).toEqual(['db4']);
  expect(oddOnes(values('a', 'a', 'b', 'b'))).toEqual([]);
  expect(oddOnes(values('a', 'b', 'c'))).toEqual([]);
});

it('tells ranges of other keys as they are', () => {
  const names: TableRanges = { table, key: { column: 'name', kind: 'text' }, edges: ['f', 'm'] };
  expect([0, 1, 2].map((index) => rangeWords(names, index, index))).toEqual([
    'name before f',
    'name from f to before m',
    'name from m on',
  ]);
  expect(rangeWords({ ...names, key: null, edges: [] }, 0, 0)).toBe('the whole table');
});
