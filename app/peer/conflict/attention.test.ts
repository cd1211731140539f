import { describe, expect, it } from 'vitest';
import { Attention, alertPatienceMs, patienceMs, Reports, restingPollMs } from './attention.js';

const seen = (atMs: number, applied: number, received: number | null = null) => ({ atMs, applied, received });

/** An applier that is at rest at 5. */
function resting(): Attention {
  const attention = new Attention();
  expect(attention.see(seen(0, 5, 5))).toBe(false);
  return attention;
}

describe('when to look', () => {
  it('asks rarely while nothing is expected, and then what has been received', () => {
    const attention = resting();
    for (let step = 1; step < 20; step++) {
      expect(attention.dueMs).toBe(step * restingPollMs);
      expect(attention.wantsReceived(attention.dueMs)).toBe(true);
      expect(attention.see(seen(attention.dueMs, 5, 5))).toBe(false);
    }
  });

  it('asks nothing at all while the applier reaches in time what is expected', () => {
    const attention = resting();
    let sequence = 5;
    for (let atMs = 1; atMs < 90; atMs += 4) {
      attention.expect(++sequence, atMs);
      expect(attention.dueMs).toBeGreaterThan(atMs + 3);
      attention.reached(sequence, atMs + 3);
    }
    expect(attention.dueMs).toBe(restingPollMs);
  });

  it('looks at once when what is expected is not reached in time, whether or not anybody tells what was reached', () => {
    const attention = resting();
    attention.expect(9, 30);
    attention.reached(7, 33);
    expect(attention.dueMs).toBe(33 + patienceMs);
    expect(attention.wantsReceived(41)).toBe(false);
    // It had moved without anybody telling: it stands still since now at the earliest.
    expect(attention.see(seen(41, 8))).toBe(false);
    expect(attention.dueMs).toBe(49);
    expect(attention.see(seen(49, 8))).toBe(true);
  });

  it('counts from what is expected next, not from the last movement long ago', () => {
    const attention = resting();
    attention.expect(6, 90);
    expect(attention.dueMs).toBe(90 + patienceMs);
  });

  it('is less patient for a while after a conflict', () => {
    const attention = resting();
    attention.conflict(5);
    attention.expect(6, 10);
    expect(attention.dueMs).toBe(10 + alertPatienceMs);
    expect(attention.see(seen(13, 5))).toBe(true);
    attention.reached(6, 20);
    attention.expect(7, 2_000);
    expect(attention.dueMs).toBe(2_000 + patienceMs);
  });

  it('finds by itself what nobody told of', () => {
    const attention = resting();
    expect(attention.see(seen(restingPollMs, 5, 6))).toBe(false);
    expect(attention.dueMs).toBe(restingPollMs + 4);
    expect(attention.see(seen(restingPollMs + 4, 5))).toBe(true);
  });

  it('looks less often while a standstill goes on, and asks again whether there is work', () => {
    const attention = resting();
    attention.expect(6, 10);
    const looks: number[] = [];
    let asked = 0;
    while (attention.dueMs < 400) {
      const atMs = attention.dueMs;
      const both = attention.wantsReceived(atMs);
      if (both) asked++;
      if (attention.see(seen(atMs, 5, both ? 6 : null))) looks.push(atMs);
    }
    expect(looks.slice(0, 5)).toEqual([18, 24, 36, 51, 66]);
    expect(looks.length).toBeLessThan(30);
    expect(asked).toBeGreaterThan(15);
  });

  it('rests when what was expected proves not to have been received', () => {
    const attention = resting();
    attention.expect(9, 10);
    while (attention.busy) {
      const atMs = attention.dueMs;
      expect(atMs).toBeLessThan(100);
      attention.see(seen(atMs, 5, attention.wantsReceived(atMs) ? 5 : null));
    }
    expect(attention.dueMs).toBeGreaterThan(restingPollMs);
  });

  it('looks for a session that keeps the permission to commit, and not for those that give it back', () => {
    const attention = resting();
    attention.hold(71, 20);
    attention.release(71);
    expect(attention.dueMs).toBe(restingPollMs);
    attention.hold(72, 30);
    expect(attention.holds(72)).toBe(true);
    expect(attention.dueMs).toBe(30 + patienceMs);
    expect(attention.see(seen(38, 5, 5))).toBe(true);
    expect(attention.dueMs).toBe(44);
    attention.release(72);
    expect(attention.dueMs).toBe(38 + restingPollMs);
  });
});

describe('reports', () => {
  it('repeats at a bounded pace, counts once, and forgets who is gone', () => {
    const reports = new Reports();
    expect(reports.due([4, 5], 1, 0)).toEqual({ due: [4, 5], fresh: 2 });
    const told: number[] = [];
    for (let atMs = 10; atMs <= 2000; atMs += 10) {
      const { due, fresh } = reports.due([4], 1, atMs);
      expect(fresh).toBe(0);
      if (due.length > 0) told.push(atMs);
    }
    expect(told).toEqual([20, 60, 140, 300, 620, 940, 1260, 1580, 1900]);
    expect(reports.due([], 1, 2010)).toEqual({ due: [], fresh: 0 });
    expect(reports.due([4], 1, 2020)).toEqual({ due: [4], fresh: 1 });
  });

  it('tells at once of a session that blocks again after the applier had gone on', () => {
    const attention = resting();
    const before = attention.standstill;
    const reports = new Reports();
    reports.due([4], before, 0);
    attention.reached(6, 1);
    expect(attention.standstill).not.toBe(before);
    expect(reports.due([4], attention.standstill, 2)).toEqual({ due: [4], fresh: 1 });
  });
});
