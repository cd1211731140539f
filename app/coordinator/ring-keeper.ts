/**
 * Keeps the replication ring closed: who follows whom, who takes the writes, and that nothing acknowledged is lost
 * while that changes. Every change of the ring goes through one lane.
 *
 * Until commits are ordered by the token, one node takes the writes (the others are read_only), and its commits wait
 * until its successor has received them (semi-sync AFTER_SYNC, "lossless") as soon as it has a successor.
 */
import { delay } from '../base/clock.js';
import { invariant, toRingmasterError } from '../base/errors.js';
import { Lane } from '../base/lane.js';
import type { Log } from '../base/log.js';
import { sequenceOf } from '../model/gtid.js';
import type { NodeName } from '../model/ids.js';
import { neighbours, ringOf } from '../replication/ring-order.js';
import type { Cluster } from './cluster.js';
import type { ClusterNode } from './node.js';
import type { SessionRouter } from './ports.js';
import type { TokenRing } from './token-ring.js';

/** A node that applies nothing for this long is stuck, not slow. */
export const stallSeconds = 30;
/** The follower can be a few changes ahead of its new predecessor for a moment: it then has to wait and ask again. */
const followTries = 40;
const followAgainAfterMs = 100;

export class RingKeeper {
  private readonly lane = new Lane();

  constructor(
    private readonly cluster: Cluster,
    private readonly router: SessionRouter,
    private readonly token: TokenRing,
    private readonly log: Log,
  ) {}

  /** Sends sessions where they belong now. */
  async route(): Promise<void> {
    await this.router.route(this.cluster.sessionTargets());
  }

  /** The first member: a ring of one that takes the writes. */
  begin(node: ClusterNode): Promise<void> {
    return this.lane.run(async () => {
      this.cluster.ring = [node.name];
      await this.promote(node);
      await this.token.entered(node);
    });
  }

  /** `node` follows its predecessor already; its successor now follows it. */
  enter(node: ClusterNode): Promise<void> {
    return this.lane.run(async () => {
      const { cluster } = this;
      const place = neighbours(cluster.configured, cluster.ring, node.name);
      if (!place) {
        cluster.ring = [node.name];
        return;
      }
      const successor = cluster.node(place.successor);
      const wasAlone = cluster.ring.length === 1;
      await this.reach(node, (await successor.refresh()).position?.binlog ?? '');
      await this.follow(successor, node, wasAlone);
      cluster.ring = ringOf(cluster.configured, [...cluster.ring, node.name]);
      await this.setLossless();
      this.sayView();
      await this.token.entered(node);
    });
  }

  /** `node` goes: its successor follows its predecessor. Sessions have left it and it does not take the writes. */
  leave(node: ClusterNode): Promise<void> {
    return this.lane.run(async () => {
      if (!this.cluster.ring.includes(node.name)) return;
      await this.bypass(node);
      await node.call('replication.stop', {});
      node.predecessor = null;
      await this.token.leaves(node);
    });
  }

  /** The donor goes on receiving, but nobody depends on it any more. */
  stepOut(node: ClusterNode): Promise<void> {
    return this.lane.run(() => this.bypass(node));
  }

  /** The writes go from one node to another; both stay in the ring. */
  moveWriter(from: ClusterNode, to: ClusterNode): Promise<void> {
    return this.lane.run(async () => {
      const { cluster } = this;
      cluster.writer = null;
      try {
        await this.route();
        await from.call('server.set-read-only', { readOnly: true });
        await this.reach(to, (await from.refresh()).position?.binlog ?? '');
      } catch (error) {
        await this.promote(from);
        await this.route();
        throw error;
      }
      await from.call('server.set-lossless', { lossless: false });
      await this.promote(to);
      await this.route();
    });
  }

  /** `node` takes the writes. */
  private async promote(node: ClusterNode): Promise<void> {
    this.cluster.writer = node.name;
    await this.setLossless();
    await node.call('server.set-read-only', { readOnly: false });
    for (const each of this.cluster.nodes) {
      if (each.role === 'writer') each.role = null;
    }
    node.role = 'writer';
    this.cluster.changed();
  }

  /** Makes a member the writer when none is. */
  promoteIfNone(node: ClusterNode): Promise<void> {
    return this.lane.run(async () => {
      if (this.cluster.writer === null) await this.promote(node);
    });
  }

  /**
   * A member died without a word. The survivors close the ring around it; if it took the writes, its successor takes
   * them, because only that one is sure to have received everything acknowledged.
   */
  closeAround(failed: ClusterNode, wasWriter: boolean): Promise<void> {
    return this.lane.run(async () => {
      const { cluster } = this;
      if (failed.role === 'writer') failed.role = null;
      failed.predecessor = null;
      const place = neighbours(cluster.configured, cluster.ring, failed.name);
      cluster.ring = cluster.ring.filter((name) => name !== failed.name);
      if (!place || cluster.ring.length === 0) {
        cluster.ring = [];
        cluster.writer = null;
        return;
      }
      const successor = cluster.node(place.successor);
      const predecessor = cluster.node(place.predecessor);
      if (wasWriter) await successor.call('replication.drain-relay-log', {});
      if (cluster.ring.length === 1) await this.standAlone(successor);
      else await this.joinEnds(predecessor, successor, wasWriter);
      if (wasWriter) await this.promoteHeir(successor);
      this.sayView();
    });
  }

