/** What the executor of a step is given: the cluster, ways to report, and a stack of what to undo. */
import type { Log } from '../../base/log.js';
import type { NodeState } from '../../model/node-state.js';
import type { StepAction, StepKind, StepProgress } from '../../model/plan.js';
import type { Cluster } from '../cluster.js';
import type { CallOptions, ClusterNode } from '../node.js';
import type { RingKeeper } from '../ring-keeper.js';

/** What steps of one plan tell later steps. */
export interface PlanNotes {
  /** The donor's binlog state before the copy was taken. */
  donorBinlogState: string;
  /** Where the prepared copy stands. */
  copyPosition: string;
  /** The state that the donor goes back to. */
  donorStateBefore: NodeState | null;
  /** The joiner's own data stayed in place: its position is that of its own binlog. */
  ownData: boolean;
  /** Steps before the catch-up that only a full copy needs are skipped. */
  skipCopy: boolean;
  /** Is the plan about a whole copy only because the comparison may ask for it? */
  readonly mayCopy: boolean;
}

export interface StepContext {
  readonly cluster: Cluster;
  readonly ring: RingKeeper;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly notes: PlanNotes;
  /** Keeps how things stand over a restart. @throws RingmasterError `store.unwritable` */
  remember(): Promise<void>;
  /** Shows progress on the step that runs. */
  progress(progress: StepProgress): void;
  /** What a node is doing, on its glyph. */
  activity(node: ClusterNode, words: string | null): void;
  /** Remembers how to take back what this step did; run in reverse order when the plan fails or is stopped. */
  onUndo(what: string, undo: () => Promise<void>): void;
  /** Options for a peer call that reports to this step and stops with the plan. */
  readonly call: CallOptions;
}

/** Runs one step. Answers what came of it, in words. */
export type StepExecutor<Kind extends StepKind> = (
  action: Extract<StepAction, { kind: Kind }>,
  context: StepContext,
) => Promise<string | null>;
