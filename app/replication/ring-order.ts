/** Who follows whom: the replication ring in configuration order. Pure. */
import { invariant } from '../base/errors.js';
import type { NodeName } from '../model/ids.js';

/** The members of a ring in the order of `configured`, whatever order they come in. */
export function ringOf(configured: readonly NodeName[], members: Iterable<NodeName>): NodeName[] {
  const inside = new Set(members);
  return configured.filter((name) => inside.has(name));
}

/** The neighbours that `node` has, or would have once it is in the ring. Undefined when it would be alone. */
export function neighbours(
  configured: readonly NodeName[],
  members: Iterable<NodeName>,
  node: NodeName,
): { predecessor: NodeName; successor: NodeName } | undefined {
  const ring = ringOf(configured, new Set([...members, node]));
  if (ring.length < 2) return undefined;
  const place = ring.indexOf(node);
  invariant(place >= 0, `${node} is not a configured node`);
  const at = (index: number) => ring[(index + ring.length) % ring.length] as NodeName;
  return { predecessor: at(place - 1), successor: at(place + 1) };
}

/** How many members a ring of this size can lose and still have a majority. */
export const failuresTolerated = (members: number): number => Math.max(0, Math.floor((members - 1) / 2));
