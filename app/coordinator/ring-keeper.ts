/**
 * What the coordinator does to the ring: takes nodes in, lets them go, and waits until the peers agree. Who follows whom
 * and who may commit is the peers' own affair (app/peer/engine). Every change of the ring goes through one lane.
 */
import { delay } from '../base/clock.js';
import { invariant, RingmasterError } from '../base/errors.js';
import { Lane } from '../base/lane.js';
import { sequenceOf } from '../model/gtid.js';
import type { NodeName } from '../model/ids.js';
import { neighbours, ringOf } from '../replication/ring-order.js';
import type { Cluster } from './cluster.js';
import type { ClusterNode } from './node.js';
import type { SessionRouter, SessionTarget } from './ports.js';
import type { TokenRing } from './token-ring.js';

/** A node that applies nothing for this long is stuck, not slow. */
export const stallSeconds = 30;
/** How long the peers may take to agree on a view with, or without, a node. */
const agreeMs = 30_000;
const lookEveryMs = 25;

export class RingKeeper {
  private readonly lane = new Lane();

  constructor(
    private readonly cluster: Cluster,
    private readonly router: SessionRouter,
    private readonly token: TokenRing,
  ) {}

  /** Sends sessions where they belong now. */
  async route(): Promise<void> {
    const targets = this.cluster.sessionTargets();
    await Promise.all(this.cluster.nodes.map((node) => this.placeSessions(node, targets)));
    await this.router.route(targets);
  }

  /** Tells a peer where its sessions belong. One that is not reached keeps what it was told before. */
  private async placeSessions(node: ClusterNode, targets: readonly SessionTarget[]): Promise<void> {
    const here = targets.some(({ name }) => name === node.name);
    const others = targets.filter(({ name }) => name !== node.name).map(({ address }) => address);
    await node.call('sessions.place', { here, others }).catch(() => undefined);
  }

  /**
   * The peers of these nodes may use their servers: with what their stores promise they form a view, or wait for others.
   * Resolves when all of them are in one view, or the ring said of the others why not.
   * @param patienceMs how long they may take
   */
  form(nodes: readonly ClusterNode[], patienceMs: number): Promise<void> {
    return this.lane.run(async () => {
      for (const node of nodes) await this.token.serves(node);
      const settled = async () => {
        for (const node of nodes) await node.refresh();
        return nodes.every((node) => this.token.includes(node) || this.token.refusalOf(node) !== null);
      };
      const deadlineMs = this.cluster.clock.monotonicMs() + patienceMs;
      while (!(await settled()) && this.cluster.clock.monotonicMs() < deadlineMs)
        await delay(this.cluster.clock, lookEveryMs);
      this.setMembers(nodes.filter((node) => this.token.includes(node)).map(({ name }) => name));
    });
  }

  /** The first member. @throws cluster.no-quorum when its peer may not form a view without others */
  begin(node: ClusterNode): Promise<void> {
    return this.lane.run(async () => {
      await this.token.serves(node);
      await this.untilIncluded(node);
      this.setMembers([node.name]);
    });
  }

  /** `node` follows its predecessor and has nearly everything: the ring takes it in. @throws cluster.no-quorum */
  enter(node: ClusterNode): Promise<void> {
    return this.lane.run(async () => {
      await this.token.entered(node);
      await this.untilIncluded(node);
      this.setMembers([...this.cluster.ring, node.name]);
    });
  }

  /** `node` goes on purpose, and the others do not count it any more. Sessions have left it. */
  leave(node: ClusterNode): Promise<void> {
    return this.lane.run(async () => {
      if (!this.cluster.ring.includes(node.name)) return;
      await this.token.leaves(node);
      this.setMembers(this.cluster.ring.filter((name) => name !== node.name));
      if (node.isServerRunning) await node.call('replication.stop', {});
      node.predecessor = null;
    });
  }

  /** The donor leaves the ring while it gives its data: nobody depends on it, and its applier may stand still. */
  stepOut(node: ClusterNode): Promise<void> {
    return this.lane.run(async () => {
      await this.token.leaves(node);
      this.setMembers(this.cluster.ring.filter((name) => name !== node.name));
    });
  }

  /** A member died without a word. The survivors' peers close the ring around it; here it is only crossed out. */
  closeAround(failed: ClusterNode): Promise<void> {
    return this.lane.run(async () => {
      failed.predecessor = null;
      this.setMembers(this.cluster.ring.filter((name) => name !== failed.name));
    });
  }

  /** No sessions are left: resolves when all members have applied everything. */
  rest(): Promise<void> {
    return this.lane.run(async () => {
      const { cluster } = this;
      const members = cluster.nodes.filter(
        (node) => cluster.ring.includes(node.name) && node.isServerRunning,
      );
      const ends = await Promise.all(
        members.map(async (node) => (await node.refresh()).position?.binlog ?? ''),
      );
      const last = ends.reduce((best, end) => (sequenceOf(end) > sequenceOf(best) ? end : best), '');
      if (sequenceOf(last) > 0)
        await Promise.all(
          members.map((node) => node.call('replication.wait-for', { position: last, stallSeconds })),
        );
      cluster.ring = [];
    });
  }

  /** Whom `node` follows, or would follow. @throws a defect when the ring is empty. */
  predecessorOf(node: ClusterNode): ClusterNode {
    const place = neighbours(this.cluster.configured, this.cluster.ring, node.name);
    invariant(place, `nobody to follow for ${node.name}`);
    return this.cluster.node(place.predecessor);
  }

  /** What the node's peer says of its part in the ring. */
  wordsOf(node: ClusterNode): string {
    return this.token.wordsOf(node);
  }

  /** Is a name in the ring? */
  has(name: NodeName): boolean {
    return this.cluster.ring.includes(name);
  }

  private setMembers(names: readonly NodeName[]): void {
    const { cluster } = this;
    cluster.ring = ringOf(cluster.configured, names);
    for (const name of cluster.ring) {
      const place = neighbours(cluster.configured, cluster.ring, name);
      cluster.node(name).predecessor = cluster.ring.length > 1 && place ? place.predecessor : null;
    }
    cluster.changed();
  }

  private async untilIncluded(node: ClusterNode): Promise<void> {
    const { clock } = this.cluster;
    const deadlineMs = clock.monotonicMs() + agreeMs;
    for (;;) {
      await node.refresh();
      if (this.token.includes(node)) return;
      if (!node.isServerRunning) throw new RingmasterError('server.not-running', { node: node.name });
      if (clock.monotonicMs() >= deadlineMs)
        throw new RingmasterError('cluster.no-quorum', { node: node.name, cause: this.token.wordsOf(node) });
      await delay(clock, lookEveryMs);
    }
  }
}
