/** What the nodes of a scene would have measured. */
import type { ClusterSnapshot } from '../../app/model/cluster.js';
import type { MetricsPoint, NodeSample } from '../../app/model/metrics.js';

/** A repeatable wobble between -1 and 1. */
const wobble = (seed: number): number => {
  const value = Math.sin(seed * 12.9898) * 43_758.5453;
  return (value - Math.floor(value)) * 2 - 1;
};

/** One point of metrics: what the nodes of a snapshot would have measured at that time. */
export function metricsAt(snapshot: ClusterSnapshot, nowMs: number, atMs: number): MetricsPoint {
  const age = (nowMs - atMs) / 1000;
  const nodes: Record<string, NodeSample | null> = {};
  snapshot.nodes.forEach((node, index) => {
    const seed = (Math.round(atMs / 1000) % 100_000) + index * 77;
    const running = node.sample !== null && (index === 0 || age < 166 - index * 20);
    const failedSample = index === 0 && age > 120 && age < 126;
    if (!running || failedSample) {
      nodes[node.name] = null;
      return;
    }
    const { sample } = node;
    const rate = sample?.transactionsPerSecond ?? 0;
    nodes[node.name] = sample && {
      ...sample,
      takenAtMs: atMs,
      transactionsPerSecond: Math.max(0, rate * (1 + 0.06 * wobble(seed))),
      cpuPercent: Math.min(100, Math.max(0, (sample.cpuPercent ?? 0) + 4 * wobble(seed + 9))),
    };
  });
  return { atMs, nodes: nodes as MetricsPoint['nodes'], load: snapshot.load?.sample ?? null };
}

/** Five minutes of them. */
export const historyOf = (snapshot: ClusterSnapshot, nowMs: number): readonly MetricsPoint[] =>
  Array.from({ length: 300 }, (_, index) => metricsAt(snapshot, nowMs, nowMs - (299 - index) * 1000));
