/** What the plan card shows, derived. */
import type { ClusterSnapshot } from '../../app/model/cluster.js';
import type { NodeName } from '../../app/model/ids.js';
import { replicates } from '../../app/model/node-state.js';
import { type Plan, type PlanStep, planFraction } from '../../app/model/plan.js';
import type { ConsoleState } from '../store/cluster-store.js';

/** The plan on the card: the one being proposed before the one that runs or ran. */
export const shownPlan = (state: ConsoleState): Plan | null => state.proposal ?? state.snapshot?.plan ?? null;

/** Whole percent of a plan that is done. */
export const planPercent = (plan: Plan): number => Math.floor(planFraction(plan) * 100);

/** Share of a step that is done, 0 to 1; null while it cannot be known. */
export function stepFraction(step: PlanStep): number | null {
  const progress = step.progress;
  if (!progress?.total) return null;
  return Math.min(1, Math.max(0, progress.done / progress.total));
}

/** How long a step has run or took, seconds; null before it starts. */
export function elapsedSeconds(
  timed: { readonly startedAtMs: number | null; readonly endedAtMs: number | null },
  nowMs: number,
): number | null {
  if (timed.startedAtMs === null) return null;
  return Math.max(0, ((timed.endedAtMs ?? nowMs) - timed.startedAtMs) / 1000);
}

/** Nodes that could give the data: those that replicate, the joiner left out. None when the plan needs no donor. */
export function possibleDonors(nodes: ClusterSnapshot['nodes'], plan: Plan): readonly NodeName[] {
  if (plan.donor === null) return [];
  return nodes.filter((node) => node.name !== plan.node && replicates(node.state)).map((node) => node.name);
}

/** The copy under way: who gives, who receives, and how much has arrived (0 to 1, null when not known). */
export interface CopyView {
  readonly donor: NodeName;
  readonly joiner: NodeName;
  readonly fraction: number | null;
}

export function runningCopy(plan: Plan | null): CopyView | null {
  if (plan?.state !== 'running') return null;
  const step = plan.steps.find((candidate) => candidate.state === 'running');
  if (step?.action.kind !== 'copy') return null;
  return { donor: step.action.donor, joiner: step.action.joiner, fraction: stepFraction(step) };
}
