/**
 * The token ring as the coordinator takes part in it: it reads what the peers agreed on, and tells a peer what only the
 * coordinator knows: that a node goes on purpose, that its server may be used, that its data are those of the ring.
 */
import type { RingStatus } from '../contract/control.js';
import { nodeName } from '../model/ids.js';
import { listNames } from '../model/sentence.js';
import type { Cluster } from './cluster.js';
import type { ClusterNode } from './node.js';
import { newestView, ringOf } from './ring-view.js';

export class TokenRing {
  #told = 0;

  constructor(private readonly cluster: Cluster) {}

  /** A peer said something: a new view is an event. */
  absorb(): void {
    this.#tellView();
  }

  /** Is the node a member of the newest view, and takes commits in it, as its own peer says? */
  includes(node: ClusterNode): boolean {
    const view = newestView(this.cluster.nodes);
    const own = ringOf(node);
    return view !== null && own?.view?.ringId === view.ringId && own.ready;
  }

  /** Why the ring does not take the node in as it is; null when it does not say so. */
  refusalOf(node: ClusterNode): RingStatus['refused'] {
    return ringOf(node)?.refused ?? null;
  }

  /** The state of the node's peer in words. */
  wordsOf(node: ClusterNode): string {
    return ringOf(node)?.words ?? 'its peer is not reached';
  }

  /** The node's server runs on data that its peer knows: it may take part. */
  async serves(node: ClusterNode): Promise<void> {
    await node.call('ring.serve', {});
    if (ringOf(node)?.state === 'left') await node.call('ring.rejoin', {});
  }

  /** The node's data were compared with those of the newest view, and follow them: the ring may take it in. */
  async entered(node: ClusterNode): Promise<void> {
    const view = newestView(this.cluster.nodes);
    if (view) await node.call('ring.copied', { lineage: view.ringId });
    await this.serves(node);
  }

  /** The node goes on purpose: the others need not count on it any more. */
  async leaves(node: ClusterNode): Promise<void> {
    const ring = ringOf(node);
    if (ring && ring.state !== 'left') await node.call('ring.leave', {});
  }

  #tellView(): void {
    const { cluster } = this;
    const view = newestView(cluster.nodes);
    // Without a replicating node the cluster is starting or stopping, and views come and go.
    if (!view || view.ringId <= this.#told || cluster.ring.length === 0) return;
    this.#told = view.ringId;
    const members = view.members.map(({ node }) => nodeName(node));
    const missing = cluster.ring.filter((name) => !members.includes(name));
    const without = missing.length > 0 ? `, without ${listNames(missing)}` : '';
    cluster.say({
      kind: 'view',
      severity: missing.length > 0 ? 'warning' : 'info',
      node: null,
      text: `the peers agree on ring ${view.name}: ${listNames(members)}${without}`,
      mark: missing.length > 0,
    });
  }
}
