/** Time that moves only when a test says so. */
import type { WallClock } from '../store/wall-clock.js';

export interface ManualClock extends WallClock {
  /** Moves time on, calling everything that is due on the way. */
  advance(ms: number): void;
}

export function createManualClock(startMs: number): ManualClock {
  let nowMs = startMs;
  const timers = new Set<{ dueMs: number; readonly intervalMs: number; readonly listener: () => void }>();
  return {
    nowMs: () => nowMs,
    every(intervalMs, listener) {
      const timer = { dueMs: nowMs + intervalMs, intervalMs, listener };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        const next = [...timers].sort((one, other) => one.dueMs - other.dueMs)[0];
        if (!next || next.dueMs > endMs) break;
        nowMs = next.dueMs;
        next.dueMs += next.intervalMs;
        next.listener();
      }
      nowMs = endMs;
    },
  };
}
