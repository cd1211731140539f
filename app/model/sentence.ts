/** What is going on and why, in one calm sentence for the top of the console. */
import { countOf, formatCount, formatSeconds } from '../base/format.js';
import type { ClusterSnapshot, NodeView } from './cluster.js';
import { openDrift } from './drift.js';
import { sequenceOf } from './gtid.js';
import type { NodeName } from './ids.js';
import { joinsRing, type NodeState, replicates, type TargetState } from './node-state.js';
import { isRunning, type Plan, type PlanStep } from './plan.js';

/** How the sentence should feel: all is well, something is under way, look here, or act now. */
export type SentenceTone = 'good' | 'busy' | 'warning' | 'bad';

export interface Sentence {
  readonly text: string;
  readonly tone: SentenceTone;
  /** Stays the same while only numbers move, so that a screen reader is told of news and not of every second. */
  readonly topic: string;
}

type Facts = Pick<
  ClusterSnapshot,
  | 'nodes'
  | 'plan'
  | 'series'
  | 'startingUp'
  | 'problem'
  | 'frontEnd'
  | 'load'
  | 'token'
  | 'recovery'
  | 'verification'
>;

/** How many nodes a ring of `members` can lose and still commit: a majority must remain. */
export const failuresTolerated = (members: number): number => Math.max(0, Math.floor((members - 1) / 2));

/** How many sessions applications hold: the front end counts them; where there is none, the nodes do. Null: unknown. */
export function sessionsInAll(facts: Pick<ClusterSnapshot, 'nodes' | 'frontEnd'>): number | null {
  if (facts.frontEnd) return facts.frontEnd.sessions;
  const counted = facts.nodes.flatMap((node) => node.sample?.sessions ?? []);
  return counted.length === 0 ? null : counted.reduce((sum, sessions) => sum + sessions, 0);
}

