/** Makes the plan of a restart: a node leaves in order, its server starts anew, perhaps with other options, and it is back. Pure. */
import type { NodeView } from '../model/cluster.js';
import type { PlanId } from '../model/ids.js';
import { replicates, type TargetState } from '../model/node-state.js';
import type { Plan, StepAction } from '../model/plan.js';
import { optionWords, type ServerOptions } from '../model/server-options.js';
import { proposedPlan } from './proposed-plan.js';
import { failuresTolerated, neighbours } from './ring-order.js';

export interface RestartFacts {
  readonly nodes: readonly NodeView[];
  /** Active or on standby. */
  readonly node: NodeView;
  /** What its server starts with from then on; null when it is only restarted. */
  readonly options: ServerOptions | null;
  readonly id: PlanId;
  readonly nowMs: number;
  readonly askedBy: string;
}

/** A clean stop, a start without recovery, and what was missed meanwhile. */
const expectedRestartSeconds = 8;

function restartActions({ nodes, node, options }: RestartFacts): StepAction[] {
  const { name, state } = node;
  const members = nodes.filter((each) => replicates(each.state)).map((each) => each.name);
  const place = neighbours(
    nodes.map((each) => each.name),
    members,
    name,
  );
  const predecessor = place?.predecessor ?? name;
  // Whether the servers know these options is asked while this one still runs: a refusal costs nothing.
  const configure: StepAction[] = options ? [{ kind: 'configure', node: name, options }] : [];
  const drain: StepAction[] = state === 'active' ? [{ kind: 'drain', node: name }] : [];
  const open: StepAction[] = state === 'active' ? [{ kind: 'open-sessions', node: name }] : [];
  return [
    ...configure,
    ...drain,
    { kind: 'leave-ring', node: name },
    { kind: 'stop-server', node: name },
    // It stopped cleanly and its history is compared: no reason to read all its tables.
    { kind: 'compare', node: name, donor: predecessor },
    { kind: 'catch-up', node: name, predecessor },
    { kind: 'enter-ring', node: name, predecessor, successor: place?.successor ?? name },
    ...open,
  ];
}

/** The whole plan, ready to be shown. The node ends in the state in which it began. */
export function makeRestartPlan(facts: RestartFacts): Plan {
  const { nodes, node, options } = facts;
  const active = nodes.filter((each) => each.state === 'active').length;
  const members = nodes.filter((each) => replicates(each.state)).length;
  const activeMeanwhile = active - (node.state === 'active' ? 1 : 0);
  const meanwhile = failuresTolerated(members - 1);
  return proposedPlan({
    id: facts.id,
    act: { kind: 'restart', options },
    title: options ? `Change options of ${node.name} and restart it` : `Restart ${node.name}`,
    node: node.name,
    from: node.state,
    target: node.state as TargetState,
    danger: 'disruptive',
    actions: restartActions(facts),
    effects: [
      ...(options ? [{ label: 'Options', now: '', after: optionWords(options) }] : []),
      { label: 'Active meanwhile', now: `${active}`, after: `${activeMeanwhile}` },
      {
        label: 'Failures tolerated meanwhile',
        now: `${failuresTolerated(members)}`,
        after: `${meanwhile}`,
      },
      ...(node.state === 'active'
        ? [{ label: 'Sessions moved', now: '', after: `${node.sample?.sessions ?? 0}` }]
        : []),
    ],
    warnings:
      meanwhile === 0 && failuresTolerated(members) > 0
        ? [`Until ${node.name} is back, no other node may fail.`]
        : [],
    expectedSeconds: expectedRestartSeconds,
    askedBy: facts.askedBy,
    createdAtMs: facts.nowMs,
    abortNote: `${node.name} is brought back as soon as it can be.`,
  });
}
