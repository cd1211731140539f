/** A plan: the ordered steps of a state change as data. Shown before it runs, live while it runs, audit after. */
import type { ErrorView } from '../base/errors.js';
import type { NodeName, PlanId } from './ids.js';
import type { Maintenance } from './maintenance.js';
import type { Danger, NodeState, TargetState } from './node-state.js';
import type { ServerOptions } from './server-options.js';

/** What a step does. The coordinator has one executor for each kind; the parameters are all it is told. */
export type StepAction =
  | { readonly kind: 'preflight'; readonly node: NodeName; readonly donor: NodeName | null }
  | { readonly kind: 'start-first'; readonly node: NodeName }
  | { readonly kind: 'compare'; readonly node: NodeName; readonly donor: NodeName }
  | { readonly kind: 'start-copy'; readonly joiner: NodeName; readonly donor: NodeName }
  | { readonly kind: 'drain'; readonly node: NodeName }
  | { readonly kind: 'step-aside'; readonly donor: NodeName }
  | {
      readonly kind: 'copy';
      readonly donor: NodeName;
      readonly joiner: NodeName;
      readonly donorAside: boolean;
    }
  | { readonly kind: 'prepare-copy'; readonly joiner: NodeName }
  | { readonly kind: 'swap'; readonly joiner: NodeName }
  | { readonly kind: 'catch-up'; readonly node: NodeName; readonly predecessor: NodeName }
  | { readonly kind: 'donor-returns'; readonly donor: NodeName }
  | {
      readonly kind: 'enter-ring';
      readonly node: NodeName;
      readonly predecessor: NodeName;
      readonly successor: NodeName;
    }
  | { readonly kind: 'leave-ring'; readonly node: NodeName }
  | { readonly kind: 'verify'; readonly node: NodeName; readonly against: NodeName }
  | { readonly kind: 'open-sessions'; readonly node: NodeName }
  | { readonly kind: 'stop-server'; readonly node: NodeName }
  | { readonly kind: 'set-aside'; readonly node: NodeName }
  | { readonly kind: 'configure'; readonly node: NodeName; readonly options: ServerOptions }
  | { readonly kind: 'start-again'; readonly node: NodeName }
  | { readonly kind: 'form-ring'; readonly node: NodeName; readonly members: readonly NodeName[] };

export type StepKind = StepAction['kind'];

/** What moves while a step runs. */
export interface StepProgress {
  readonly done: number;
  /** Null while it cannot be known. */
  readonly total: number | null;
  readonly unit: 'bytes' | 'changes' | 'sessions' | 'tables' | 'ranges';
  readonly perSecond: number | null;
  /** Seconds until this step ends; null while it cannot be known. */
  readonly etaSeconds: number | null;
}

export type StepState = 'waiting' | 'running' | 'done' | 'failed' | 'skipped' | 'undone';

export interface PlanStep {
  readonly action: StepAction;
  /** What an operator reads: "db2 steps aside". */
  readonly title: string;
  /** Why, or what exactly, in one sentence. */
  readonly detail: string;
  readonly state: StepState;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly progress: StepProgress | null;
  /** What came of it: "1.28 GB in 11 s". */
  readonly outcome: string | null;
  readonly error: ErrorView | null;
}

/** A step that has not begun. */
export const waitingStep = (
  action: StepAction,
  { title, detail }: Pick<PlanStep, 'title' | 'detail'>,
): PlanStep => ({
  action,
  title,
  detail,
  state: 'waiting',
  startedAtMs: null,
  endedAtMs: null,
  progress: null,
  outcome: null,
  error: null,
});

/** One line of "now and after". */
export interface PlanEffect {
  readonly label: string;
  readonly now: string;
  readonly after: string;
}

export type PlanState = 'proposed' | 'running' | 'aborting' | 'done' | 'failed' | 'aborted';

/** How a joiner gets the data. */
export type JoinMethod = 'first' | 'incremental' | 'snapshot';

/**
 * What a plan is for: a change of one node's state; a restart that ends in the state in which it began; or the ring that
 * has no quorum, formed again by everybody who can be started.
 */
export type PlanAct =
  | { readonly kind: 'move' }
  | { readonly kind: 'restart'; readonly options: ServerOptions | null }
  | { readonly kind: 'reunite'; readonly others: readonly NodeName[] };

export interface Plan {
  readonly id: PlanId;
  readonly act: PlanAct;
  /** "Bring db3 online". */
  readonly title: string;
  readonly node: NodeName;
  readonly from: NodeState;
  readonly target: TargetState;
  readonly method: JoinMethod | null;
  /** Which donor and why: "db2, least loaded of 2". */
  readonly donor: { readonly name: NodeName; readonly why: string } | null;
  /** What a node goes into maintenance for; null before it is confirmed, and for every other target. */
  readonly maintenance: Maintenance | null;
  readonly danger: Danger;
  readonly steps: readonly PlanStep[];
  readonly effects: readonly PlanEffect[];
  /** What the operator should know before confirming. */
  readonly warnings: readonly string[];
  readonly expectedSeconds: number | null;
  readonly askedBy: string;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly state: PlanState;
  /** Can it be stopped right now without harm? Said to the operator beside the button. */
  readonly abortNote: string | null;
  readonly error: ErrorView | null;
}

/** Has it ended, one way or the other? */
export const hasEnded = (plan: Pick<Plan, 'state'>): boolean =>
  plan.state === 'done' || plan.state === 'failed' || plan.state === 'aborted';

/** Is it changing the cluster now? */
export const isRunning = (plan: Pick<Plan, 'state'>): boolean =>
  plan.state === 'running' || plan.state === 'aborting';

/** Share of a plan that is done, 0 to 1: steps count alike, the running one by its own progress. */
export function planFraction(plan: Plan): number {
  if (plan.steps.length === 0) return 1;
  const done = plan.steps.reduce((sum, step) => {
    if (step.state === 'done' || step.state === 'skipped') return sum + 1;
    if (step.state === 'running' && step.progress?.total)
      return sum + Math.min(1, step.progress.done / step.progress.total);
    return sum;
  }, 0);
  return done / plan.steps.length;
}
