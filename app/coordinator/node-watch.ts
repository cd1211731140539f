/** Keeps a connection to each peer, takes in what they say, and acts when a server or a peer goes away. */
import { delay } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { PeerStatus } from '../contract/control.js';
import { replicates } from '../model/node-state.js';
import { isRunning } from '../model/plan.js';
import type { Cluster } from './cluster.js';
import { ConflictTally } from './conflict-tally.js';
import type { ClusterNode } from './node.js';
import type { PeerProvider } from './ports.js';
import type { RingKeeper } from './ring-keeper.js';
import type { TokenRing } from './token-ring.js';

const reconnectAfterMs = 250;

export interface NodeWatchOptions {
  readonly cluster: Cluster;
  readonly ring: RingKeeper;
  readonly token: TokenRing;
  readonly peers: PeerProvider;
  readonly log: Log;
  readonly remember: () => Promise<void>;
}

export class NodeWatch {
  private closed = false;
  private readonly unsubscribe: (() => void)[] = [];
  private readonly conflicts: ConflictTally;

  constructor(private readonly options: NodeWatchOptions) {
    this.conflicts = new ConflictTally(options.cluster);
  }

  /** Connects to every peer. @throws what the first peer that cannot be reached answers. */
  async connectAll(): Promise<void> {
    await Promise.all(this.options.cluster.nodes.map((node) => this.connect(node)));
  }

  private async connect(node: ClusterNode): Promise<void> {
    const { peers, cluster } = this.options;
    const control = await peers.connect(node.name);
    if (this.closed) return control.close();
    node.control = control;
    this.unsubscribe.push(
      control.onNotice('peer.changed', (status) => this.absorb(node, status)),
      control.onNotice('peer.sampled', ({ status, sample }) => {
        node.sample = sample;
        this.conflicts.sampled(node.name, sample?.conflicts ?? 0);
        this.absorb(node, status);
      }),
      control.onClosed(() => this.lost(node)),
    );
    this.absorb(node, await control.call('peer.status', {}));
    cluster.changed();
  }

  private absorb(node: ClusterNode, status: PeerStatus): void {
    const { cluster } = this.options;
    node.absorb(status);
    this.options.token.absorb();
    cluster.changed();
    if (!cluster.ring.includes(node.name)) return;
    const { server } = status;
    if (server.kind === 'stopped' && server.unexpected) this.memberLost(node, server.reason);
    else this.lookForRefusal(node);
  }

  /**
   * A member that was away for a moment may find that the others have gone on, and that its data are not a part of theirs:
   * its server runs, and it will never come back by itself. A plan that moves the node, or lets it give a copy, tells of
   * its own troubles.
   */
  private lookForRefusal(node: ClusterNode): void {
    const { cluster, token } = this.options;
    const { plan } = cluster;
    if (!replicates(node.state)) return;
    if (plan && isRunning(plan) && (plan.node === node.name || plan.donor?.name === node.name)) return;
    const refusal = token.refusalOf(node);
    if (refusal === null || token.includes(node)) return;
    // The peer knows positions only; whether its changes are those of the ring is found out by comparing GTIDs.
    const words = refusal === 'needs-copy' ? 'its data must be compared with the ring' : 'it must catch up';
    this.memberLost(node, `the ring went on without it, and ${words} before it may return`);
  }

  /** A ring member is lost, or its server. While a plan moves the node itself, the plan says so too. */
  private memberLost(node: ClusterNode, reason: string): void {
    const { cluster, ring, log, remember } = this.options;
    if (node.state === 'failed') return;
    node.state = 'failed';
    node.reason = reason;
    node.activity = null;
    node.clean = false;
    cluster.say({
      kind: 'failure',
      severity: 'bad',
      node: node.name,
      text: `${node.name} failed: ${reason}`,
      mark: true,
    });
    const repair = async () => {
      node.role = null;
      await ring.closeAround(node);
      await ring.route();
      await remember();
    };
    repair().catch((error: unknown) => {
      log.error({ node: node.name, error: messageOf(error) }, 'the ring could not be closed');
      const text = `the ring could not be closed around ${node.name}: ${messageOf(error)}`;
      cluster.say({ kind: 'failure', severity: 'bad', node: node.name, text, mark: true });
    });
  }

  /** The peer process went away; the server may well live on. */
  private lost(node: ClusterNode): void {
    if (this.closed) return;
    const { cluster } = this.options;
    node.control = null;
    node.sample = null;
    cluster.say({
      kind: 'failure',
      severity: 'warning',
      node: node.name,
      text: `the peer of ${node.name} ended; starting it again`,
      mark: false,
    });
    void this.reconnect(node);
  }

  private async reconnect(node: ClusterNode): Promise<void> {
    const { cluster, log } = this.options;
    while (!this.closed && node.control === null) {
      await delay(cluster.clock, reconnectAfterMs);
      try {
        await this.connect(node);
        cluster.say({
          kind: 'notice',
          severity: 'good',
          node: node.name,
          text: `the peer of ${node.name} is back`,
          mark: false,
        });
      } catch (error) {
        log.warn({ node: node.name, error: messageOf(error) }, 'peer not reached');
      }
    }
  }

  close(): void {
    this.closed = true;
    for (const stop of this.unsubscribe) stop();
    for (const node of this.options.cluster.nodes) node.control?.close();
  }
}
