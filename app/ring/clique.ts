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
 * table finds the same group, in whatever order. At most `membersMax` vertices, so trying every branch is fine.
 */
export function bestClique(vertices: readonly Vertex[], self: number): number[] {
  // The usual case, asked with every call.
  if (allHearAll(vertices)) return vertices.map(({ id }) => id);
  const sorted = [...vertices].sort((one, other) => one.id - other.id);
  const own = sorted.findIndex((vertex) => vertex.id === self);
  if (own < 0) return [];
  // Sets of vertices as bits: bit n is sorted[n].
  const hears = sorted.map((vertex) =>
    sorted.reduce((bits, { id }, at) => (vertex.sees.includes(id) ? bits | (1 << at) : bits), 0),
  );
  const mutual = hears.map((bits, at) =>
    hears.reduce(
      (both, others, other) => (bits & (1 << other) && others & (1 << at) ? both | (1 << other) : both),
      0,
    ),
  );
  const voting = sorted.reduce((bits, { votes }, at) => (votes ? bits | (1 << at) : bits), 0);
  let best = 0;
  const extend = (group: number, candidates: number): void => {
    if (candidates === 0) {
      const difference =
        bitCount(group & voting) - bitCount(best & voting) || bitCount(group) - bitCount(best);
      if (difference > 0) best = group;
      return;
    }
    const next = candidates & -candidates;
    const others = candidates & ~next;
    const fits = others & (mutual[31 - Math.clz32(next)] ?? 0);
    extend(group | next, fits);
    // Leaving `next` out can only pay when it excludes somebody.
    if (fits !== others) extend(group, others);
  };
  extend(1 << own, mutual[own] ?? 0);
  return sorted.filter((_, at) => best & (1 << at)).map(({ id }) => id);
}

function allHearAll(vertices: readonly Vertex[]): boolean {
  for (const { id, sees } of vertices) {
    for (const other of vertices) if (other.id !== id && !sees.includes(other.id)) return false;
  }
  return true;
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
