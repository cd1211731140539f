/** Makes a series: the order in which nodes take their turns, so that service and quorum stay throughout. Pure. */
import type { ClusterSnapshot, NodeView } from '../model/cluster.js';
import type { NodeName, SeriesId } from '../model/ids.js';
import { replicates, stateInWords } from '../model/node-state.js';
import type { PlanEffect } from '../model/plan.js';
import { type Prediction, predictRestart, predictTransition } from '../model/predictor.js';
import { listNames } from '../model/sentence.js';
import type { Series, SeriesAct } from '../model/series.js';
import { optionWords } from '../model/server-options.js';
import { failuresTolerated } from './ring-order.js';

export interface SeriesFacts {
  readonly snapshot: ClusterSnapshot;
  readonly nodes: readonly NodeName[];
  readonly act: SeriesAct;
  readonly id: SeriesId;
  readonly nowMs: number;
  readonly askedBy: string;
}

/** Why there is no such series; fits after "cannot be done:". */
export interface SeriesRefusal {
  readonly refused: NodeName | null;
  readonly reason: string;
  readonly remedy: string;
}

const predict = (snapshot: ClusterSnapshot, node: NodeName, act: SeriesAct): Prediction =>
  act.kind === 'restart' ? predictRestart(snapshot, node) : predictTransition(snapshot, node, act.target);

const activeIn = (nodes: readonly NodeView[]): number =>
  nodes.filter((node) => node.state === 'active').length;
const membersIn = (nodes: readonly NodeView[]): number =>
  nodes.filter((node) => replicates(node.state)).length;

/**
 * Who is first: of those that come, the ones that run already, so that they can give copies; of those that go or restart,
 * the ones that nobody would miss. Else in the order of the ring.
 */
function inOrder(nodes: readonly NodeView[], act: SeriesAct): NodeView[] {
  const cost = ({ state }: NodeView): number => {
    if (act.kind === 'move' && act.target === 'active') return replicates(state) ? 0 : 1;
    return state === 'active' ? 1 : 0;
  };
  return nodes.toSorted((one, other) => cost(one) - cost(other));
}

/** What the cluster is at its least while a node restarts, and at the end. */
interface Course {
  readonly leastActive: number;
  readonly leastTolerated: number;
  readonly after: readonly NodeView[];
}

/** Takes every turn in thought. */
function rehearse(
  snapshot: ClusterSnapshot,
  turns: readonly NodeView[],
  act: SeriesAct,
): Course | SeriesRefusal {
  let { nodes } = snapshot;
  let leastActive = activeIn(nodes);
  let leastTolerated = failuresTolerated(membersIn(nodes));
  for (const { name, state } of turns) {
    const prediction = predict({ ...snapshot, nodes }, name, act);
    if (!prediction.allowed) return { refused: name, reason: prediction.reason, remedy: prediction.remedy };
    const during = nodes.filter((node) => node.name !== name);
    if (act.kind === 'move')
      nodes = nodes.map((node) => (node.name === name ? { ...node, state: act.target } : node));
    const lowest = act.kind === 'restart' && replicates(state) ? during : nodes;
    leastActive = Math.min(leastActive, activeIn(lowest));
    leastTolerated = Math.min(leastTolerated, failuresTolerated(membersIn(lowest)));
  }
  if (activeIn(nodes) === 0)
    return {
      refused: null,
      reason: 'no node would take sessions any more',
      remedy: 'Leave one of them out; the last one can be taken offline by itself.',
    };
  return { leastActive, leastTolerated, after: nodes };
}

function titleOf(turns: readonly NodeView[], act: SeriesAct): string {
  const names = listNames(turns.map(({ name }) => name));
  const after = turns.length > 1 ? ', one after another' : '';
  if (act.kind === 'restart')
    return act.options ? `Change options of ${names} and restart${after}` : `Restart ${names}${after}`;
  const verbs = { active: 'Bring', standby: 'Put', offline: 'Take' } as const;
  const ends = { active: 'online', standby: 'on standby', offline: 'offline' } as const;
  return `${verbs[act.target]} ${names} ${ends[act.target]}${after}`;
}

function effectsOf(nodes: readonly NodeView[], course: Course, act: SeriesAct): PlanEffect[] {
  const tolerated = (each: readonly NodeView[]) => `${failuresTolerated(membersIn(each))}`;
  const options: PlanEffect[] =
    act.kind === 'restart' && act.options
      ? [{ label: 'Options', now: '', after: optionWords(act.options) }]
      : [];
  return [
    ...options,
    { label: 'Active nodes', now: `${activeIn(nodes)}`, after: `${activeIn(course.after)}` },
    { label: 'Active at the least', now: '', after: `${course.leastActive}` },
    { label: 'Failures tolerated', now: tolerated(nodes), after: tolerated(course.after) },
    { label: 'Tolerated at the least', now: '', after: `${course.leastTolerated}` },
  ];
}

/** The whole series, ready to be shown, or why it would not be safe. */
export function makeSeries(facts: SeriesFacts): Series | SeriesRefusal {
  const { snapshot, act, askedBy } = facts;
  const chosen = snapshot.nodes.filter(({ name }) => facts.nodes.includes(name));
  const stranger = facts.nodes.find((name) => !chosen.some((node) => node.name === name));
  if (stranger !== undefined || chosen.length === 0)
    return {
      refused: stranger ?? null,
      reason: stranger ? `there is no node ${stranger}` : 'no node is chosen',
      remedy: 'Choose among the nodes shown.',
    };
  // Who is there already has nothing to do.
  const turns = inOrder(
    chosen.filter(({ state }) => act.kind === 'restart' || state !== act.target),
    act,
  );
  if (turns.length === 0 && act.kind === 'move')
    return {
      refused: null,
      reason: `all of them are ${stateInWords(act.target)} already`,
      remedy: 'Nothing needs to be done.',
    };
  const course = rehearse(snapshot, turns, act);
  if ('reason' in course) return course;
  const falls = course.leastTolerated < failuresTolerated(membersIn(snapshot.nodes));
  return {
    id: facts.id,
    title: titleOf(turns, act),
    act,
    parts: turns.map(({ name, state }) => ({
      node: name,
      from: state,
      state: 'waiting',
      plan: null,
      words: null,
    })),
    danger: 'disruptive',
    effects: effectsOf(snapshot.nodes, course, act),
    warnings: falls && course.leastTolerated === 0 ? ['While a node is away, no other may fail.'] : [],
    askedBy,
    createdAtMs: facts.nowMs,
    startedAtMs: null,
    endedAtMs: null,
    state: 'proposed',
    error: null,
  };
}
