import { describe, expect, it } from 'vitest';
import type { Clock, Timer } from '../../base/clock.js';
import { RingmasterError } from '../../base/errors.js';
import { silentLog } from '../../base/log.js';
import { CommitQueue } from './commit-queue.js';

/** A clock whose timers come a little early, as the real ones do. */
class EarlyClock implements Clock {
  nowMs = 0;
  private readonly timers = new Map<object, { atMs: number; run: () => void }>();
  monotonicMs = () => this.nowMs;
  wallMs = () => this.nowMs;
  after(delayMs: number, run: () => void): Timer {
    const key = {};
    this.timers.set(key, { atMs: this.nowMs + (delayMs > 1 ? delayMs - 0.5 : delayMs), run });
    return { cancel: () => this.timers.delete(key) };
  }
  every(): Timer {
    return { cancel: () => undefined };
  }
  advance(byMs: number): void {
    const endMs = this.nowMs + byMs;
    for (;;) {
      const next = [...this.timers].sort(([, a], [, b]) => a.atMs - b.atMs)[0];
      if (!next || next[1].atMs > endMs) break;
      this.timers.delete(next[0]);
      this.nowMs = Math.max(this.nowMs, next[1].atMs);
      next[1].run();
    }
    this.nowMs = endMs;
  }
}

function setUp() {
  const clock = new EarlyClock();
  const committed: string[] = [];
  const world = { othersWant: false, okIsEnough: true, waiting: 0, end: 100 };
  const queue = new CommitQueue({
    waiting: (length) => {
      world.waiting = length;
    },
    committed: (ringId, upTo) => committed.push(`${ringId}: ${upTo}`),
    readSequence: async () => world.end,
    othersWant: () => world.othersWant,
    okIsEnough: () => world.okIsEnough,
    holds: () => undefined,
    caughtUp: async () => undefined,
    clock,
    log: silentLog(),
  });
  queue.open(0);
  return { clock, queue, committed, world };
}

const never = new AbortController().signal;
const done = (sequence: number | null) => ({ outcome: 'done', sequence }) as const;
const settle = () => new Promise(setImmediate);

describe('a hold', () => {
  it('begins with everybody who waits and ends with the highest number that the node named', async () => {
    const { queue, committed, world } = setUp();
    world.othersWant = true;
    const granted = Promise.all([queue.acquire(never, 1), queue.acquire(never, 2)]);
    expect(world.waiting).toBe(2);
    queue.grant(7, 10, 1000);
    await granted;
    queue.release(done(12), 1);
    expect(committed).toEqual([]);
    queue.release(done(11), 2);
    expect(committed).toEqual(['7: 12']);
  });

  it('asks the node where its log ends when an answer named no number', async () => {
    const { queue, committed, world } = setUp();
    world.othersWant = true;
    const granted = queue.acquire(never, 1);
    queue.grant(7, 10, 1000);
    await granted;
    world.end = 14;
    queue.release(done(null), 1);
    await settle();
    expect(committed).toEqual(['7: 14']);
  });

  it('takes newcomers while nobody else wants the token, and ends although timers come early', async () => {
    const { clock, queue, committed } = setUp();
    queue.grant(7, 10, 1000);
    clock.advance(20);
    await queue.acquire(never, 1);
    queue.release(done(11), 1);
    expect(committed).toEqual([]);
    clock.advance(40);
    expect(committed).toEqual(['7: 11']);
  });

  it('ends at once when another member wants the token', async () => {
    const { queue, committed, world } = setUp();
    queue.grant(7, 10, 1000);
    await queue.acquire(never, 1);
    queue.release(done(11), 1);
    world.othersWant = true;
    queue.yieldSoon();
    expect(committed).toEqual(['7: 11']);
  });

  it('makes those wait who come when it is over, until the next one', async () => {
    const { clock, queue, world } = setUp();
    queue.grant(7, 10, 1000);
    clock.advance(100);
    let granted = false;
    const waits = queue.acquire(never, 1).then(() => {
      granted = true;
    });
    await settle();
    expect([granted, world.waiting]).toEqual([false, 1]);
    queue.grant(7, 10, 1000);
    await waits;
    expect(granted).toBe(true);
  });

  it('takes no more than the ring allows', async () => {
    const { queue, world } = setUp();
    const first = queue.acquire(never, 1);
    const second = queue.acquire(never, 2);
    queue.grant(7, 10, 1);
    await first;
    expect(world.waiting).toBe(1);
    queue.release(done(11), 1);
    queue.grant(7, 11, 1);
    await second;
  });
});

