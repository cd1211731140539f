/** Whom to propose: the largest group in which everybody hears everybody. A token must reach each and come back. */

/** A peer in the who-hears-whom table. */
export interface Vertex {
  readonly id: number;
  /** Whom it hears. */
  readonly sees: readonly number[];
  /** Counts toward quorum: a group with more of these wins. */
  readonly votes: boolean;
}

/**
 * The best group that contains `self`: most votes, then most members, then the lowest numbers. Everybody with the same
 * table finds the same group. At most `membersMax` vertices, so trying every branch is fine.
 */
export function bestClique(vertices: readonly Vertex[], self: number): number[] {
  const sorted = [...vertices].sort((one, other) => one.id - other.id);
  const own = sorted.find((vertex) => vertex.id === self);
  if (!own) return [];
  const mutual = (one: Vertex, other: Vertex): boolean =>
    one.sees.includes(other.id) && other.sees.includes(one.id);
  const candidates = sorted.filter((vertex) => vertex.id !== self && mutual(vertex, own));
  let best: Vertex[] = [];
  const better = (group: readonly Vertex[]): boolean => {
    const votes = (members: readonly Vertex[]) => members.filter((vertex) => vertex.votes).length;
    const difference = votes(group) - votes(best) || group.length - best.length;
    return difference > 0;
  };
  const extend = (group: Vertex[], rest: readonly Vertex[]): void => {
    if (rest.length === 0) {
      if (better(group)) best = group;
      return;
    }
    const [next, ...others] = rest as readonly [Vertex, ...Vertex[]];
    const fits = others.filter((vertex) => mutual(vertex, next));
    extend([...group, next], fits);
    // Leaving `next` out can only pay when it excludes somebody.
    if (fits.length < others.length) extend(group, others);
  };
  extend([own], candidates);
  return best.map((vertex) => vertex.id).sort((one, other) => one - other);
}
