/** What is derived from nodes and their samples. What is said about a node stands in app/model/node-words. */
import type { ClusterSnapshot } from '../../app/model/cluster.js';
import type { NodeName } from '../../app/model/ids.js';
import type { MetricsPoint } from '../../app/model/metrics.js';
import { weightOf } from '../../app/model/routing.js';

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
