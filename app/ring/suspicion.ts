/**
 * When a member counts as lost, and how slowness, the own and that of others, makes this peer slower to accuse.
 * Sources of the idea: memberlist's awareness (Lifeguard, Dadgar et al. 2018): own ill health widens own timeouts; and
 * accrual failure detectors (Hayashibara et al. 2004): what a member was like lately decides how long it may be silent.
 */
import type { RingSettings } from './model.js';

/** How long a process stood still, remembered for a while. */
export interface Health {
  /** The longest stall seen lately, milliseconds. */
  readonly stalledMs: number;
  readonly untilMs: number;
}

export const healthy: Health = { stalledMs: 0, untilMs: 0 };

/** How long a stall widens patience. Milliseconds. */
const memoryMs = 10_000;

/** Lateness that every busy machine has, and that says nothing of the time before. Milliseconds. */
export const jitterMs = ({ expelAfterMs }: Pick<RingSettings, 'expelAfterMs'>): number => expelAfterMs / 10;

/**
 * How long this process really stood still, seen at a step.
 * @param lateMs how late the step comes, against the deadline that was set
 * @param idleMs since the step before: a longer stall may have begun at any time of it
 * @returns whole milliseconds; 0 for lateness within `stallMs`, which every timer has
 */
export function stallOf(
  lateMs: number,
  idleMs: number,
  settings: Pick<RingSettings, 'stallMs' | 'expelAfterMs'>,
): number {
  if (!(lateMs > settings.stallMs)) return 0;
  return Math.ceil(lateMs < jitterMs(settings) ? lateMs : Math.max(lateMs, idleMs));
}

/** The health after a stall of `stalledMs`. */
export function afterStall(health: Health, stalledMs: number, nowMs: number): Health {
  return { stalledMs: Math.max(stalledMs, recentStallMs(health, nowMs)), untilMs: nowMs + memoryMs };
}

/** What another member tells of itself replaces what it told before: it remembers by itself. */
export const afterTelling = (stalledMs: number, nowMs: number): Health =>
  stalledMs === 0 ? healthy : { stalledMs, untilMs: nowMs + memoryMs };

/** The longest stall that is remembered. Milliseconds. */
export const recentStallMs = (health: Health, nowMs: number): number =>
  nowMs < health.untilMs ? health.stalledMs : 0;

/**
 * Silence in spite of probes after which a member is expelled: `expelAfterMs`, and as much more as this process or that
 * member was stalled lately, at most three times as much in all: who is always slow must still notice a dead one.
 */
export function patienceMs(expelAfterMs: number, own: Health, told: Health, nowMs: number): number {
  const extraMs = Math.max(recentStallMs(own, nowMs), recentStallMs(told, nowMs));
  return expelAfterMs + Math.min(extraMs, 2 * expelAfterMs);
}
