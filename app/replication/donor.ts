/** Which node gives the copy, and why. Pure. */
import { countOf } from '../base/format.js';
import type { NodeView } from '../model/cluster.js';
import type { NodeName } from '../model/ids.js';
import { replicates } from '../model/node-state.js';

export interface DonorChoice {
  readonly name: NodeName;
  /** In words, for the plan: "the least loaded of 2". */
  readonly why: string;
  /** Does it leave the sessions to others while it gives? Only where another active node remains. */
  readonly aside: boolean;
}

/** The cost of a node as donor: a standby costs nothing, the others by processor use and distance behind. */
function cost(node: NodeView): number {
  const cpu = node.sample?.cpuPercent ?? 50;
  const behind = Math.min(100, (node.replication?.changesBehind ?? 0) / 100);
  return (node.state === 'standby' ? 0 : 1000) + cpu + behind;
}

/** Nodes that could give a copy to `joiner`, cheapest first. */
function possibleDonors(nodes: readonly NodeView[], joiner: NodeName): NodeView[] {
  const able = nodes
    .filter((node) => node.name !== joiner && replicates(node.state) && node.replication?.error == null)
    .sort((a, b) => cost(a) - cost(b));
  // One that differs from the others would hand that on; where there is no other, its data are the data.
  const whole = able.filter((node) => node.needsCopy === null);
  return whole.length > 0 ? whole : able;
}

/**
 * The donor for `joiner`: the cheapest one, or the one that the operator wishes.
 * @returns undefined when no node can give.
 */
export function chooseDonor(
  nodes: readonly NodeView[],
  joiner: NodeName,
  wished: NodeName | null,
): DonorChoice | undefined {
  const candidates = possibleDonors(nodes, joiner);
  const donor = wished === null ? candidates[0] : candidates.find((node) => node.name === wished);
  if (!donor) return undefined;
  const otherActive = nodes.some((node) => node.state === 'active' && node.name !== donor.name);
  const aside = donor.state === 'standby' || otherActive;
  return { name: donor.name, why: reason(donor, candidates.length, wished !== null), aside };
}

function reason(donor: NodeView, count: number, wished: boolean): string {
  if (wished) return 'chosen by you';
  if (count === 1) return 'the only node with the data';
  if (donor.state === 'standby') return 'on standby, so no session has to move';
  return `the least loaded of ${count}`;
}

/** What giving a copy costs, for whoever may choose another: "CPU 40 %, 100 sessions, nothing behind". */
export function donorCost({ sample, replication }: NodeView): string {
  const behind = replication?.changesBehind ?? 0;
  return [
    ...(sample?.cpuPercent == null ? [] : [`CPU ${Math.round(sample.cpuPercent)} %`]),
    ...(sample?.sessions == null ? [] : [countOf(sample.sessions, 'session')]),
    behind > 0 ? `${countOf(behind, 'change')} behind` : 'nothing behind',
  ].join(', ');
}
