/** Plans that ran when their coordinator died: nobody runs them any more, and whoever looks is told what stands. */
import { RingmasterError } from '../base/errors.js';
import { replicates, stateInWords } from '../model/node-state.js';
import { isRunning, type Plan } from '../model/plan.js';
import type { Series } from '../model/series.js';
import type { Cluster } from './cluster.js';
import type { ClusterMemory } from './ports.js';

const cutOff = (): RingmasterError => new RingmasterError('plan.interrupted');

function interruptedPlan(plan: Plan, nowMs: number): Plan {
  const error = cutOff().view();
  return {
    ...plan,
    state: 'failed',
    endedAtMs: nowMs,
    error,
    steps: plan.steps.map((step) =>
      step.state === 'running' ? { ...step, state: 'failed', endedAtMs: nowMs, error } : step,
    ),
  };
}

const interruptedSeries = (series: Series, nowMs: number): Series => ({
  ...series,
  state: 'failed',
  endedAtMs: nowMs,
  error: cutOff().view(),
  parts: series.parts.map((part) => {
    if (part.state === 'running') return { ...part, state: 'failed', words: 'the console ended meanwhile' };
    return part.state === 'waiting' ? { ...part, state: 'skipped' } : part;
  }),
});

/** Takes up what was remembered of plans that ran. */
export function recallPlans(cluster: Cluster, { plan, series }: ClusterMemory): void {
  const nowMs = cluster.clock.wallMs();
  if (plan && isRunning(plan)) cluster.plan = interruptedPlan(plan, nowMs);
  if (series && isRunning(series)) cluster.series = interruptedSeries(series, nowMs);
}

/**
 * After the start: every node goes to where the plan was bringing it, as far as starting servers does that. One that got
 * no data, or only half of it, has failed: recovery or an operator brings it back.
 */
export function sayWhatStands(cluster: Cluster, { plan }: ClusterMemory): void {
  for (const node of cluster.nodes) {
    if (node.state !== 'offline' || !replicates(node.wanted)) continue;
    node.state = 'failed';
    node.reason = 'the console ended while it was brought online';
  }
  if (!plan || !isRunning(plan)) return;
  const node = cluster.nodes.find(({ name }) => name === plan.node);
  if (!node) return;
  const arrived = node.state === plan.target;
  cluster.say({
    kind: 'plan',
    severity: arrived ? 'info' : 'warning',
    node: node.name,
    text: `${plan.title}: cut off when the console ended; ${node.name} is ${stateInWords(node.state)} now`,
    mark: false,
  });
}
