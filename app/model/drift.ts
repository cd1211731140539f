/** Differences that the last comparison found and nobody has mended since. */
import type { ClusterSnapshot } from './cluster.js';
import type { Drift } from './verification.js';

/** A node that stood alone is marked for a full copy; when it has had that, its difference is history. */
export function openDrift({
  verification,
  nodes,
}: Pick<ClusterSnapshot, 'verification' | 'nodes'>): readonly Drift[] {
  if (verification?.state !== 'differs') return [];
  const marked = (name: string) => nodes.some((node) => node.name === name && node.needsCopy !== null);
  return verification.drift.filter(({ odd }) => odd.length === 0 || odd.some(marked));
}
