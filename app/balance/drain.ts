/** Emptying a node: idle sessions leave at once, working ones when their transaction ends, all at the deadline. */

export interface DrainingSession {
  readonly id: string;
  /** No statement runs and no transaction is open. */
  readonly idle: boolean;
  /** Its commit is on its way: it is never cut off, not even at the deadline. */
  readonly committing: boolean;
}

export interface DrainVerdict {
  /** End these now. */
  readonly end: readonly string[];
  /** These still work. */
  readonly wait: readonly string[];
  /** Milliseconds until the deadline; 0 when it has passed. */
  readonly leftMs: number;
}

/** @param deadlineMs on the same clock as `nowMs` */
export function drain(sessions: readonly DrainingSession[], deadlineMs: number, nowMs: number): DrainVerdict {
  const leftMs = Math.max(0, deadlineMs - nowMs);
  const leaves = ({ idle, committing }: DrainingSession) => !committing && (idle || leftMs === 0);
  return {
    end: sessions.filter(leaves).map(({ id }) => id),
    wait: sessions.filter((session) => !leaves(session)).map(({ id }) => id),
    leftMs,
  };
}
