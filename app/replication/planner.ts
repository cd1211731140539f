/** Makes the plan of a state change: the steps in order, what changes, and what the operator should know. Pure. */
import { formatBytes } from '../base/format.js';
import type { NodeView } from '../model/cluster.js';
import type { NodeName, PlanId } from '../model/ids.js';
import { joinsRing, replicates, type TargetState, type Transition } from '../model/node-state.js';
import type { JoinMethod, Plan, PlanEffect, StepAction } from '../model/plan.js';
import { type DonorChoice, donorCost } from './donor.js';
import { proposedPlan } from './proposed-plan.js';
import { failuresTolerated, neighbours, ringOf } from './ring-order.js';

/** Everything a plan is made from. */
export interface PlanFacts {
  readonly nodes: readonly NodeView[];
  readonly node: NodeView;
  readonly target: TargetState;
  readonly transition: Transition;
  /** For joins: the donor; undefined when the node starts the cluster or does not join. */
  readonly donor: DonorChoice | undefined;
  /** What is known of the node's data before its server runs. */
  readonly knowledge: JoinKnowledge;
  readonly id: PlanId;
  readonly nowMs: number;
  readonly askedBy: string;
}

/** `certain`: it stopped cleanly and we compared. `likely`: it must be compared once it has recovered from its crash. */
export interface JoinKnowledge {
  readonly method: JoinMethod;
  readonly certain: boolean;
  readonly why: string;
}

/** Copy rates seen on slow disks are the ones to promise. */
const promisedBytesPerSecond = 60_000_000;

/** The ordered acts of a transition. */
function planActions(facts: PlanFacts): StepAction[] {
  const { node, target } = facts;
  if (joinsRing(node.state, target)) return joinActions(facts);
  const aside: StepAction[] = target === 'maintenance' ? [{ kind: 'set-aside', node: node.name }] : [];
  if (!replicates(node.state)) return [{ kind: 'stop-server', node: node.name }, ...aside];
  if (target === 'active') return [{ kind: 'open-sessions', node: node.name }];
  const leave: StepAction[] = [];
  leave.push({ kind: 'drain', node: node.name });
  if (!replicates(target))
    leave.push({ kind: 'leave-ring', node: node.name }, { kind: 'stop-server', node: node.name });
  return [...leave, ...aside];
}

function joinActions(facts: PlanFacts): StepAction[] {
  const { node, donor, knowledge, target } = facts;
  const name = node.name;
  const open: StepAction[] = target === 'active' ? [{ kind: 'open-sessions', node: name }] : [];
  if (knowledge.method === 'first' || !donor) {
    return [{ kind: 'preflight', node: name, donor: null }, { kind: 'start-first', node: name }, ...open];
  }
  const configured = facts.nodes.map((each) => each.name);
  const members = facts.nodes.filter((each) => replicates(each.state)).map((each) => each.name);
  const place = neighbours(configured, members, name);
  const { predecessor, successor } = place ?? { predecessor: donor.name, successor: donor.name };
  const actions: StepAction[] = [{ kind: 'preflight', node: name, donor: donor.name }];
  if (knowledge.method === 'incremental') actions.push({ kind: 'compare', node: name, donor: predecessor });
  if (knowledge.method === 'snapshot' || !knowledge.certain) actions.push(...copyActions(name, donor));
  actions.push(
    { kind: 'catch-up', node: name, predecessor },
    { kind: 'verify', node: name, against: predecessor },
    { kind: 'enter-ring', node: name, predecessor, successor },
    ...open,
  );
  return actions;
}

function copyActions(joiner: NodeName, donor: DonorChoice): StepAction[] {
  const aside: StepAction[] = [];
  const back: StepAction[] = [];
  if (donor.aside) {
    aside.push({ kind: 'step-aside', donor: donor.name });
    back.push({ kind: 'donor-returns', donor: donor.name });
  }
  return [
    ...aside,
    { kind: 'copy', donor: donor.name, joiner, donorAside: donor.aside },
    ...back,
    { kind: 'prepare-copy', joiner },
    { kind: 'swap', joiner },
    { kind: 'start-copy', joiner, donor: donor.name },
  ];
}

/** Steps that only a snapshot needs; skipped when a comparison shows that incremental transfer is safe. */
export const snapshotOnly = new Set<StepAction['kind']>([
  'step-aside',
  'copy',
  'donor-returns',
  'prepare-copy',
  'swap',
  'start-copy',
]);

