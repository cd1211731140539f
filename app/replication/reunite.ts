/** Makes the plan that forms the ring again when it has no quorum: everybody who failed is started, and all agree. Pure. */
import type { NodeView } from '../model/cluster.js';
import type { NodeName, PlanId } from '../model/ids.js';
import { replicates, type TargetState } from '../model/node-state.js';
import type { Plan, StepAction } from '../model/plan.js';
import { listNames } from '../model/sentence.js';
import { proposedPlan } from './proposed-plan.js';
import { failuresTolerated } from './ring-order.js';

export interface ReuniteFacts {
  readonly nodes: readonly NodeView[];
  /** The one that the operator asked for. */
  readonly node: NodeView;
  readonly target: TargetState;
  /** Others that failed and can be started with it. */
  readonly others: readonly NodeName[];
  readonly id: PlanId;
  readonly nowMs: number;
  readonly askedBy: string;
}

/** Crash recovery of several servers at the same time. */
const expectedReunionSeconds = 15;

/** Where a node stands, for the comparison that people make. */
const standsAt = (node: NodeView): string => node.position ?? (node.hasData ? 'unknown' : 'no data');

/**
 * The whole plan, ready to be shown. Who holds the most is found out by the peers once all servers answer: what a crashed
 * node last told is only what is shown.
 */
export function makeReunitePlan(facts: ReuniteFacts): Plan {
  const { nodes, node, target, others } = facts;
  const started = [node.name, ...others];
  const waiting = nodes.filter((each) => replicates(each.state)).map((each) => each.name);
  const members = nodes
    .map((each) => each.name)
    .filter((name) => started.includes(name) || waiting.includes(name));
  const actions: StepAction[] = [
    ...started.map((name): StepAction => ({ kind: 'start-again', node: name })),
    { kind: 'form-ring', node: node.name, members },
  ];
  const stand = waiting.length > 0 ? `${listNames(waiting)} waits for a majority` : 'no node is running';
  return proposedPlan({
    id: facts.id,
    act: { kind: 'reunite', others },
    title: started.length > 1 ? `Bring ${listNames(started)} online together` : `Bring ${node.name} online`,
    node: node.name,
    from: node.state,
    target,
    danger: 'disruptive',
    actions,
    effects: [
      { label: 'Nodes that commit', now: '0', after: `${members.length}` },
      { label: 'Failures tolerated', now: '0', after: `${failuresTolerated(members.length)}` },
      ...nodes
        .filter((each) => members.includes(each.name))
        .map((each) => ({ label: `${each.name} stands at`, now: standsAt(each), after: '' })),
    ],
    warnings: [
      `The ring has no quorum: ${stand}. Whoever holds the latest changes gives them to the others; none that was acknowledged is lost.`,
    ],
    expectedSeconds: expectedReunionSeconds,
    askedBy: facts.askedBy,
    createdAtMs: facts.nowMs,
    abortNote: 'The servers that were started are stopped again.',
  });
}
