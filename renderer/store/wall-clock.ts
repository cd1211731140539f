/** The window's only reader of time; tests give their own. */
export interface WallClock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Calls `listener` about every `intervalMs` until the returned function is called. */
  every(intervalMs: number, listener: () => void): () => void;
}

export const browserClock: WallClock = {
  nowMs: () => Date.now(),
  every(intervalMs, listener) {
    const timer = setInterval(listener, intervalMs);
    return () => clearInterval(timer);
  },
};
