import type { Clock, Timer } from '../../base/clock.js';

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  private nowMs = 0;
  private readonly due: { atMs: number; run: () => void }[] = [];

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return 1_800_000_000_000 + this.nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const entry = { atMs: this.nowMs + delayMs, run };
    this.due.push(entry);
    return { cancel: () => void this.due.splice(this.due.indexOf(entry) >>> 0, 1) };
  }

  every(periodMs: number, run: () => void): Timer {
    let timer: Timer;
    const again = () => {
      timer = this.after(periodMs, again);
      run();
    };
    timer = this.after(periodMs, again);
    return { cancel: () => timer.cancel() };
  }

  /** Moves time on; timers that become due run in their order. */
  advance(byMs: number): void {
    const endMs = this.nowMs + byMs;
    for (;;) {
      const next = this.due.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.due.splice(this.due.indexOf(next), 1);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = endMs;
  }
}
