/** The coordinator's one model of the cluster, and the versioned snapshots that it publishes of it. */
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Timer } from '../base/clock.js';
import { type ErrorView, invariant } from '../base/errors.js';
import type { SnapshotUpdate } from '../contract/window.js';
import type { ClusterEvent, ClusterSnapshot, FrontEndView, LoadView, NodeView } from '../model/cluster.js';
import { sequenceOf } from '../model/gtid.js';
import type { NodeName } from '../model/ids.js';
import { isRunning, type Plan } from '../model/plan.js';
import { defaultRecovery, type RecoveryOutlook, type RecoverySettings } from '../model/recovery.js';
import type { Series } from '../model/series.js';
import type { VerificationView } from '../model/verification.js';
import { ClusterNode } from './node.js';
import type { ClusterMemory, NodeSettings, SessionTarget } from './ports.js';
import { tokenViewOf } from './ring-view.js';

const eventsKept = 500;
/** Changes within this time travel in one update: people cannot see more, and windows have less to draw. */
const publishAfterMs = 50;

export interface ClusterOptions {
  readonly name: string;
  readonly nodes: readonly NodeSettings[];
  readonly clock: Clock;
}

export type UpdateListener = (update: SnapshotUpdate) => void;
type Body = Omit<ClusterSnapshot, 'version'>;

export class Cluster {
  readonly clock: Clock;
  readonly nodes: readonly ClusterNode[];
  /** Replicating nodes in the order that data flows. */
  ring: readonly NodeName[] = [];
  plan: Plan | null = null;
  series: Series | null = null;
  recovery: RecoverySettings = defaultRecovery;
  /** What recovery is about to do. */
  outlook: readonly RecoveryOutlook[] = [];
  verification: VerificationView | null = null;
  verifiesJoins = true;
  frontEnd: FrontEndView | null = null;
  load: LoadView | null = null;
  processorNote = '';
  startingUp: string | null = null;
  problem: ErrorView | null = null;
  private readonly name: string;
  private events: readonly ClusterEvent[] = [];
  private nextEventId = 1;
  private version = 1;
  private published: Body;
  private pending: Timer | undefined;
  private readonly listeners = new Set<UpdateListener>();

  constructor({ name, nodes, clock }: ClusterOptions) {
    this.name = name;
    this.clock = clock;
    this.nodes = nodes.map((settings) => new ClusterNode(settings));
    this.published = this.body();
  }

  /** The node of this name. @throws a defect when there is none: names from outside are checked by the predictor. */
  node(name: NodeName): ClusterNode {
    const found = this.nodes.find((node) => node.name === name);
    invariant(found, `no node ${name}`);
    return found;
  }

  get configured(): readonly NodeName[] {
    return this.nodes.map((node) => node.name);
  }

  /** Where sessions belong, given the states: every active node takes them. */
  sessionTargets(): readonly SessionTarget[] {
    return this.nodes
      .filter((node) => node.state === 'active')
      .map((node) => ({ name: node.name, address: node.settings.frontEnd }));
  }

  /** The nodes as everybody sees them. */
  nodeViews(): readonly NodeView[] {
    const members = this.nodes.filter((node) => this.ring.includes(node.name));
    const newest = Math.max(0, ...members.map((node) => sequenceOf(node.standing?.binlog ?? '')));
    return this.nodes.map((node) => node.view(newest, this.clock.wallMs()));
  }

  /** The snapshot as it stands now; what changed is published at the same time. */
  snapshot(): ClusterSnapshot {
    this.publish();
    return { version: this.version, ...this.published };
  }

  /** Something changed: listeners hear of it soon. */
  changed(): void {
    this.pending ??= this.clock.after(publishAfterMs, () => this.publish());
  }

  /** Adds a line to the event list. */
  say(event: Omit<ClusterEvent, 'id' | 'atMs' | 'planId' | 'by'> & { by?: string }): void {
    const line: ClusterEvent = {
      by: 'Ringmaster',
      ...event,
      id: this.nextEventId++,
      atMs: this.clock.wallMs(),
      planId: this.plan?.state === 'running' ? this.plan.id : null,
    };
    this.events = [...this.events.slice(-(eventsKept - 1)), line];
    this.changed();
  }

  onUpdate(listener: UpdateListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  memory(): ClusterMemory {
    const running = <Kind extends Plan | Series>(each: Kind | null) =>
      each && isRunning(each) ? each : null;
    return {
      nodes: Object.fromEntries(this.nodes.map((node) => [node.name, node.remember()])),
      plan: running(this.plan),
      series: running(this.series),
      recovery: this.recovery,
      verifiesJoins: this.verifiesJoins,
    };
  }

  /** Ends publishing. */
  close(): void {
    this.pending?.cancel();
    this.listeners.clear();
  }

  private body(): Body {
    return {
      name: this.name,
      kind: 'lab',
      nodes: this.nodeViews(),
      ring: this.ring,
      token: tokenViewOf(this.nodes),
      frontEnd: this.frontEnd,
      load: this.load,
      plan: this.plan,
      series: this.series,
      recovery: { ...this.recovery, outlook: this.outlook },
      verification: this.verification,
      verifiesJoins: this.verifiesJoins,
      events: this.events,
      processorNote: this.processorNote,
      startingUp: this.startingUp,
      problem: this.problem,
    };
  }

  /** Tells the listeners what changed, now. */
  publish(): void {
    this.pending?.cancel();
    this.pending = undefined;
    const next = this.body();
    const changes: Record<string, unknown> = {};
    for (const key of Object.keys(next) as (keyof Body)[]) {
      if (!isDeepStrictEqual(next[key], this.published[key])) changes[key] = next[key];
    }
    if (Object.keys(changes).length === 0) return;
    const since = this.version++;
    this.published = next;
    const update = { since, version: this.version, changes } as SnapshotUpdate;
    for (const listener of this.listeners) listener(update);
  }
}
