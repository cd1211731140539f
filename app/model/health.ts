/**
 * What is wrong now, and what one failure would break: two tables of the same form. Each entry has a code, a priority,
 * the operator's words, what to do, and a pure test of the snapshot. Windows and the command line show the same list.
 */
import type { ClusterSnapshot } from './cluster.js';
import type { Entry, Finding, Severity } from './health/finding.js';
import { problems } from './health/problems.js';
import { weakPoints } from './health/weak-points.js';

const table: readonly Entry[] = [...problems, ...weakPoints];

const rank: Readonly<Record<Severity, number>> = { bad: 0, warning: 1, note: 2 };

/**
 * Everything that is wrong or weak, most urgent first; of equal urgency in the order of the tables.
 * @param nowMs wall clock
 */
export function findingsOf(facts: ClusterSnapshot, nowMs: number): readonly Finding[] {
  return table
    .flatMap(({ code, kind, severity, match }) =>
      match(facts, nowMs).map((each): Finding => ({ severity, ...each, code, kind })),
    )
    .map((finding, place) => ({ finding, place }))
    .sort(
      (one, other) => rank[one.finding.severity] - rank[other.finding.severity] || one.place - other.place,
    )
    .map(({ finding }) => finding);
}
