/** What a line of the list of problems and weak points consists of, and the small words that both tables use. */
import type { ClusterSnapshot, NodeView } from '../cluster.js';
import type { NodeName } from '../ids.js';
import { replicates, type TargetState } from '../node-state.js';
import { isRunning } from '../plan.js';

/** `bad`: act now. `warning`: act today. `note`: as it is meant to be, and good to know. */
export type Severity = 'bad' | 'warning' | 'note';

/** One line of the list. */
export interface Finding {
  readonly code: string;
  /** Something is wrong now, or one failure would make it so. */
  readonly kind: 'problem' | 'weak-point';
  readonly severity: Severity;
  readonly node: NodeName | null;
  /** One sentence. */
  readonly words: string;
  readonly remedy: string;
  /** The state change that mends it, where there is one: its plan is shown before anything happens. */
  readonly command: { readonly node: NodeName; readonly target: TargetState } | null;
}

/** What an entry's test answers: the rest of the line stands in the table. */
export type Found = Omit<Finding, 'code' | 'kind' | 'severity'> & { readonly severity?: Severity };

/** One kind of thing that can be wrong or weak. */
export interface Entry {
  readonly code: string;
  readonly kind: Finding['kind'];
  readonly severity: Severity;
  readonly match: (facts: ClusterSnapshot, nowMs: number) => readonly Found[];
}

/** A line about the whole cluster, or one node. */
export const found = (words: string, remedy: string, node: NodeName | null = null): Found => ({
  node,
  words,
  remedy,
  command: null,
});
/** A line about this node. */
export const foundAt = (node: NodeView, words: string, remedy: string): Found =>
  found(words, remedy, node.name);
/** With the state change that mends it. */
export const mend = (finding: Found, node: NodeView, target: TargetState = 'active'): Found => ({
  ...finding,
  command: { node: node.name, target },
});

/** Nodes that replicate. */
export const members = ({ nodes }: ClusterSnapshot): readonly NodeView[] =>
  nodes.filter((node) => replicates(node.state));
/** Is something under way that explains what is missing for a moment? */
export const unsettled = (facts: ClusterSnapshot): boolean =>
  facts.startingUp !== null || (facts.plan !== null && isRunning(facts.plan));

/** Free space below which a server may stop soon, as a share of the whole. */
export const diskBadShare = 0.03;
