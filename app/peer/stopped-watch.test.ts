import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../base/clock.js';
import { silentLog } from '../base/log.js';
import { isStopped, StoppedWatch } from './stopped-watch.js';

const running = '7 (mariadbd) S 1 7 7 0 -1';
const stopped = '7 (mariadbd) T 1 7 7 0 -1';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function watched(state: { stat: string | undefined; pid: number | null }) {
  const ended: string[] = [];
  const timer = new StoppedWatch({
    host: { readText: async () => state.stat },
    clock: systemClock,
    log: silentLog(),
    pid: () => state.pid,
    patienceMs: 250,
    end: async (why) => {
      ended.push(why);
      state.pid = null;
    },
  }).begin();
  return { ended, timer };
}

it('ends a server that stays stopped, once', async () => {
  const { ended, timer } = watched({ stat: stopped, pid: 7 });
  await vi.advanceTimersByTimeAsync(250);
  expect(ended).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ended).toEqual(['its process was stopped (SIGSTOP) and did not go on within 250 ms']);
  timer.cancel();
});

it('leaves one alone that goes on in time, each time', async () => {
  const state: { stat: string; pid: number | null } = { stat: stopped, pid: 7 };
  const { ended, timer } = watched(state);
  for (let time = 0; time < 5; time++) {
    state.stat = stopped;
    await vi.advanceTimersByTimeAsync(200);
    state.stat = running;
    await vi.advanceTimersByTimeAsync(50);
  }
  expect(ended).toEqual([]);
  timer.cancel();
});

it('leaves one alone that nobody depends on, and one that is gone', async () => {
  const alone = watched({ stat: stopped, pid: null });
  const gone = watched({ stat: undefined, pid: 7 });
  await vi.advanceTimersByTimeAsync(2_000);
  expect([...alone.ended, ...gone.ended]).toEqual([]);
  alone.timer.cancel();
  gone.timer.cancel();
});

it('counts from the start of another process', async () => {
  const state: { stat: string; pid: number | null } = { stat: stopped, pid: 7 };
  const { ended, timer } = watched(state);
  await vi.advanceTimersByTimeAsync(200);
  state.pid = 8;
  await vi.advanceTimersByTimeAsync(250);
  expect(ended).toEqual([]);
  timer.cancel();
});

it.each([
  [running, false],
  [stopped, true],
  ['7 (a) T (b) R 1', false],
  ['7 (gdb) t 1', true],
])('reads %s', (stat, expected) => {
  expect(isStopped(stat)).toBe(expected);
});
