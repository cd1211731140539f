/**
 * When a member counts as lost, and how this peer's own slowness makes it slower to accuse.
 * Source of the idea: memberlist's awareness (Lifeguard, Dadgar et al. 2018): own ill health widens own timeouts.
 */

/** Lateness of an own timer, remembered for a while. */
export interface Health {
  /** The longest stall seen lately, milliseconds. */
  readonly stalledMs: number;
  readonly untilMs: number;
}

export const healthy: Health = { stalledMs: 0, untilMs: 0 };

/** How long a stall widens patience. Milliseconds. */
const memoryMs = 10_000;

/** The health after a timer that came `lateMs` late. */
export function afterStall(health: Health, lateMs: number, nowMs: number): Health {
  const stalledMs = nowMs < health.untilMs ? Math.max(health.stalledMs, lateMs) : lateMs;
  return { stalledMs, untilMs: nowMs + memoryMs };
}

/**
 * Silence in spite of probes after which a member is expelled: `expelAfterMs`, and as much more as this process itself
 * was stalled lately, at most three times as much in all: a peer that is always slow must still notice a dead one.
 */
export function patienceMs(expelAfterMs: number, health: Health, nowMs: number): number {
  const extraMs = nowMs < health.untilMs ? health.stalledMs : 0;
  return expelAfterMs + Math.min(extraMs, 2 * expelAfterMs);
}
