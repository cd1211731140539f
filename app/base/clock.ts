/** The only reader of time. Everything else is given a Clock, so that simulators and tests can drive it. */

/** A timer that can be taken back. */
export interface Timer {
  cancel(): void;
}

/** Time as the program may know it. Durations come from `monotonicMs`, dates for people from `wallMs`. */
export interface Clock {
  /** Milliseconds since an arbitrary origin; never goes backward. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01 UTC, as the operating system believes them. */
  wallMs(): number;
  /** Calls `run` once after `delayMs`. */
  after(delayMs: number, run: () => void): Timer;
  /** Calls `run` every `periodMs` until cancelled. */
  every(periodMs: number, run: () => void): Timer;
}

/** The operating system's clock. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
  every(periodMs, run) {
    const handle = setInterval(run, periodMs);
    return { cancel: () => clearInterval(handle) };
  },
};

/**
 * Waits for `delayMs`.
 * @throws the signal's reason when it is aborted first.
 */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** How long and how often `waitFor` looks. */
export interface WaitOptions {
  /** Milliseconds between two looks. Default 50. */
  everyMs?: number;
  /** Milliseconds after which waiting is given up. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Looks until `probe` returns something other than undefined, and returns that.
 * @returns undefined when `timeoutMs` passed first: the caller knows which error to raise.
 * @throws the signal's reason when it is aborted first, and whatever `probe` throws.
 */
export async function waitFor<T>(
  clock: Clock,
  probe: () => Promise<T | undefined> | T | undefined,
  { everyMs = 50, timeoutMs, signal }: WaitOptions,
): Promise<T | undefined> {
  const deadline = clock.monotonicMs() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const found = await probe();
    if (found !== undefined) return found;
    const leftMs = deadline - clock.monotonicMs();
    if (leftMs <= 0) return undefined;
    await delay(clock, Math.min(everyMs, leftMs), signal);
  }
}
