/** What the plan card shows, derived. */
import type { ClusterSnapshot } from '../../app/model/cluster.js';
import type { NodeName } from '../../app/model/ids.js';
import { replicates } from '../../app/model/node-state.js';
import { isRunning, type Plan } from '../../app/model/plan.js';
import { stepFraction } from '../../app/model/plan-words.js';
import type { Series } from '../../app/model/series.js';
import type { ConsoleState } from '../store/cluster-store.js';

/** The plan on the card: the one being proposed before the one that runs or ran. */
export const shownPlan = (state: ConsoleState): Plan | null => state.proposal ?? state.snapshot?.plan ?? null;

/** The series on the card: hidden by a plan that is being proposed, and by one that came later. */
export function shownSeries({ proposal, seriesProposal, snapshot }: ConsoleState): Series | null {
  if (proposal) return null;
  if (seriesProposal) return seriesProposal;
  const { series, plan } = snapshot ?? { series: null, plan: null };
  if (!series) return null;
  const later =
    plan && plan.createdAtMs > series.createdAtMs && !series.parts.some(({ plan: id }) => id === plan.id);
  return !later || isRunning(series) ? series : null;
}

/** Nodes that could give the data: those that replicate, the joiner left out. None when the plan needs no donor. */
export function possibleDonors(nodes: ClusterSnapshot['nodes'], plan: Plan): readonly NodeName[] {
  if (plan.donor === null) return [];
  return nodes
    .filter((node) => node.name !== plan.node && replicates(node.state) && node.needsCopy === null)
    .map((node) => node.name);
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
