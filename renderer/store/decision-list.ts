/** The latest decisions of where sessions went, and how the list of them grows. */
import type { ErrorView } from '../../app/base/errors.js';
import type { NodeName } from '../../app/model/ids.js';
import type { Decision, DecisionPage } from '../../app/model/routing.js';

/** Decisions that the list holds at most. */
export const decisionsShown = 50;

export interface DecisionFilter {
  /** Only sessions that this node got; null for all. */
  readonly node: NodeName | null;
  /** Only sessions whose address has this in it. */
  readonly session: string;
}

/** Every decision fits. */
export const everyDecision: DecisionFilter = { node: null, session: '' };

export interface DecisionList {
  /** Newest first. */
  readonly entries: readonly Decision[];
  /** The filter that they fit. */
  readonly filter: DecisionFilter;
  /** The number up to which is known what there was. */
  readonly last: number;
  readonly beganAtMs: number;
  /** Why they could not be read the last time. */
  readonly error: ErrorView | null;
}

/**
 * The list after a page of what came since. Entries keep their identity, so that only new rows are drawn.
 * @returns null when the page counts from another beginning: the list must be read anew
 */
export function grown(
  known: DecisionList | null,
  filter: DecisionFilter,
  page: DecisionPage,
): DecisionList | null {
  if (known && known.beganAtMs !== page.beganAtMs) return null;
  const before = known?.entries ?? [];
  const entries =
    known && page.decisions.length === 0 ? before : [...page.decisions, ...before].slice(0, decisionsShown);
  return { entries, filter, last: page.last, beganAtMs: page.beganAtMs, error: null };
}
