/** The state of the cluster and of its nodes, for people and for programs. */
import { formatBytes, formatCount, isoTime } from '../../base/format.js';
import type { ClusterSnapshot, NodeView } from '../../model/cluster.js';
import type { Finding, Severity } from '../../model/health/finding.js';
import { findingsOf } from '../../model/health.js';
import { type NodeState, replicates } from '../../model/node-state.js';
import { loadWords, noteWords, staleSeconds, stateWords } from '../../model/node-words.js';
import { isRunning } from '../../model/plan.js';
import { planPercent } from '../../model/plan-words.js';
import { describeCluster, failuresTolerated, tolerance } from '../../model/sentence.js';
import { statusExitCode } from '../exit-codes.js';
import { tableLines } from './table.js';

/** The glyphs of the window: each state has a shape of its own. */
const glyphs: Readonly<Record<NodeState, string>> = {
  active: '●',
  standby: '○',
  transitional: '◐',
  maintenance: '▲',
  offline: '■',
  failed: '✗',
};

/** In the place of a value that is not known or does not apply. */
const none = '-';

const addressOf = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  `${host}:${port}`;

/** Trouble and activity before the load, and how old the news is when that matters. */
function nodeNote(node: NodeView, nowMs: number): string {
  const stale = staleSeconds(node, nowMs);
  const heard = stale === null ? null : `last heard of ${formatCount(stale)} s ago`;
  return [noteWords(node, nowMs), heard ?? loadWords(node)].filter((words) => words !== null).join(' · ');
}

/** How many replicating nodes make a majority. */
const majority = (members: number): number => Math.floor(members / 2) + 1;

function quorumWords(nodes: readonly NodeView[]): string {
  const members = nodes.filter((node) => replicates(node.state)).length;
  if (members === 0) return 'no node replicates';
  return `${majority(members)} of ${members} replicating node${members === 1 ? '' : 's'} must stay, ${tolerance(failuresTolerated(members))}`;
}

/** What `status` prints: the sentence, the address of applications, quorum, and a line for each node. */
export function statusLines(snapshot: ClusterSnapshot, nowMs: number): string[] {
  const { frontEnd, plan, nodes, token } = snapshot;
  const facts: string[][] = [];
  if (frontEnd)
    facts.push([
      'Front end',
      `${addressOf(frontEnd)}, ${formatCount(frontEnd.sessions)} session${frontEnd.sessions === 1 ? '' : 's'}, ${frontEnd.policy.title.toLowerCase()}`,
    ]);
  facts.push(['Quorum', quorumWords(nodes)]);
  if (token) facts.push(['Ring', `view ${token.ringId} of ${token.members.join(', ')}`]);
  if (plan && isRunning(plan))
    facts.push(['Plan', `${plan.title}, ${planPercent(plan)} %, asked by ${plan.askedBy}`]);
  const rows = nodes.map((node) => [
    glyphs[node.state],
    node.name,
    stateWords(node),
    addressOf(node),
    nodeNote(node, nowMs),
  ]);
  const { text } = describeCluster(snapshot);
  const remedy = snapshot.problem ? [snapshot.problem.remedy] : [];
  const findings = findingLines(findingsOf(snapshot, nowMs));
  return [text, ...remedy, '', ...tableLines(facts), '', ...tableLines(rows), ...findings];
}

const marks: Readonly<Record<Severity, string>> = { bad: '✗', warning: '▲', note: '·' };

/** What is wrong and what is weak, with what to do. What is as it is meant to be is left to the window. */
function findingLines(findings: readonly Finding[]): string[] {
  const shown = findings.filter(({ severity }) => severity !== 'note');
  if (shown.length === 0) return [];
  return [
    '',
    ...shown.flatMap(({ severity, words, remedy }) => [`${marks[severity]}  ${words}`, `   ${remedy}`]),
  ];
}

const heading = ['NODE', 'STATE', 'ADDRESS', 'SESSIONS', 'TX/S', 'CPU', 'BEHIND', 'POSITION', 'DATA', ''];
const numbers = new Set([3, 4, 5, 6, 8]);

const counted = (value: number | null | undefined): string =>
  value === null || value === undefined ? none : formatCount(value);

/** What `nodes` prints. A value that is not known is a dash, never a zero. */
export function nodeTableLines(nodes: readonly NodeView[], nowMs: number): string[] {
  const rows = nodes.map((node) => {
    const { sample } = node;
    const stale = staleSeconds(node, nowMs);
    return [
      node.name,
      stateWords(node),
      addressOf(node),
      counted(sample?.sessions),
      counted(sample?.transactionsPerSecond),
      sample?.cpuPercent == null ? none : `${Math.round(sample.cpuPercent)} %`,
      counted(node.replication?.changesBehind),
      node.position || none,
      node.dataBytes === null ? none : formatBytes(node.dataBytes),
      [noteWords(node, nowMs), stale === null ? null : `last heard of ${stale} s ago`]
        .filter((words) => words !== null)
        .join(' · '),
    ];
  });
  return tableLines([heading, ...rows], numbers);
}

/** A node for programs: names and units stay as they are. */
export function nodeRecord(node: NodeView) {
  const { sample, replication } = node;
  return {
    name: node.name,
    state: node.state,
    wanted: node.wanted,
    role: node.role,
    host: node.host,
    port: node.port,
    version: node.version,
    reason: node.reason,
    maintenance: node.maintenance,
    activity: node.activity,
    sessions: sample?.sessions ?? null,
    transactionsPerSecond: sample?.transactionsPerSecond ?? null,
    cpuPercent: sample?.cpuPercent ?? null,
    responseMs: sample?.responseMs ?? null,
    sampledAt: sample ? isoTime(sample.takenAtMs) : null,
    predecessor: replication?.predecessor ?? null,
    changesBehind: replication?.changesBehind ?? null,
    replicationError: replication?.error ?? null,
    position: node.position,
    dataBytes: node.dataBytes,
  };
}

/** The whole status for programs. */
/** @param nowMs wall clock */
export function statusRecord(snapshot: ClusterSnapshot, nowMs: number) {
  const { text, tone } = describeCluster(snapshot);
  const members = snapshot.nodes.filter((node) => replicates(node.state)).length;
  const { plan, frontEnd } = snapshot;
  return {
    cluster: snapshot.name,
    sentence: text,
    tone,
    exitCode: statusExitCode(snapshot),
    problem: snapshot.problem,
    frontEnd,
    quorum: {
      replicating: members,
      needed: majority(members),
      failuresTolerated: failuresTolerated(members),
    },
    ring: snapshot.token,
    plan: plan
      ? {
          id: plan.id,
          title: plan.title,
          state: plan.state,
          percent: planPercent(plan),
          askedBy: plan.askedBy,
        }
      : null,
    nodes: snapshot.nodes.map(nodeRecord),
    findings: findingsOf(snapshot, nowMs),
    verification: snapshot.verification,
  };
}
