/** How many sessions the nodes have, in all and through the lab's one address. */
import type { FrontEndView } from '../model/cluster.js';
import type { NodeName } from '../model/ids.js';

interface CountedNode {
  readonly name: NodeName;
  readonly isServerRunning: boolean;
  readonly sample: { readonly sessions: number | null } | null;
}

/**
 * The counts of the front end's view.
 * @param before the view until now
 * @param placed open sessions through the address, per node
 */
export function countSessions(
  nodes: readonly CountedNode[],
  before: { readonly sessions: number } | null,
  placed: ReadonlyMap<string, number>,
): Pick<FrontEndView, 'sessions' | 'placed'> {
  // A busy server that misses one sample still has its sessions: then what was known before stands.
  const unknown = nodes.some((node) => node.isServerRunning && node.sample === null);
  const counted = nodes.reduce((sum, node) => sum + (node.sample?.sessions ?? 0), 0);
  return {
    sessions: unknown && before ? before.sessions : counted,
    placed: Object.fromEntries(nodes.map(({ name }) => [name, placed.get(name) ?? 0])),
  };
}