/** The whole plan, ready to be shown. */
export function makePlan(facts: PlanFacts): Plan {
  const { node, target, donor, knowledge } = facts;
  const joins = joinsRing(node.state, target);
  return proposedPlan({
    id: facts.id,
    act: { kind: 'move' },
    title: titleOf(facts),
    node: node.name,
    from: node.state,
    target,
    method: joins ? knowledge.method : null,
    donor: joins && donor ? { name: donor.name, why: donor.why } : null,
    danger: facts.transition.danger,
    actions: planActions(facts),
    effects: effectsOf(facts, joins),
    warnings: warningsOf(facts, joins),
    expectedSeconds: joins ? expectedSeconds(facts) : null,
    askedBy: facts.askedBy,
    createdAtMs: facts.nowMs,
    abortNote: joins ? abortNote(facts) : null,
  });
}

function titleOf({ node, target }: PlanFacts): string {
  if (target === 'active') return `Bring ${node.name} online`;
  if (target === 'offline') return `Take ${node.name} offline`;
  if (target === 'maintenance') return `Put ${node.name} into maintenance`;
  return replicates(node.state) ? `Put ${node.name} on standby` : `Bring ${node.name} to standby`;
}

function abortNote({ node, knowledge }: PlanFacts): string {
  if (knowledge.method === 'first') return `${node.name} is stopped again.`;
  return node.hasData
    ? `${node.name} keeps its old data until it is active.`
    : `${node.name} is empty again afterwards.`;
}

function expectedSeconds({ nodes, donor, knowledge }: PlanFacts): number {
  if (knowledge.method !== 'snapshot') return 5;
  const bytes = nodes.find((node) => node.name === donor?.name)?.dataBytes ?? 0;
  return Math.round(8 + (2 * bytes) / promisedBytesPerSecond);
}

const countWhere = (nodes: readonly NodeView[], test: (node: NodeView) => boolean) =>
  nodes.filter(test).length;

function effectsOf(facts: PlanFacts, joins: boolean): PlanEffect[] {
  const { nodes, node, target, donor, knowledge } = facts;
  const activeNow = countWhere(nodes, (each) => each.state === 'active');
  const activeAfter = activeNow + (target === 'active' ? 1 : 0) - (node.state === 'active' ? 1 : 0);
  const ringNow = ringOf(
    nodes.map((each) => each.name),
    nodes.filter((each) => replicates(each.state)).map((each) => each.name),
  ).length;
  const ringAfter = ringNow + (joins ? 1 : 0) - (replicates(node.state) && !replicates(target) ? 1 : 0);
  const effects: PlanEffect[] = [
    { label: 'Active nodes', now: `${activeNow}`, after: `${activeAfter}` },
    { label: 'Replicating nodes', now: `${ringNow}`, after: `${ringAfter}` },
    {
      label: 'Failures tolerated',
      now: `${failuresTolerated(ringNow)}`,
      after: `${failuresTolerated(ringAfter)}`,
    },
  ];
  if (joins && knowledge.method === 'snapshot' && donor) {
    const bytes = nodes.find((each) => each.name === donor.name)?.dataBytes;
    if (bytes) effects.push({ label: 'To copy', now: '', after: formatBytes(bytes) });
    const giver = nodes.find((each) => each.name === donor.name);
    if (giver) effects.push({ label: `${donor.name} now`, now: donorCost(giver), after: '' });
    const during =
      activeNow - (donor.aside && nodes.find((each) => each.name === donor.name)?.state === 'active' ? 1 : 0);
    effects.push({ label: 'Active while copying', now: '', after: `${during}` });
  }
  if (node.state === 'active' && target !== 'active') {
    effects.push({ label: 'Sessions moved', now: '', after: `${node.sample?.sessions ?? 0}` });
  }
  return effects;
}

function warningsOf(facts: PlanFacts, joins: boolean): string[] {
  const { node, target, donor, nodes, knowledge } = facts;
  const warnings: string[] = [];
  const othersActive = countWhere(nodes, (each) => each.state === 'active' && each.name !== node.name);
  if (node.state === 'active' && target === 'offline' && othersActive === 0) {
    warnings.push(
      `${node.name} is the only active node: applications lose the database until a node is brought online.`,
    );
  }
  if (joins && knowledge.method === 'snapshot') {
    if (node.hasData) warnings.push(`${node.name} gets a full copy because ${knowledge.why}.`);
    if (donor && !donor.aside)
      warnings.push(
        `${donor.name} is the only active node: it gives the copy while it serves, and slows down meanwhile.`,
      );
  }
  if (joins && knowledge.method === 'incremental' && !knowledge.certain) {
    warnings.push(
      `${node.name} did not stop cleanly: its data is compared first, and replaced by a full copy if it differs.`,
    );
  }
  return warnings;
}
