/** The console's side of a cluster: attaches to the peers, keeps one snapshot, proposes and runs plans. */
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { Lane } from '../base/lane.js';
import type { Log } from '../base/log.js';
import type { RequestHandlers } from '../contract/window.js';
import { Cluster } from './cluster.js';
import { recallPlans, sayWhatStands } from './interrupted.js';
import { MaintenanceWatch } from './maintenance-watch.js';
import { NodeWatch } from './node-watch.js';
import { PlanRunner } from './plan-runner.js';
import type { MemoryStore, NodeSettings, PeerProvider, SessionRouter } from './ports.js';
import { Recovery } from './recovery.js';
import { RingKeeper } from './ring-keeper.js';
import { SeriesRunner } from './series-runner.js';
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
  /** Whether failed nodes are brought back without being asked for; null: as it was set last, on at first. */
  readonly recovery: boolean | null;
}

/** The requests that the coordinator answers itself; the rest belongs to whoever embeds it. */
export const planRequests = [
  'plan.propose',
  'plan.run',
  'plan.abort',
  'plan.dismiss',
  'series.propose',
  'series.run',
  'series.stop',
  'series.dismiss',
  'recovery.set',
  'verification.start',
  'verification.stop',
  'verification.set',
] as const;
export type PlanHandlers = Pick<RequestHandlers, (typeof planRequests)[number]>;
export class Coordinator {
  readonly cluster: Cluster;
  readonly handlers: PlanHandlers;
  private readonly ring: RingKeeper;
  private readonly watch: NodeWatch;
  private readonly maintenance: MaintenanceWatch;
  private readonly plans: PlanRunner;
  private readonly series: SeriesRunner;
  private readonly recovery: Recovery;
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
    this.series = new SeriesRunner({ cluster, plans: this.plans, log, remember });
    this.recovery = new Recovery({ cluster, plans: this.plans, log });
    this.verification = new VerificationRunner(cluster, log, remember);
    this.handlers = this.makeHandlers(operator);
  }

  private makeHandlers(operator: string): PlanHandlers {
    const { plans, series, recovery, verification, cluster } = this;
    return {
      'plan.propose': ({ node, target, donor }, by = operator) =>
        plans.propose({ node, target, donor, askedBy: by }),
      'plan.run': async ({ plan, maintenance }, by = operator) => plans.run(plan, maintenance, by),
      'plan.abort': async ({ plan }, by = operator) => plans.stop(plan, by),
      'plan.dismiss': async ({ plan }) => {
        plans.dismiss(plan);
        return null;
      },
      'series.propose': async ({ nodes, act }, by = operator) => series.propose(nodes, act, by),
      'series.run': async ({ series: id }, by = operator) => series.run(id, by),
      'series.stop': async ({ series: id }) => series.stop(id),
      'series.dismiss': async ({ series: id }) => {
        series.dismiss(id);
        return null;
      },
      'recovery.set': async (settings, by = operator) => {
        recovery.set(settings, by);
        await this.remember();
        return null;
      },
      'verification.start': async ({ loadPercent }, by = operator) => verification.start(loadPercent, by),
      'verification.stop': async (_nothing, by = operator) => {
        verification.stop(by);
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
    if (memory) {
      cluster.recovery = memory.recovery;
      recallPlans(cluster, memory);
    }
    const { recovery } = this.options;
    if (recovery !== null) cluster.recovery = { ...cluster.recovery, on: recovery };
    this.maintenance.begin();
    await this.watch.connectAll();
    const empty = cluster.nodes.every((node) => !node.hasData);
    const startable = cluster.nodes.filter((node) => node.state !== 'maintenance');
    await startUp({ cluster, ring: this.ring, log }, empty ? startable.slice(0, firstActive) : []);
    if (memory) sayWhatStands(cluster, memory);
    await this.remember();
    this.recovery.begin();
  }

  /** Sessions are placed anew, for instance after a load generator came back. */
  async route(): Promise<void> {
    await this.ring.route();
  }

  /** Lets running plans end or stops them, stops all servers cleanly, and remembers how things stood. */
  async close(): Promise<void> {
    const { cluster } = this;
    const { log, operator } = this.options;
    this.recovery.close();
    if (cluster.series?.state === 'running') this.series.stop(cluster.series.id);
    await this.verification.close(operator);
    if (cluster.plan?.state === 'running') this.plans.stop(cluster.plan.id, operator);
    await this.plans.settled();
    await this.series.settled();
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