  private async promoteHeir(successor: ClusterNode): Promise<void> {
    const { cluster } = this;
    const heir =
      successor.state === 'active'
        ? successor
        : cluster.nodes.find((node) => cluster.ring.includes(node.name) && node.state === 'active');
    if (!heir) return;
    if (heir !== successor) await this.reach(heir, (await successor.refresh()).position?.binlog ?? '');
    await this.promote(heir);
    cluster.say({
      kind: 'view',
      severity: 'warning',
      node: heir.name,
      text: `${heir.name} takes the writes`,
      mark: true,
    });
  }

  /** A ring of one: nobody acknowledges, so commits must not wait for anybody. */
  private async standAlone(node: ClusterNode): Promise<void> {
    await node.call('server.set-lossless', { lossless: false });
    await node.call('replication.stop', {});
    node.predecessor = null;
  }

  /** The successor of a lost member follows the predecessor; what only the successor holds travels there first. */
  private async joinEnds(
    predecessor: ClusterNode,
    successor: ClusterNode,
    successorIsAhead: boolean,
  ): Promise<void> {
    if (successorIsAhead) await this.reach(predecessor, (await successor.refresh()).position?.binlog ?? '');
    await this.follow(successor, predecessor, false);
  }

  private async bypass(node: ClusterNode): Promise<void> {
    const { cluster } = this;
    const rest = cluster.ring.filter((name) => name !== node.name);
    const place = neighbours(cluster.configured, rest, node.name);
    if (!place || !cluster.ring.includes(node.name)) {
      cluster.ring = rest;
      if (cluster.writer === node.name) {
        cluster.writer = null;
        node.role = null;
      }
      return;
    }
    const successor = cluster.node(place.successor);
    if (rest.length === 1) await this.standAlone(successor);
    else await this.follow(successor, cluster.node(place.predecessor), false);
    cluster.ring = rest;
    this.sayView();
  }

  /**
   * `follower` follows `predecessor`. For a moment it can hold changes that the predecessor has not applied yet; the
   * server then refuses with error 1236 and the follower asks again.
   */
  private async follow(
    follower: ClusterNode,
    predecessor: ClusterNode,
    fromOwnBinlog: boolean,
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await follower.call('replication.follow', {
          predecessor: predecessor.settings.address,
          fromOwnBinlog,
        });
        follower.predecessor = predecessor.name;
        this.cluster.changed();
        return;
      } catch (error) {
        if (attempt === followTries) throw error;
        this.log.warn(
          { follower: follower.name, predecessor: predecessor.name, error: toRingmasterError(error).message },
          'follow again',
        );
        await delay(this.cluster.clock, followAgainAfterMs);
      }
    }
  }

  /** Waits until `node` has applied `position`. */
  private async reach(node: ClusterNode, position: string): Promise<void> {
    if (sequenceOf(position) === 0) return;
    await node.call('replication.wait-for', { position, stallSeconds });
  }

  private async setLossless(): Promise<void> {
    const { cluster } = this;
    if (cluster.writer === null) return;
    await cluster.node(cluster.writer).call('server.set-lossless', { lossless: cluster.ring.length > 1 });
  }

  private sayView(): void {
    const { ring } = this.cluster;
    const text =
      ring.length > 1
        ? `ring is ${[...ring, ring[0]].join(' → ')}`
        : `${ring[0] ?? 'no node'} replicates alone`;
    this.cluster.say({ kind: 'view', severity: 'info', node: null, text, mark: false });
  }

  /** Writes end; resolves when all members have applied the last of them, and commits wait for nobody any more. */
  rest(): Promise<void> {
    return this.lane.run(async () => {
      const { cluster } = this;
      const writer = cluster.writerNode();
      await writer.call('server.set-read-only', { readOnly: true });
      const last = (await writer.refresh()).position?.binlog ?? '';
      const others = cluster.nodes.filter((node) => cluster.ring.includes(node.name) && node !== writer);
      await Promise.all(others.map((node) => this.reach(node, last)));
      await writer.call('server.set-lossless', { lossless: false });
      cluster.writer = null;
      writer.role = null;
      cluster.ring = [];
    });
  }

  /** Whom `node` follows, or would follow. @throws a defect when the ring is empty. */
  predecessorOf(node: ClusterNode): ClusterNode {
    const place = neighbours(this.cluster.configured, this.cluster.ring, node.name);
    invariant(place, `nobody to follow for ${node.name}`);
    return this.cluster.node(place.predecessor);
  }

  /** Is a name in the ring? */
  has(name: NodeName): boolean {
    return this.cluster.ring.includes(name);
  }
}
