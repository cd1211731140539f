/** What is said about a node, derived: on its glyph, in its panel, and to a screen reader. */
import { formatCount } from '../../app/base/format.js';
import type { ClusterSnapshot, NodeView } from '../../app/model/cluster.js';
import type { NodeName } from '../../app/model/ids.js';
import type { MetricsPoint } from '../../app/model/metrics.js';
import { replicates } from '../../app/model/node-state.js';
import { weightOf } from '../../app/model/routing.js';
import { maintenanceWords } from './maintenance-words.js';

/** A sample older than this is drawn as stale. */
const staleAfterMs = 3_000;

const roleWords = { donor: 'donor', joiner: 'joiner' } as const;

/** State and role in words: "active, donor", "joining", "offline", "maintenance, overdue". */
export function stateWords(node: NodeView): string {
  if (node.maintenance?.overdue) return 'maintenance, overdue';
  if (node.state === 'transitional') {
    if (node.role === 'joiner') return 'joining';
    if (node.role === 'donor') return 'donor, standing aside';
    return 'changing';
  }
  return node.role === null ? node.state : `${node.state}, ${roleWords[node.role]}`;
}

/** "350 sessions · CPU 96 %"; parts that are not known are left out, never shown as zero. */
export function loadWords(node: NodeView): string | null {
  const { sample } = node;
  if (!sample) return null;
  const parts: string[] = [];
  if (sample.sessions !== null)
    parts.push(`${formatCount(sample.sessions)} session${sample.sessions === 1 ? '' : 's'}`);
  if (sample.cpuPercent !== null) parts.push(`CPU ${Math.round(sample.cpuPercent)} %`);
  return parts.length === 0 ? null : parts.join(' · ');
}

/** What deserves a line under the load: trouble before activity before lag. Null when all is as it should be. */
export function noteWords(node: NodeView, nowMs: number): string | null {
  if (node.maintenance) return maintenanceWords(node.maintenance, nowMs);
  if (node.state === 'failed') return node.reason;
  if (node.replication?.error) return node.replication.error;
  if (node.activity) return node.activity;
  const behind = node.replication?.changesBehind;
  if (behind) return `${formatCount(behind)} change${behind === 1 ? '' : 's'} behind`;
  if (node.state === 'offline') return node.hasData ? node.reason : 'no data yet';
  return null;
}

/** Whole seconds since the last sample, once that is too long ago; null while it is fresh or none is expected. */
export function staleSeconds(node: NodeView, nowMs: number): number | null {
  if (!node.sample || !(replicates(node.state) || node.state === 'transitional')) return null;
  const ageMs = nowMs - node.sample.takenAtMs;
  return ageMs > staleAfterMs ? Math.floor(ageMs / 1000) : null;
}

/** Transactions per second of all nodes together; null when no node tells. */
export function transactionsInAll(nodes: MetricsPoint['nodes']): number | null {
  let sum: number | null = null;
  for (const sample of Object.values(nodes)) {
    const rate = sample?.transactionsPerSecond;
    if (rate !== null && rate !== undefined) sum = (sum ?? 0) + rate;
  }
  return sum;
}

/** The same for the newest samples of a snapshot. */
export const transactionsNow = (nodes: ClusterSnapshot['nodes']): number | null =>
  transactionsInAll(
    Object.fromEntries(nodes.map((node) => [node.name, node.sample])) as MetricsPoint['nodes'],
  );

/** Can a new session be placed anywhere? */
export const takesSessions = ({ nodes, frontEnd }: Pick<ClusterSnapshot, 'nodes' | 'frontEnd'>): boolean =>
  nodes.some(({ state, name }) => state === 'active' && weightOf(frontEnd ?? { weights: {} }, name) > 0);

/** The names in order, as one text: a selector's value that only changes when a node comes or goes. */
export const nodeNamesKey = (snapshot: Pick<ClusterSnapshot, 'nodes'> | null): string =>
  snapshot?.nodes.map((node) => node.name).join(' ') ?? '';

export const namesOfKey = (key: string): readonly NodeName[] =>
  key === '' ? [] : (key.split(' ') as NodeName[]);
