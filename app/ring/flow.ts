/** Flow control: how many transactions one hold of the token may commit. */
import type { RingSettings } from './model.js';

/**
 * As many as leave the slowest applier at most `lagStop` behind, and `groupMax` at most. A member may commit only what
 * comes after everything that it has applied: one that is far behind cannot commit at all, and its clients wait for
 * as long as it takes to apply what the others were allowed to commit meanwhile.
 * @param lag changes between the end of the order and the slowest applier
 */
export function groupAllowance(
  lag: number,
  { groupMax, lagStop }: Pick<RingSettings, 'groupMax' | 'lagStop'>,
): number {
  return Math.max(0, Math.min(groupMax, lagStop - lag));
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
