import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { type TransactionKind, Turnstile } from './turnstile.js';

/** Sessions that come back as soon as they were served, as a busy application's do. Counts what they ran. */
function crowd(turnstile: Turnstile, size: { writers: number; others: number }, turns: number) {
  const ran = { writer: { read: 0, write: 0 }, other: { read: 0, write: 0 } };
  let left = turns;
  const session = async (seat: 'writer' | 'other') => {
    while (left > 0) {
      const kind = await turnstile.enter(seat === 'writer');
      if (kind === null) return;
      left--;
      ran[seat][kind]++;
    }
  };
  const all = [
    ...Array.from({ length: size.writers }, () => session('writer')),
    ...Array.from({ length: size.others }, () => session('other')),
  ];
  return { ran, all };
}

/** Lets everything that can run now run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the share of writes', () => {
  for (const percent of [0, 1, 20, 50, 99, 100]) {
    it(`is ${percent} % when one session of three can write`, async () => {
      const turnstile = new Turnstile(new ManualClock(), percent, null);
      turnstile.setWriterExists(true);
      const { ran } = crowd(turnstile, { writers: 5, others: 10 }, 3000);
      await settle();
      const writes = ran.writer.write + ran.other.write;
      expect(ran.other.write).toBe(0);
      expect(writes + ran.writer.read + ran.other.read).toBeGreaterThanOrEqual(3000);
      expect(writes / 3000).toBeCloseTo(percent / 100, 1);
    });
  }

  it('makes sessions that cannot write wait when the writer falls behind', async () => {
    const turnstile = new Turnstile(new ManualClock(), 50, null);
    turnstile.setWriterExists(true);
    const { ran } = crowd(turnstile, { writers: 0, others: 4 }, 1000);
    await settle();
    expect(ran.other.read).toBeGreaterThan(32);
    expect(ran.other.read).toBeLessThan(100);
    expect(turnstile.waiting).toBe(4);
    const kinds: (TransactionKind | null)[] = [await turnstile.enter(true), await turnstile.enter(true)];
    expect(kinds).toEqual(['write', 'write']);
  });

  it('lets reads go on while there is no writer', async () => {
    const turnstile = new Turnstile(new ManualClock(), 50, null);
    turnstile.setWriterExists(false);
    const { ran } = crowd(turnstile, { writers: 0, others: 4 }, 1000);
    await settle();
    expect(ran.other.read).toBeGreaterThanOrEqual(1000);
  });
});

describe('the target rate', () => {
  it('is kept to the transaction, however many sessions wait', async () => {
    const clock = new ManualClock();
    const turnstile = new Turnstile(clock, 20, 100);
    turnstile.setWriterExists(true);
    const { ran } = crowd(turnstile, { writers: 50, others: 100 }, 100_000);
    for (let step = 0; step < 1000; step++) {
      clock.advance(10);
      await settle();
    }
    const total = ran.writer.read + ran.writer.write + ran.other.read;
    // 10 s at 100 per second, and the one that went at once.
    expect(total).toBeGreaterThanOrEqual(990);
    expect(total).toBeLessThanOrEqual(1011);
    expect(ran.writer.write / total).toBeCloseTo(0.2, 1);
    expect(ran.other.read).toBeGreaterThan(ran.writer.read);
  });

  it('is not made up for after a long pause', async () => {
    const clock = new ManualClock();
    const turnstile = new Turnstile(clock, 0, 10);
    await turnstile.enter(false);
    clock.advance(60_000);
    const { ran } = crowd(turnstile, { writers: 0, others: 10 }, 1000);
    await settle();
    expect(ran.other.read).toBeLessThanOrEqual(3);
  });

  it('changes for those who wait already', async () => {
    const clock = new ManualClock();
    const turnstile = new Turnstile(clock, 0, 1);
    const { ran } = crowd(turnstile, { writers: 0, others: 3 }, 500);
    await settle();
    expect(ran.other.read).toBe(1);
    turnstile.configure(0, null);
    await settle();
    expect(ran.other.read).toBeGreaterThanOrEqual(500);
  });
});

it('sends everybody away who waits', async () => {
  const turnstile = new Turnstile(new ManualClock(), 100, null);
  const turns = [turnstile.enter(false), turnstile.enter(false)];
  expect(turnstile.waiting).toBe(2);
  turnstile.sendAway();
  expect(await Promise.all(turns)).toEqual([null, null]);
  expect(turnstile.waiting).toBe(0);
});
