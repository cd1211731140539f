/** Flow control: how many transactions one hold of the token may commit. */
import type { RingSettings } from './model.js';

/**
 * `groupMax` while the slowest applier is near, fewer the further it falls behind, 0 from `lagStop` on.
 * @param lag changes between the end of the order and the slowest applier
 */
export function groupAllowance(
  lag: number,
  { groupMax, lagStart, lagStop }: Pick<RingSettings, 'groupMax' | 'lagStart' | 'lagStop'>,
): number {
  if (lag <= lagStart) return groupMax;
  if (lag >= lagStop) return 0;
  return Math.max(1, Math.floor((groupMax * (lagStop - lag)) / (lagStop - lagStart)));
}

/**
 * The `rank`-th highest of `marks` (1 = highest): what that many members have. 0 when there are fewer marks.
 * Counts instead of sorting: it runs with every message, on 16 marks at most.
 */
export function nthHighest(marks: readonly number[], rank: number): number {
  let best = 0;
  for (const mark of marks) {
    if (mark <= best) continue;
    let reached = 0;
    for (const other of marks) if (other >= mark) reached++;
    if (reached >= rank) best = mark;
  }
  return best;
}
