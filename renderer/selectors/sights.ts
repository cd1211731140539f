/** Who sees whom in the token ring, and whether the peers agree. Pure. */
import type { NodeView, Sight } from '../../app/model/cluster.js';
import type { NodeName } from '../../app/model/ids.js';
import { replicates } from '../../app/model/node-state.js';

export interface SightRow {
  readonly from: NodeName;
  /** "8.1"; null for a peer that belongs to no view. */
  readonly ringId: string | null;
  /** In the order of the columns; null on the diagonal. */
  readonly sees: readonly (Sight | null)[];
}

export interface SightTable {
  readonly columns: readonly NodeName[];
  readonly rows: readonly SightRow[];
}

/**
 * The table of sights where peers of replicating nodes disagree: they hold different views, or one sees a node that
 * another does not. Nodes that are away on purpose, or on their way, are not asked.
 * @returns null while all that can be asked agree
 */
export function disagreement(nodes: readonly NodeView[]): SightTable | null {
  const asked = nodes.filter((node) => node.ring !== null && replicates(node.state));
  const columns = asked.map((node) => node.name);
  const rows = asked.map(
    (node): SightRow => ({
      from: node.name,
      ringId: node.ring?.ringId ?? null,
      sees: columns.map((name) => (name === node.name ? null : (node.ring?.sees[name] ?? 'down'))),
    }),
  );
  const views = new Set(rows.map((row) => row.ringId));
  const seenUnlike = columns.some((_, column) => {
    const sights = rows.map((row) => row.sees[column]).filter((sight) => sight !== null);
    return new Set(sights).size > 1;
  });
  return views.size > 1 || seenUnlike ? { columns, rows } : null;
}
