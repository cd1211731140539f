/** Says how many transactions gave way to changes that were ordered first: once a minute, where there were any. */
import { countOf } from '../base/format.js';
import type { NodeName } from '../model/ids.js';
import type { Cluster } from './cluster.js';

/** An event for each conflict would bury all others. */
const tellEveryMs = 60_000;

interface Tally {
  readonly sinceMs: number;
  readonly count: number;
}

export class ConflictTally {
  private readonly tallies = new Map<NodeName, Tally>();

  constructor(private readonly cluster: Cluster) {}

  /** A second of a node went by, with so many conflicts. */
  sampled(node: NodeName, conflicts: number): void {
    const { clock } = this.cluster;
    const nowMs = clock.monotonicMs();
    const before = this.tallies.get(node);
    if (!before && conflicts === 0) return;
    const { sinceMs, count } = before ?? { sinceMs: nowMs, count: 0 };
    const tally = { sinceMs, count: count + conflicts };
    this.tallies.set(node, tally);
    if (nowMs - sinceMs < tellEveryMs) return;
    this.tallies.delete(node);
    this.cluster.say({
      kind: 'notice',
      severity: 'info',
      node,
      text: `${node} rolled back ${countOf(tally.count, 'transaction')} in a minute: changes ordered first needed their locks (error 1213)`,
      mark: false,
    });
  }
}
