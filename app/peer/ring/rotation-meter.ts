/** How fast the token goes round, measured where it passes. */

/** Rotations remembered. */
const kept = 512;
/** Rotations older than this say nothing of now. Milliseconds. */
const windowMs = 5_000;

interface Rotation {
  readonly endedMs: number;
  readonly tookMs: number;
}

export class RotationMeter {
  passes = 0;
  #leftMs: number | null = null;
  #rotations: Rotation[] = [];
  #next = 0;

  /** This member gave the token away. */
  left(nowMs: number): void {
    this.#leftMs = nowMs;
  }

  /** Somebody keeps the token: what it takes to come back now is no rotation. */
  rested(): void {
    this.#leftMs = null;
  }

  /** The token came. */
  came(nowMs: number): void {
    this.passes++;
    if (this.#leftMs === null) return;
    this.#rotations[this.#next] = { endedMs: nowMs, tookMs: nowMs - this.#leftMs };
    this.#next = (this.#next + 1) % kept;
    this.#leftMs = null;
  }

  /** Rotations per second and their times, of the last seconds. Milliseconds. */
  read(nowMs: number): { perSecond: number; rotationMs: { p50: number; p99: number } | null } {
    const recent = this.#rotations.filter(({ endedMs }) => nowMs - endedMs <= windowMs);
    if (recent.length === 0) return { perSecond: 0, rotationMs: null };
    const times = recent.map(({ tookMs }) => tookMs).sort((one, other) => one - other);
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    // The memory may hold less than the window when the token is fast.
    const oldestMs = Math.min(...recent.map(({ endedMs }) => endedMs));
    const spanMs = recent.length < kept ? windowMs : Math.max(1, nowMs - oldestMs);
    return { perSecond: (recent.length * 1_000) / spanMs, rotationMs: { p50: at(0.5), p99: at(0.99) } };
  }
}
