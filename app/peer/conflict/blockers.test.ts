import { describe, expect, it } from 'vitest';
import { type MetadataLock, metadataConflict, metadataPairs, type Roles, victimsOf } from './blockers.js';

/** 1 and 2 are the applier's; 90 and above must not be rolled back. */
const roles: Roles = { mustGoOn: (id) => id <= 2, mayRollBack: (id) => id < 90 };
const pairs = (...list: [number, number][]) => list.map(([waiter, blocker]) => ({ waiter, blocker }));

describe('who gives way', () => {
  it('is whoever the applier waits for, and nobody who waits for the applier', () => {
    expect(victimsOf(pairs([1, 10], [1, 11], [12, 1], [13, 10]), roles)).toEqual([10, 11]);
  });

  it('is not whom the blocker waits for: rolled back, the blocker lets go', () => {
    expect(victimsOf(pairs([1, 10], [10, 11]), roles)).toEqual([10]);
  });

  it('is whom a blocker waits for that must not be touched', () => {
    expect(victimsOf(pairs([1, 91], [91, 92], [92, 10]), roles)).toEqual([10]);
    expect(victimsOf(pairs([1, 91]), roles)).toEqual([]);
  });

  it('is the blocker of another thread of the applier, and never that thread', () => {
    expect(victimsOf(pairs([1, 2], [2, 10]), roles)).toEqual([10]);
  });

  it('ends on a circle', () => {
    expect(victimsOf(pairs([1, 91], [91, 92], [92, 91]), roles)).toEqual([]);
  });
});

const lock = (owner: number, type: string, rest: Partial<MetadataLock> = {}): MetadataLock => ({
  owner,
  kind: 'TABLE',
  schema: 'shop',
  name: 'item',
  type,
  pending: false,
  ...rest,
});

describe('metadata locks', () => {
  it.each([
    ['EXCLUSIVE', 'SHARED_READ', true],
    ['SHARED_NO_WRITE', 'SHARED_READ', false],
    ['SHARED_NO_WRITE', 'SHARED_WRITE', true],
    ['SHARED_WRITE', 'SHARED_WRITE', false],
    ['SHARED_WRITE', 'EXCLUSIVE', true],
    ['SHARED_HIGH_PRIO', 'SHARED_NO_READ_WRITE', false],
    ['SHARED_UPGRADABLE', 'SHARED_UPGRADABLE', true],
    ['INTENTION_EXCLUSIVE', 'INTENTION_EXCLUSIVE', false],
    ['INTENTION_EXCLUSIVE', 'EXCLUSIVE', true],
    ['EXCLUSIVE', 'INTENTION_EXCLUSIVE', true],
    ['EXCLUSIVE', 'SOMETHING_NEW', false],
  ])('%s waits for %s: %s', (requested, granted, waits) => {
    expect(metadataConflict(requested, granted)).toBe(waits);
  });

  it('pairs the change of a table with readers of that table only', () => {
    const locks = [
      lock(1, 'SHARED_UPGRADABLE'),
      lock(1, 'EXCLUSIVE', { pending: true }),
      lock(10, 'SHARED_READ'),
      lock(11, 'SHARED_READ', { name: 'other' }),
      lock(12, 'SHARED_READ', { pending: true }),
    ];
    // 12 came later: it waits for 1.
    expect(metadataPairs(locks)).toEqual(pairs([1, 10], [12, 1]));
  });

  it('finds behind a local change of a table those that it waits for', () => {
    const locks = [
      lock(1, 'SHARED_WRITE', { pending: true }),
      lock(91, 'EXCLUSIVE', { pending: true }),
      lock(10, 'SHARED_READ'),
    ];
    expect(victimsOf(metadataPairs(locks), roles)).toEqual([10]);
  });

  it('leaves a backup alone', () => {
    const locks = [
      lock(1, 'BACKUP_DDL', { kind: 'BACKUP', pending: true }),
      lock(10, 'BACKUP_WAIT_DDL', { kind: 'BACKUP' }),
    ];
    expect(metadataPairs(locks)).toEqual([]);
  });
});
