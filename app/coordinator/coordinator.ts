/** The console's side of a cluster: attaches to the peers, keeps one snapshot, proposes and runs plans. */
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { Lane } from '../base/lane.js';
import type { Log } from '../base/log.js';
import type { RequestHandlers } from '../contract/window.js';
import { Cluster } from './cluster.js';
import { MaintenanceWatch } from './maintenance-watch.js';
import { NodeWatch } from './node-watch.js';
import { PlanRunner } from './plan-runner.js';
import type { MemoryStore, NodeSettings, PeerProvider, SessionRouter } from './ports.js';
import { RingKeeper } from './ring-keeper.js';
import { shutDown, startUp } from './start-up.js';
import { TokenRing } from './token-ring.js';
import { VerificationRunner } from './verification-runner.js';

export interface CoordinatorOptions {
  readonly name: string;
  readonly nodes: readonly NodeSettings[];
  readonly peers: PeerProvider;
  readonly router: SessionRouter;
  readonly store: MemoryStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Who the operator is, for plans and events. */
  readonly operator: string;
}

/** The requests that the coordinator answers itself; the rest belongs to whoever embeds it. */
export type PlanHandlers = Pick<
  RequestHandlers,
  | 'plan.propose'
  | 'plan.run'
  | 'plan.abort'
  | 'plan.dismiss'
  | 'verification.start'
  | 'verification.stop'
  | 'verification.set'
>;

export class Coordinator {
  readonly cluster: Cluster;
  readonly handlers: PlanHandlers;
  private readonly ring: RingKeeper;
  private readonly watch: NodeWatch;
  private readonly maintenance: MaintenanceWatch;
  private readonly plans: PlanRunner;
  private readonly verification: VerificationRunner;
  private readonly saving = new Lane();

  constructor(private readonly options: CoordinatorOptions) {
    const { name, nodes, clock, router, peers, log, operator } = options;
    this.cluster = new Cluster({ name, nodes, clock });
    const { cluster } = this;
    const remember = () => this.remember();
    const token = new TokenRing(cluster);
    this.ring = new RingKeeper(cluster, router, token);
    this.watch = new NodeWatch({ cluster, ring: this.ring, token, peers, log, remember });
    this.maintenance = new MaintenanceWatch(cluster);
    this.plans = new PlanRunner({ cluster, ring: this.ring, log, remember });
    this.verification = new VerificationRunner(cluster, log, remember);
    this.handlers = {
      'plan.propose': ({ node, target, donor }, by = operator) =>
        this.plans.propose({ node, target, donor, askedBy: by }),
      'plan.run': async ({ plan, maintenance }, by = operator) => this.plans.run(plan, maintenance, by),
      'plan.abort': async ({ plan }, by = operator) => this.plans.stop(plan, by),
      'plan.dismiss': async ({ plan }) => {
        this.plans.dismiss(plan);
        return null;
      },
      'verification.start': async ({ loadPercent }, by = operator) =>
        this.verification.start(loadPercent, by),
      'verification.stop': async (_nothing, by = operator) => {
        this.verification.stop(by);
        return null;
      },
      'verification.set': async ({ verifiesJoins }) => {
        cluster.verifiesJoins = verifiesJoins;
        cluster.changed();
        await this.remember();
        return null;
      },
    };
  }

  /**
   * Connects to all peers and starts what is wanted.
   * @param firstActive how many nodes a cluster without memory begins with
   */
  async open(firstActive: number): Promise<void> {
    const { store, log } = this.options;
    const { cluster } = this;
    cluster.startingUp = 'Connecting to the peers';
    const memory = await store.load();
    cluster.verifiesJoins = memory?.verifiesJoins ?? true;
    for (const node of cluster.nodes) {
      const remembered = memory?.nodes[node.name];
      if (remembered) node.recall(remembered);
    }
    this.maintenance.begin();
    await this.watch.connectAll();
    const empty = cluster.nodes.every((node) => !node.hasData);
    const startable = cluster.nodes.filter((node) => node.state !== 'maintenance');
    await startUp({ cluster, ring: this.ring, log }, empty ? startable.slice(0, firstActive) : []);
    await this.remember();
  }

  /** Sessions are placed anew, for instance after a load generator came back. */
  async route(): Promise<void> {
    await this.ring.route();
  }

  /** Lets running plans end or stops them, stops all servers cleanly, and remembers how things stood. */
  async close(): Promise<void> {
    const { cluster } = this;
    const { log, operator } = this.options;
    await this.verification.close(operator);
    if (cluster.plan?.state === 'running') this.plans.stop(cluster.plan.id, operator);
    await this.plans.settled();
    await shutDown({ cluster, ring: this.ring, log });
    await this.remember();
    await Promise.all(
      cluster.nodes.map((node) => node.call('peer.end', { stopServer: true }).catch(() => undefined)),
    );
    this.watch.close();
    this.maintenance.close();
    cluster.close();
  }

  private remember(): Promise<void> {
    return this.saving.run(async () => {
      try {
        await this.options.store.save(this.cluster.memory());
      } catch (error) {
        this.options.log.error({ error: messageOf(error) }, 'memory not saved');
        throw error;
      }
    });
  }
}