describe('when the view ends', () => {
  it('waits for commits on their way, and keeps their OK back until the next view holds them', async () => {
    const { queue, committed } = setUp();
    queue.grant(7, 10, 1000);
    await queue.acquire(never, 1);
    let quiet = false;
    const closing = queue.close().then(() => {
      quiet = true;
    });
    await settle();
    expect(quiet).toBe(false);
    queue.release(done(11), 1);
    const fate = queue.safe('lossless', never);
    await closing;
    expect(committed).toEqual(['7: 11']);
    queue.open(11);
    expect(await fate).toBe('kept');
  });

  it('says that the outcome is unknown when the node is left outside', async () => {
    const { queue } = setUp();
    queue.grant(7, 10, 1000);
    await queue.acquire(never, 1);
    void queue.close();
    queue.release(done(11), 1);
    const fate = queue.safe('lossless', never);
    queue.refuse(new RingmasterError('session.no-quorum', { node: 'db1', reason: 'alone' }));
    expect(await fate).toBe('unknown');
    await expect(queue.acquire(never, 3)).rejects.toThrow('no primary component');
  });

  it('keeps a permission that comes before the node is ready', async () => {
    const { queue } = setUp();
    void queue.close();
    const waits = queue.acquire(never, 1);
    queue.grant(8, 11, 1000);
    queue.open(11);
    await waits;
  });
});

describe('the OK of a commit', () => {
  it('goes out at once where the successor is the majority, and waits for the ring elsewhere', async () => {
    const { queue, world } = setUp();
    world.othersWant = true;
    const granted = queue.acquire(never, 1);
    queue.grant(7, 10, 1000);
    await granted;
    queue.release(done(11), 1);
    expect(await queue.safe('lossless', never)).toBe('kept');
    world.okIsEnough = false;
    const later = queue.safe('lossless', never);
    const everywhere = queue.safe('everywhere', never);
    queue.acknowledge(11);
    expect(await later).toBe('kept');
    queue.reachedEverybody(11);
    expect(await everywhere).toBe('kept');
  });
});

describe('a pause', () => {
  it('keeps the token without committing, and lets those who wait go on afterwards', async () => {
    const { queue, committed, world } = setUp();
    const asked = queue.pause(never);
    expect(world.waiting).toBe(1);
    queue.grant(7, 10, 1000);
    const pause = await asked;
    expect(pause.sequence).toBe(10);
    let granted = false;
    const waits = queue.acquire(never, 1).then(() => {
      granted = true;
    });
    await settle();
    expect(granted).toBe(false);
    expect(committed).toEqual([]);
    expect(pause.end()).toBe(true);
    expect(committed).toEqual(['7: 10']);
    queue.grant(7, 10, 1000);
    await waits;
  });

  it('begins when the hold that is under way is over, and before those who came meanwhile', async () => {
    const { queue, committed } = setUp();
    queue.grant(7, 10, 1000);
    await queue.acquire(never, 1);
    const asked = queue.pause(never);
    const waits = queue.acquire(never, 2);
    queue.release(done(11), 1);
    expect(committed).toEqual(['7: 11']);
    queue.grant(7, 11, 1000);
    const pause = await asked;
    expect(pause.sequence).toBe(11);
    pause.end();
    queue.grant(7, 11, 1000);
    await waits;
  });

  it('says that it was broken when the view ended under it, and does not hold the fence up', async () => {
    const { queue } = setUp();
    const asked = queue.pause(never);
    queue.grant(7, 10, 1000);
    const pause = await asked;
    await queue.close();
    expect(pause.end()).toBe(false);
  });

  it('can be given up before the token came', async () => {
    const { queue, world } = setUp();
    const stop = new AbortController();
    const asked = queue.pause(stop.signal);
    stop.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    expect(world.waiting).toBe(0);
  });
});