/** ["db1"] -> "db1"; ["db1", "db2", "db3"] -> "db1, db2 and db3". More than three are counted. */
export function listNames(names: readonly NodeName[]): string {
  if (names.length > 3) return `${names.length} nodes`;
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

const namesIn = (nodes: readonly NodeView[], ...states: readonly NodeState[]): readonly NodeName[] =>
  nodes.filter((node) => states.includes(node.state)).map((node) => node.name);

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const uncapitalised = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

const isOrAre = (names: readonly NodeName[]): string => (names.length === 1 ? 'is' : 'are');

/** "tolerates one failure", "no failure tolerated". */
export const tolerance = (failures: number): string =>
  failures === 0 ? 'no failure tolerated' : `tolerates ${countOf(failures, 'failure')}`;

const membersOf = (nodes: readonly NodeView[]): number =>
  nodes.filter((node) => replicates(node.state)).length;

/** "copy 64 %, 41 s left", "812 changes to apply", "db2 steps aside". */
function stepWords(step: PlanStep): string {
  const progress = step.progress;
  if (!progress) return uncapitalised(step.title);
  const left = progress.etaSeconds === null ? '' : `, ${formatSeconds(progress.etaSeconds)} left`;
  const share = progress.total
    ? `${Math.floor(Math.min(1, progress.done / progress.total) * 100)} %`
    : undefined;
  switch (step.action.kind) {
    case 'copy':
      return `copy${share ? ` ${share}` : ' running'}${left}`;
    case 'catch-up':
      return progress.total === null
        ? `catching up${left}`
        : `${countOf(Math.max(0, progress.total - progress.done), 'change')} to apply${left}`;
    default:
      return `${uncapitalised(step.title)}${share ? ` ${share}` : ''}${left}`;
  }
}

const purposes: Readonly<Record<TargetState, string>> = {
  active: 'is coming online',
  standby: 'is going to standby',
  maintenance: 'is going into maintenance',
  offline: 'is going offline',
};

function doingWords({ act, from, target, method, node }: Plan): string {
  if (act.kind === 'restart') return `${node} is restarting`;
  if (act.kind === 'reunite') return `${listNames([node, ...act.others])} form the ring again`;
  const joins = joinsRing(from, target);
  return `${node} ${joins && method !== 'first' ? 'is joining' : purposes[target]}`;
}

/** "2 of 3: " while a series goes on. */
function turnWords({ series }: Facts): string {
  if (!series || !isRunning(series) || series.parts.length < 2) return '';
  const turn = series.parts.findIndex(({ state }) => state === 'running');
  return `${turn < 0 ? series.parts.length : turn + 1} of ${series.parts.length}: `;
}

/** Between two plans of a series: what it waits for. */
function seriesSentence(facts: Facts): Sentence | null {
  const { series } = facts;
  if (!series || !isRunning(series)) return null;
  const part = series.parts.find(({ state }) => state === 'running');
  const words = part?.words ? `: ${part.words}` : '';
  const next = part ? `${part.node} is next${words}` : series.title;
  return { text: `${turnWords(facts)}${next}.`, tone: 'busy', topic: `${series.id}:${part?.node ?? ''}` };
}

function planSentence(facts: Facts, plan: Plan): Sentence {
  const step = plan.steps.find((candidate) => candidate.state === 'running');
  const now = failuresTolerated(membersOf(facts.nodes));
  if (plan.state === 'aborting') {
    const note = plan.abortNote === null ? '' : ` ${plan.abortNote}`;
    return {
      text: `Stopping: ${uncapitalised(plan.title)}.${note}`,
      tone: 'busy',
      topic: `${plan.id}:aborting`,
    };
  }
  const joins = joinsRing(plan.from, plan.target);
  const doing = doingWords(plan);
  const progress = step ? `: ${stepWords(step)}` : '';
  const until = now === 0 ? 'No failure tolerated until then.' : `The cluster ${tolerance(now)} meanwhile.`;
  const after = joins ? until : now === 0 ? 'No failure tolerated.' : `The cluster ${tolerance(now)}.`;
  return {
    text: `${turnWords(facts)}${doing}${progress}. ${after}`,
    tone: 'busy',
    topic: `${plan.id}:${step?.action.kind ?? plan.state}`,
  };
}

/** Who goes on while others are away on no one's wish. */
function failedSentence(nodes: readonly NodeView[], failed: readonly NodeView[]): string {
  const active = namesIn(nodes, 'active');
  const first = failed[0];
  const names = failed.map((node) => node.name);
  const reason = failed.length === 1 && first?.reason ? `: ${first.reason}` : '';
  const opening = `${listNames(names)} failed${reason}.`;
  if (active.length === 0) return `${opening} No node takes sessions.`;
  if (active.length === 1) return `${opening} ${active[0]} goes on alone.`;
  return `${opening} ${listNames(active)} go on: ${tolerance(failuresTolerated(membersOf(nodes)))}.`;
}

/** Nodes that should be back from maintenance already. */
const overdueNames = (nodes: readonly NodeView[]): readonly NodeName[] =>
  nodes.filter((node) => node.maintenance?.overdue).map((node) => node.name);

/** What the nodes that are not active do: "db2 is on standby", "db2 and db3 are offline". */
function awayWords(nodes: readonly NodeView[]): string {
  const parts: string[] = [];
  const add = (names: readonly NodeName[], words: string): void => {
    if (names.length > 0) parts.push(`${listNames(names)} ${isOrAre(names)} ${words}`);
  };
  add(namesIn(nodes, 'standby'), 'on standby');
  add(namesIn(nodes, 'transitional'), 'changing');
  const overdue = overdueNames(nodes);
  add(
    namesIn(nodes, 'maintenance').filter((name) => !overdue.includes(name)),
    'in maintenance',
  );
  add(overdue, `in maintenance past ${overdue.length === 1 ? 'its end time' : 'their end times'}`);
  add(namesIn(nodes, 'offline'), 'offline');
  return parts.join(', ');
}

/** The node to start with when none runs: the one with the most advanced data, of equals one that is not set aside. */
function bestStarter(nodes: readonly NodeView[]): NodeName | undefined {
  const ahead = (node: NodeView): number => (node.position === null ? -1 : sequenceOf(node.position));
  const setAside = (node: NodeView): number => Number(node.state === 'maintenance');
  return [...nodes].sort((one, other) => ahead(other) - ahead(one) || setAside(one) - setAside(other))[0]
    ?.name;
}

/** Members of a ring without a majority: they take no commit until somebody comes back. */
function quorumSentence(nodes: readonly NodeView[]): Sentence {
  const members = nodes.filter((node) => replicates(node.state)).map((node) => node.name);
  const failed = namesIn(nodes, 'failed');
  const waits = members.length === 1 ? 'waits' : 'wait';
  const forWhom = failed.length > 0 ? ` for ${failed.join(' or ')}` : ' for a majority of the ring';
  return {
    text: `No quorum: nothing is committed. ${listNames(members)} ${waits}${forWhom}.`,
    tone: 'bad',
    topic: `no quorum ${members.join()}`,
  };
}

/** "db2 comes back in 8 s", of the failed node that is next; empty when nobody brings one back. */
function recoveryWords({ recovery }: Facts): string {
  const next = recovery.outlook.find(({ atMs }) => atMs !== null);
  if (next) return ` ${next.node} is brought back in a moment.`;
  const stuck = recovery.outlook.find(({ words }) => words !== null);
  return stuck ? ` ${stuck.node} is not brought back by itself: ${stuck.words}.` : '';
}

function restingSentence(facts: Facts): Sentence {
  const { nodes } = facts;
  const members = nodes.filter((node) => replicates(node.state));
  if (members.length > 0 && facts.token === null) return quorumSentence(nodes);
  const overdue = overdueNames(nodes);
  const states = `${nodes.map((node) => node.state).join()}${overdue.map((name) => ` ${name} overdue`).join('')}`;
  const failed = nodes.filter((node) => node.state === 'failed');
  if (failed.length > 0)
    return { text: `${failedSentence(nodes, failed)}${recoveryWords(facts)}`, tone: 'bad', topic: states };
  const active = namesIn(nodes, 'active');
  const [drift] = openDrift(facts);
  if (drift) {
    const [odd] = drift.odd;
    const remedy =
      drift.odd.length === 1 && odd ? `${odd} needs a full copy.` : 'Decide which node is right.';
    return { text: `${drift.words}. ${remedy}`, tone: 'bad', topic: `differ ${states}` };
  }
  if (active.length === 0) {
    const starter = bestStarter(nodes);
    const remedy = starter === undefined ? '' : ` Bring ${starter} online.`;
    const away = awayWords(nodes);
    return {
      text: `No node takes sessions${away === '' ? '' : `: ${away}`}.${remedy}`,
      tone: 'warning',
      topic: states,
    };
  }
  const failures = failuresTolerated(membersOf(nodes));
  const tone: SentenceTone = failures > 0 && overdue.length === 0 ? 'good' : 'warning';
  if (active.length === nodes.length && nodes.length > 1) {
    return {
      text: `${active.length} of ${nodes.length} active: ${tolerance(failures)}${active.length === 2 ? '; a third node would change that' : ''}.`,
      tone,
      topic: states,
    };
  }
  const sessions = sessionsInAll(facts);
  const load = sessions === null ? '' : ` under ${formatCount(sessions)} session${sessions === 1 ? '' : 's'}`;
  const away = awayWords(nodes);
  const outlook = away === '' ? capitalised(tolerance(failures)) : `${away}: ${tolerance(failures)}`;
  return {
    text: `${listNames(active)} ${isOrAre(active)} active${load}. ${outlook}.`,
    tone,
    topic: states,
  };
}

/**
 * Says what the cluster is doing, why, and how many failures it would survive.
 * Trouble comes first, then what is under way, then how things stand.
 */
export function describeCluster(facts: Facts): Sentence {
  if (facts.problem) return { text: facts.problem.text, tone: 'bad', topic: facts.problem.code };
  if (facts.startingUp !== null)
    return { text: facts.startingUp, tone: 'busy', topic: `starting:${facts.startingUp}` };
  if (facts.plan && isRunning(facts.plan)) return planSentence(facts, facts.plan);
  const next = seriesSentence(facts);
  if (next) return next;
  return restingSentence(facts);
}
