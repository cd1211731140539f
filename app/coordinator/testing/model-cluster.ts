/** A coordinator of three model peers, in time that costs nothing: plans run to their ends within a test. */
import type { Clock } from '../../base/clock.js';
import { silentLog } from '../../base/log.js';
import { nodeName } from '../../model/ids.js';
import type { TargetState } from '../../model/node-state.js';
import { hasEnded, type Plan } from '../../model/plan.js';
import type { Series, SeriesAct } from '../../model/series.js';
import { PeerModel } from '../../sim/peer-model.js';
import { Coordinator } from '../coordinator.js';
import type { ClusterMemory } from '../ports.js';

const modelNodes = [1, 2, 3].map((number) => ({
  name: nodeName(`db${number}`),
  serverId: number,
  address: { host: '127.0.0.1', port: 7000 + number },
  frontEnd: { host: '127.0.0.1', port: 7100 + number },
}));

/** The reason that `move` gives for every maintenance. */
export const givenReason = { reason: 'new disks', minutes: 60 };

/**
 * Timers fire as soon as everything before them has run, and then it is so much later: waits that are in vain end. Its
 * wall clock moves on request only.
 */
export class HurriedClock implements Clock {
  nowMs = 0;
  private waitedMs = 0;
  private readonly periodic = new Set<() => void>();

  monotonicMs(): number {
    return this.nowMs + this.waitedMs;
  }

  wallMs(): number {
    return this.nowMs;
  }

  after(delayMs: number, run: () => void) {
    const handle = setImmediate(() => {
      this.waitedMs += delayMs;
      run();
    });
    return { cancel: () => clearImmediate(handle) };
  }

  every(_periodMs: number, run: () => void) {
    this.periodic.add(run);
    return { cancel: () => void this.periodic.delete(run) };
  }

  /** It is so much later: everything periodic looks once. */
  advance(ms: number): void {
    this.nowMs += ms;
    for (const run of this.periodic) run();
  }
}

/** What is kept between two coordinators of the same cluster. */
export interface ModelDisk {
  memory: ClusterMemory | undefined;
  /** Set: the disk is full. */
  unwritable?: Error | undefined;
}

export interface OpenedModel {
  readonly model: PeerModel;
  readonly coordinator: Coordinator;
  readonly clock: HurriedClock;
  readonly disk: ModelDisk;
}

/**
 * Opens a cluster.
 * @param active how many nodes are active, when `model` has no data
 */
export async function openModel(
  active: number,
  {
    model = new PeerModel(modelNodes),
    clock = new HurriedClock(),
    disk = { memory: undefined } as ModelDisk,
    recovery = false,
  } = {},
): Promise<OpenedModel> {
  const coordinator = new Coordinator({
    name: 'model',
    nodes: modelNodes,
    peers: { connect: async (node) => model.connect(node) },
    router: { route: async () => undefined },
    store: {
      load: async () => disk.memory,
      save: async (next) => {
        if (disk.unwritable) throw disk.unwritable;
        disk.memory = structuredClone(next);
      },
    },
    clock,
    log: silentLog(),
    operator: 'test',
    recovery,
  });
  await coordinator.open(active);
  return { model, coordinator, clock, disk };
}

/** Proposes a change and runs it; answers the plan as it ended. */
export async function move({ coordinator }: OpenedModel, node: string, target: TargetState): Promise<Plan> {
  const { handlers, cluster } = coordinator;
  const proposed = await handlers['plan.propose']({ node: nodeName(node), target, donor: null });
  const maintenance = target === 'maintenance' ? givenReason : null;
  await handlers['plan.run']({ plan: proposed.id, maintenance });
  await settled(coordinator);
  if (!cluster.plan || !hasEnded(cluster.plan)) throw new Error('a plan without an end');
  return cluster.plan;
}

/** Proposes a series for these nodes and runs it; answers the series as it ended. */
export async function runSeries(
  { coordinator }: OpenedModel,
  nodes: readonly string[],
  act: SeriesAct,
): Promise<Series> {
  const { handlers, cluster } = coordinator;
  const proposed = await handlers['series.propose']({ nodes: nodes.map(nodeName), act });
  await handlers['series.run']({ series: proposed.id });
  await settled(coordinator);
  if (!cluster.series || !hasEnded(cluster.series)) throw new Error('a series without an end');
  return cluster.series;
}

/** Lets the plan and the repair of the ring run to their ends. */
export async function settled(coordinator: Coordinator): Promise<void> {
  const { cluster } = coordinator;
  for (let turn = 0; turn < 9000; turn++) {
    await new Promise(setImmediate);
    if (turn > 300 && [cluster.plan, cluster.series].every((each) => !each || hasEnded(each))) return;
  }
}
