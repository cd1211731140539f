import { expect, it } from 'vitest';
import { seededRandom } from '../../base/random.js';
import { bank, isWrite, purgeable, randomRead, randomWrite } from './bank.js';

it('moves money between two different accounts that exist, to customers only', () => {
  const random = seededRandom(7);
  let deposits = 0;
  for (let draw = 0; draw < 2_000; draw++) {
    const transaction = randomWrite(random);
    expect(isWrite(transaction)).toBe(true);
    if (transaction.kind !== 'transfer') throw new Error(`a random write is a ${transaction.kind}`);
    const { from, to, cents } = transaction;
    expect(from).not.toBe(to);
    expect(Math.min(from, to)).toBeGreaterThanOrEqual(1);
    expect(Math.max(from, to)).toBeLessThanOrEqual(bank.accounts);
    expect(to).toBeGreaterThan(bank.tellers);
    expect(cents).toBeGreaterThan(0);
    if (from <= bank.tellers) deposits++;
  }
  expect(deposits / 2_000).toBeCloseTo(0.3, 1);
});

it('reads accounts and customers that exist', () => {
  const random = seededRandom(8);
  for (let draw = 0; draw < 1000; draw++) {
    const transaction = randomRead(random);
    expect(isWrite(transaction)).toBe(false);
    if (transaction.kind === 'account') expect(transaction.account).toBeLessThanOrEqual(bank.accounts);
    if (transaction.kind === 'customer') expect(transaction.customer).toBeLessThanOrEqual(bank.customers);
  }
});

it('deletes old transfers as fast as new ones come, and never the youngest', () => {
  const nextPurge = purgeable();
  const purges: number[] = [];
  for (let id = 1; id <= bank.transfersKept + 1000; id++) {
    const upTo = nextPurge(id);
    if (upTo !== null) purges.push(upTo);
  }
  expect(purges[0]).toBe(1);
  expect(purges.length).toBe(5);
  expect(purges.every((upTo, index) => index === 0 || upTo - (purges[index - 1] ?? 0) === 200)).toBe(true);
});
