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
import { underWay } from './series.js';

export type Prediction =
  | { readonly allowed: true; readonly transition: Transition }
  | { readonly allowed: false; readonly reason: string; readonly remedy: string };

type Facts = Pick<ClusterSnapshot, 'nodes' | 'plan' | 'series' | 'startingUp' | 'token'>;

const refuse = (reason: string, remedy: string): Prediction => ({ allowed: false, reason, remedy });

/** Nodes that hold a place in the ring now. */
const ringMembers = (facts: Facts): readonly NodeView[] =>
  facts.nodes.filter((node) => replicates(node.state));

/** Nodes that failed and still hold data: a ring that lost its quorum needs them. */
const failedWithData = (facts: Facts): readonly NodeView[] =>
  facts.nodes.filter((node) => node.state === 'failed' && node.hasData);

/** Is the ring without a majority, so that nothing commits? Members wait for those that failed, or all of them failed. */
export function lacksQuorum(facts: Pick<Facts, 'nodes' | 'token'>): boolean {
  const members = facts.nodes.filter((node) => replicates(node.state));
  if (members.length > 0) return facts.token === null;
  return facts.nodes.some((node) => node.state === 'failed' && node.hasData);
}

/** What any change has to wait for. */
function busy(facts: Facts): Prediction | undefined {
  if (facts.startingUp !== null) return refuse('the cluster is still starting', 'Wait until it has started.');
  const other = underWay(facts);
  return other
    ? refuse(
        `another plan is running: ${other.title} (asked for by ${other.askedBy})`,
        'Wait until it ends, or stop it.',
      )
    : undefined;
}

/** Who joins a ring without a quorum has nobody to follow; those that failed bring it back themselves. */
function quorumFirst(facts: Facts, node: NodeView): Prediction | undefined {
  const failed = failedWithData(facts);
  if (node.state === 'failed' || ringMembers(facts).length === 0 || failed.length === 0) return undefined;
  return lacksQuorum(facts)
    ? refuse('the ring has no quorum', `Bring ${failed.map(({ name }) => name).join(' or ')} online first.`)
    : undefined;
}

/**
 * With nobody replicating, only the node with the most advanced data may start: another would lose changes.
 * Nodes without a known position have no data. Those that failed start together and settle it among themselves.
 */
function firstStarter(facts: Facts, node: NodeView): Prediction | undefined {
  if (ringMembers(facts).length > 0 || node.state === 'failed') return undefined;
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
  const waits = busy(facts);
  if (waits) return waits;
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
  if (joinsRing(node.state, target)) {
    const refused = quorumFirst(facts, node);
    if (refused) return refused;
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

/** May `name` be restarted? @returns the transition to the state that it has, or why not and what to do about it */
export function predictRestart(facts: Facts, name: NodeName): Prediction {
  const node = findNode(facts, name);
  if (!node) return refuse(`there is no node ${name}`, 'Choose one of the nodes shown.');
  const waits = busy(facts);
  if (waits) return waits;
  if (node.state !== 'active' && node.state !== 'standby')
    return refuse(`${name} is ${stateInWords(node.state)} and does not run`, 'Bring it online instead.');
  if (lacksQuorum(facts))
    return refuse('the ring has no quorum', 'Bring the nodes that failed online first.');
  const others = facts.nodes.filter((other) => other.state === 'active' && other.name !== name);
  if (others.length === 0)
    return refuse(`without ${name} no node would take sessions`, 'Bring another node online first.');
  return {
    allowed: true,
    transition: { from: node.state, to: node.state, verb: 'Restart', danger: 'disruptive' },
  };
}

/** All targets of a node with the prediction for each, in menu order. */
export function predictAll(
  facts: Facts,
  name: NodeName,
): readonly { target: TargetState; prediction: Prediction }[] {
  return targetStates.map((target) => ({ target, prediction: predictTransition(facts, name, target) }));
}
