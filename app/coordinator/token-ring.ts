/**
 * The token ring as the coordinator takes part in it: it reads what the peers agreed on, and tells a peer what only the
 * coordinator knows: that a node goes on purpose, that it is back, that its data are those of the ring. The ring runs
 * beside the databases until commits are ordered by its token, so nothing here may stop a plan.
 */
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { nodeName } from '../model/ids.js';
import { listNames } from '../model/sentence.js';
import type { Cluster } from './cluster.js';
import type { ClusterNode } from './node.js';
import { newestView, ringOf } from './ring-view.js';

/** A node that the ring refused is vouched for this often. Milliseconds. */
const vouchAgainAfterMs = 5_000;

export class TokenRing {
  #told = 0;
  readonly #vouchedMs = new Map<ClusterNode, number>();

  constructor(
    private readonly cluster: Cluster,
    private readonly log: Log,
  ) {}

  /** A peer said something: a new view is an event, and a replicating node that the ring refused is vouched for. */
  absorb(node: ClusterNode): void {
    this.#tellView();
    if (!ringOf(node)?.refused || !this.cluster.ring.includes(node.name)) return;
    const nowMs = this.cluster.clock.monotonicMs();
    if (nowMs - (this.#vouchedMs.get(node) ?? Number.NEGATIVE_INFINITY) < vouchAgainAfterMs) return;
    this.#vouchedMs.set(node, nowMs);
    void this.#vouch(node);
  }

  /** The node replicates: the ring may take it in. */
  async entered(node: ClusterNode): Promise<void> {
    const ring = ringOf(node);
    if (!ring) return;
    await this.#vouch(node);
    if (ring.state === 'left') await this.#try(node, () => node.call('ring.rejoin', {}));
  }

  /** The node goes on purpose: the others need not count on it any more. */
  async leaves(node: ClusterNode): Promise<void> {
    const ring = ringOf(node);
    if (ring && ring.state !== 'left') await this.#try(node, () => node.call('ring.leave', {}));
  }

  /** Says that the node's data are those of the newest view: its replication was compared and runs. */
  async #vouch(node: ClusterNode): Promise<void> {
    const view = newestView(this.cluster.nodes);
    if (!view || view.members.some((member) => member.node === node.name)) return;
    await this.#try(node, () => node.call('ring.copied', { lineage: view.ringId }));
  }

  async #try(node: ClusterNode, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.log.warn({ node: node.name, error: messageOf(error) }, 'the token ring was not told');
    }
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
