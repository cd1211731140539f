/** The one answer to "may this node go there, and if not, why". Menu, keyboard, coordinator and tests all ask here. */
import type { ClusterSnapshot, NodeView } from './cluster.js';
import { findNode } from './cluster.js';
import { sequenceOf } from './gtid.js';
import type { NodeName } from './ids.js';
import {
  findTransition,
  joinsRing,
  replicates,
  stateInWords,
  type TargetState,
  type Transition,
  targetStates,
} from './node-state.js';
import { isRunning } from './plan.js';

export type Prediction =
  | { readonly allowed: true; readonly transition: Transition }
  | { readonly allowed: false; readonly reason: string; readonly remedy: string };

type Facts = Pick<ClusterSnapshot, 'nodes' | 'plan' | 'startingUp'>;

const refuse = (reason: string, remedy: string): Prediction => ({ allowed: false, reason, remedy });

/** Nodes that hold a place in the ring now. */
const ringMembers = (facts: Facts): readonly NodeView[] =>
  facts.nodes.filter((node) => replicates(node.state));

/**
 * With nobody replicating, only the node with the most advanced data may start: another would lose changes.
 * Nodes without a known position have no data.
 */
function firstStarter(facts: Facts, node: NodeView): Prediction | undefined {
  if (ringMembers(facts).length > 0) return undefined;
  const mine = node.position === null ? -1 : sequenceOf(node.position);
  const ahead = facts.nodes.find(
    (other) => other.name !== node.name && other.position !== null && sequenceOf(other.position) > mine,
  );
  if (!ahead) return undefined;
  const missing =
    node.position === null
      ? 'has no data yet'
      : `lacks ${sequenceOf(ahead.position ?? '') - mine} changes that ${ahead.name} has`;
  return refuse(`no node is running and ${node.name} ${missing}`, `Bring ${ahead.name} online first.`);
}

/**
 * May `name` go to `target`?
 * @returns the transition, or why not and what to do about it; both fit after "db1 cannot go …:".
 */
export function predictTransition(facts: Facts, name: NodeName, target: TargetState): Prediction {
  const node = findNode(facts, name);
  if (!node) return refuse(`there is no node ${name}`, 'Choose one of the nodes shown.');
  if (facts.startingUp !== null) return refuse('the cluster is still starting', 'Wait until it has started.');
  if (facts.plan && isRunning(facts.plan))
    return refuse(`another plan is running: ${facts.plan.title}`, 'Wait until it ends, or stop it.');
  if (node.state === target)
    return refuse(`${name} is ${stateInWords(target)} already`, 'Nothing needs to be done.');
  const transition = findTransition(node.state, target);
  if (!transition)
    return refuse(
      `a node that is ${stateInWords(node.state)} cannot become ${target} directly`,
      'Choose another state first.',
    );
  // Offline may end the service, with a warning; these two promise that it goes on elsewhere.
  if ((target === 'standby' || target === 'maintenance') && node.state === 'active') {
    const others = facts.nodes.filter((other) => other.state === 'active' && other.name !== name);
    if (others.length === 0)
      return refuse(
        `${name} is the only active node and sessions would have nowhere to go`,
        'Bring another node online first.',
      );
  }
  if (target === 'standby' && joinsRing(node.state, target) && ringMembers(facts).length === 0) {
    return refuse('no node is active to follow', 'Bring a node online first.');
  }
  if (target === 'active' && joinsRing(node.state, target)) {
    const refused = firstStarter(facts, node);
    if (refused) return refused;
  }
  return { allowed: true, transition };
}

/** All targets of a node with the prediction for each, in menu order. */
export function predictAll(
  facts: Facts,
  name: NodeName,
): readonly { target: TargetState; prediction: Prediction }[] {
  return targetStates.map((target) => ({ target, prediction: predictTransition(facts, name, target) }));
}
