/** What clients felt when something failed, from the times of their answers. Pure. */
import type { Done } from './clients-process.js';

/**
 * When answers came again: the end of the longest time without any that overlaps the failure or begins right after it.
 * Answers that were on their way when it happened do not count as the end.
 * @param answersMs times of answers, in any order
 * @param beginsWithinMs an outage begins no later than this after its cause; a longer one later has another cause
 * @returns milliseconds after `failedMs`; null when no answer came after it
 */
export function resumedAfterMs(
  answersMs: readonly number[],
  failedMs: number,
  beginsWithinMs: number,
): number | null {
  const sorted = [...answersMs].sort((left, right) => left - right);
  let best: { lengthMs: number; endMs: number } | null = null;
  for (const [index, endMs] of sorted.entries()) {
    if (endMs <= failedMs) continue;
    const beginMs = sorted[index - 1] ?? failedMs;
    if (beginMs > failedMs + beginsWithinMs) break;
    const lengthMs = endMs - beginMs;
    if (!best || lengthMs > best.lengthMs) best = { lengthMs, endMs };
  }
  return best && best.endMs - failedMs;
}

/** The transaction that took longest of those answered after `fromMs`; of no length when there is none. */
export function longest(done: readonly Done[], fromMs: number): { beganMs: number; tookMs: number } {
  let found = { beganMs: fromMs, tookMs: 0 };
  for (const [, , , beganMs, endedMs] of done)
    if (endedMs > fromMs && endedMs - beganMs > found.tookMs) found = { beganMs, tookMs: endedMs - beganMs };
  return found;
}

/** How many of `endedMs` lie in each whole second from `fromMs` to `toMs`. */
export function perSecond(endedMs: readonly number[], fromMs: number, toMs: number): number[] {
  const counts = new Array<number>(Math.max(0, Math.floor((toMs - fromMs) / 1000))).fill(0);
  for (const atMs of endedMs) {
    const second = Math.floor((atMs - fromMs) / 1000);
    if (second >= 0 && second < counts.length) counts[second] = (counts[second] ?? 0) + 1;
  }
  return counts;
}
