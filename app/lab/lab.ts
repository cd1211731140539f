/**
 * The lab: a whole cluster of real servers on this machine, with its coordinator, its load and its one address.
 * The console and the command line run the same lab.
 */
import { rename, rm } from 'node:fs/promises';
import { availableParallelism, userInfo } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock, type Timer } from '../base/clock.js';
import { messageOf, RingmasterError, toRingmasterError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { PeerSettings } from '../contract/control.js';
import type { PushName, RequestHandlers, WindowPushes } from '../contract/window.js';
import { Coordinator } from '../coordinator/coordinator.js';
import { publishingFirst } from '../coordinator/gate/answer.js';
import type { NodeSettings, SessionRouter, SessionTarget } from '../coordinator/ports.js';
import { MetricsHistory } from '../metrics/history.js';
import type { LoadSettings } from '../model/cluster.js';
import { type NodeName, nodeName } from '../model/ids.js';
import type { MetricsPoint, NodeSample } from '../model/metrics.js';
import { FrontDoor } from './front-door.js';
import { fileMemory, type LabAccounts, loadAccounts, lockFolder, makeFolder } from './lab-files.js';
import { LabRing } from './lab-ring.js';
import { LoadClient } from './load/client.js';
import { defaultLoadSettings } from './load/contract.js';
import { PeerProcesses } from './peer-processes.js';
import { frontSessionsMax, peerSettings } from './peer-settings.js';
import { freePorts, isFree } from './ports.js';
import { LabRouting } from './routing.js';
import { countSessions } from './session-counts.js';

const host = '127.0.0.1';
const sampleEveryMs = 1000;
const historyPoints = 300;
/** With this quota three nodes fit on a small machine, and adding one adds capacity as a separate machine would. */
const defaultQuotaCores = 0.4;
const labName = 'Lab';
/** Who acts here. */
const operator = userInfo().username;
export interface LabOptions {
  /** Everything the lab owns lives below it. */
  readonly folder: string;
  /** How many nodes the lab has. */
  readonly nodes: number;
  /** How many of them are active on the very first start. */
  readonly active: number;
  /** Port of the address that applications use. */
  readonly port: number;
  /** Connections of the load generator; 0 for no load. */
  readonly connections: number;
  /** Where the programs of peers and load generator are. */
  readonly programs: { readonly peer: string; readonly load: string };
  readonly log: Log;
}

export type PushListener = <Name extends PushName>(name: Name, push: WindowPushes[Name]) => void;

/** A running lab. */
export interface Lab {
  readonly handlers: RequestHandlers;
  readonly accounts: LabAccounts;
  /** Calls `listener` on every push until the returned function is called. */
  onPush(listener: PushListener): () => void;
  /** Stops load and servers cleanly. */
  close(): Promise<void>;
}

/**
 * Opens a lab: locks its folder, starts what was running when it was closed (or the first `active` nodes).
 * Resolves as soon as requests can be answered; servers and load go on starting, seen in the snapshot.
 * `ready` resolves when they have.
 * @throws RingmasterError `lab.locked`, `host.port-in-use`, `host.path-denied`, `lab.state-unreadable`
 */
export async function openLab(options: LabOptions): Promise<Lab & { readonly ready: Promise<void> }> {
  await makeFolder(options.folder);
  const unlock = await lockFolder(options.folder);
  try {
    if (!(await isFree(options.port, host)))
      throw new RingmasterError('host.port-in-use', { port: options.port, host });
    const accounts = await loadAccounts(options.folder);
    const running = new RunningLab(options, accounts, unlock);
    return await running.begin();
  } catch (error) {
    await unlock();
    throw error;
  }
}

class RunningLab implements Lab {
  readonly handlers: RequestHandlers;
  ready: Promise<void> = Promise.resolve();
  private readonly clock: Clock = systemClock;
  private readonly listeners = new Set<PushListener>();
  private history = new MetricsHistory(historyPoints);
  private quotaCores = defaultQuotaCores;
  private schemaReady = false;
  private parts: Parts | undefined;
  private sampler: Timer | undefined;
  private load: LoadSettings;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly options: LabOptions,
    readonly accounts: LabAccounts,
    private readonly unlock: () => Promise<void>,
  ) {
    this.load = { ...defaultLoadSettings, connections: options.connections };
    this.handlers = publishingFirst(this.makeHandlers(), () => this.parts?.coordinator.cluster.publish());
  }

  async begin(): Promise<this> {
    this.parts = await this.makeParts();
    this.ready = this.startUp();
    this.ready.catch(() => undefined);
    this.sampler = this.clock.every(sampleEveryMs, () => this.sample());
    return this;
  }

  onPush(listener: PushListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  private push<Name extends PushName>(name: Name, push: WindowPushes[Name]): void {
    for (const listener of this.listeners) listener(name, push);
  }

  private get running(): Parts {
    if (!this.parts) throw new RingmasterError('defect', { cause: 'the lab has not begun' });
    return this.parts;
  }

  private makeHandlers(): RequestHandlers {
    const plans = () => this.running.coordinator.handlers;
    return {
      'cluster.open': async () => ({
        snapshot: this.running.coordinator.cluster.snapshot(),
        metrics: this.history.all(),
      }),
      'plan.propose': (payload, by) => plans()['plan.propose'](payload, by),
      'plan.run': (payload, by) => plans()['plan.run'](payload, by),
      'plan.abort': (payload, by) => plans()['plan.abort'](payload, by),
      'plan.dismiss': (payload) => plans()['plan.dismiss'](payload),
      'verification.start': (payload, by) => plans()['verification.start'](payload, by),
      'verification.stop': (payload, by) => plans()['verification.stop'](payload, by),
      'verification.set': (payload) => plans()['verification.set'](payload),
      'load.set': async (settings) => {
        this.load = settings;
        await this.applyLoad();
        return null;
      },
      'routing.decisions': (query) => this.running.routing.handlers['routing.decisions'](query),
      'routing.set': (routing) => this.running.routing.handlers['routing.set'](routing),
      'lab.set-quota': async ({ cores }) => {
        this.quotaCores = cores;
        await this.applyQuota();
        return null;
      },
      'lab.reset': async ({ confirmation }) => {
        if (confirmation !== labName) throw new RingmasterError('request.forbidden', { name: 'lab.reset' });
        await this.reset();
        return null;
      },
    };
  }

  private async makeParts(): Promise<Parts> {
    const { options, accounts, clock } = this;
    const names = Array.from({ length: options.nodes }, (_, index) => nodeName(`db${index + 1}`));
    const ports = await freePorts(options.port + 1, options.nodes, host);
    const afterSql = (ports.at(-1) ?? options.port) + 1;
    const frontPorts = await freePorts(afterSql, options.nodes, host);
    const afterFront = (frontPorts.at(-1) ?? afterSql) + 1;
    const ring = await LabRing.load(options.folder, names, options.active, ports, afterFront);
    const settings = new Map<NodeName, PeerSettings>();
    const nodes: NodeSettings[] = names.map((name, index) => {
      const address = { host, port: ports[index] ?? 0 };
      const frontEnd = { host, port: frontPorts[index] ?? 0 };
      const place = { name, number: index + 1, sql: address, frontEnd };
      settings.set(name, peerSettings(options.folder, accounts, place, ring));
      return { name, serverId: index + 1, address, frontEnd };
    });
    const peers = new PeerProcesses({ program: options.programs.peer, settings, clock, log: options.log });
    const load = new LoadClient({
      programPath: options.programs.load,
      login: accounts.application,
      settings: this.load,
      clock,
      log: options.log,
    });
    const routing = await LabRouting.load({ folder: options.folder, nodes: names, clock });
    const { placement } = routing;
    const door: FrontDoor = await FrontDoor.open({
      host,
      port: options.port,
      choose: (client) => placement.choose(client, coordinator.cluster.nodeViews(), door.sessionsPerNode()),
      sessionsMax: frontSessionsMax,
      clock,
      log: options.log,
    });
    const router: SessionRouter = {
      route: async (targets) => {
        placement.setTargets(targets);
        // Before its schema is there, the load has nothing to do anywhere.
        if (!this.schemaReady && load.view().state === 'running') await this.makeSchema();
        if (this.schemaReady) await load.setTargets(loadTargets(targets));
        this.showFrontEnd();
      },
    };
    const coordinator = new Coordinator({
      name: labName,
      nodes,
      peers,
      router,
      store: fileMemory(options.folder),
      clock,
      log: options.log,
      operator,
    });
    coordinator.cluster.onUpdate((update) => this.push('cluster.updated', update));
    load.onView((view) => {
      coordinator.cluster.load = view;
      coordinator.cluster.changed();
    });
    routing.onChange((text) => {
      coordinator.cluster.say({
        kind: 'policy',
        severity: 'info',
        node: null,
        text,
        by: operator,
        mark: true,
      });
      this.showFrontEnd();
    });
    return { coordinator, peers, load, door, routing, ring };
  }

  private async startUp(): Promise<void> {
    const { coordinator, load } = this.running;
    const { cluster } = coordinator;
    cluster.load = load.view();
    try {
      await coordinator.open(Math.min(this.options.active, this.options.nodes));
      await this.applyQuota();
      await this.applyLoad();
    } catch (error) {
      this.options.log.error({ error: messageOf(error) }, 'the lab did not start');
      cluster.problem = toRingmasterError(error).view();
      cluster.startingUp = null;
      cluster.changed();
      throw error;
    }
  }

  /** Starts, changes or stops the load so that it is what was asked for. */
  private async applyLoad(): Promise<void> {
    const { coordinator, load } = this.running;
    await load.setSettings(this.load);
    if (this.load.connections === 0) {
      await load.stop();
      return;
    }
    if (load.view().state !== 'stopped') return;
    await load.start();
    await this.makeSchema();
    await coordinator.route();
  }

  /** The bank's tables, once a node takes sessions; a cluster without one is tried again when sessions are routed. */
  private async makeSchema(): Promise<void> {
    const { coordinator, load } = this.running;
    const [first] = coordinator.cluster.sessionTargets();
    if (!first) return;
    await load.prepareSchema(first.address);
    this.schemaReady = true;
  }

  private async applyQuota(): Promise<void> {
    const { cluster } = this.running.coordinator;
    const answers = await Promise.all(
      cluster.nodes.map(async (node) => {
        const answer = await node.call('server.set-quota', { cores: this.quotaCores });
        node.cpuQuotaCores = answer.applied ? this.quotaCores : null;
        return answer;
      }),
    );
    const refused = answers.find((answer) => !answer.applied);
    cluster.processorNote = refused
      ? `the nodes share this machine's ${availableParallelism()} cores (${refused.why})`
      : `each node has ${this.quotaCores} core${this.quotaCores === 1 ? '' : 's'} of this machine's ${availableParallelism()}`;
    cluster.changed();
  }

  private showFrontEnd(): void {
    const { coordinator, routing, door } = this.running;
    const { cluster } = coordinator;
    const address = { host, port: this.options.port };
    const counts = countSessions(cluster.nodes, cluster.frontEnd, door.sessionsPerNode());
    cluster.frontEnd = { ...address, ...routing.view(), ...counts };
    cluster.changed();
  }

  private sample(): void {
    const { coordinator, load, routing, ring } = this.running;
    const nowMs = this.clock.wallMs();
    const nodes: Record<NodeName, NodeSample | null> = {};
    for (const node of coordinator.cluster.nodes) {
      const sample = fresh(node.sample, nowMs);
      nodes[node.name] = sample;
      if (sample) routing.placement.sampled(node.name, sample);
    }
    const view = load.view();
    const point: MetricsPoint = { atMs: nowMs, nodes, load: view.state === 'running' ? view.sample : null };
    this.history.append(point);
    this.push('metrics.appended', point);
    this.showFrontEnd();
    if (coordinator.cluster.snapshot().token) {
      ring
        .viewSeen()
        .catch((error: unknown) => this.options.log.error({ error: messageOf(error) }, 'ring not saved'));
    }
  }

  /** Stops everything, erases the data, and starts anew as on the first day. */
  private async reset(): Promise<void> {
    const { options } = this;
    await this.stopParts();
    this.schemaReady = false;
    for (let number = 1; number <= options.nodes; number++) {
      await rm(join(options.folder, `db${number}`), { recursive: true, force: true });
    }
    await LabRing.forget(options.folder);
    await LabRouting.forget(options.folder);
    const memory = join(options.folder, 'memory.json');
    await rename(memory, `${memory}.before-reset`).catch(() => undefined);
    this.parts = await this.makeParts();
    const snapshot = this.parts.coordinator.cluster.snapshot();
    this.history = new MetricsHistory(historyPoints);
    // A new coordinator counts from one: windows see the gap and open again.
    this.push('cluster.updated', { since: -1, version: snapshot.version, changes: {} });
    this.ready = this.startUp();
    await this.ready;
  }

  private async stopParts(): Promise<void> {
    const { coordinator, load, door, peers } = this.running;
    await load.stop();
    await door.close();
    await coordinator.close();
    await peers.ended();
  }

  private async shutDown(): Promise<void> {
    this.sampler?.cancel();
    await this.ready.catch(() => undefined);
    try {
      await this.stopParts();
    } finally {
      this.listeners.clear();
      await this.unlock();
    }
  }
}

interface Parts {
  readonly coordinator: Coordinator;
  readonly peers: PeerProcesses;
  readonly load: LoadClient;
  readonly door: FrontDoor;
  readonly routing: LabRouting;
  readonly ring: LabRing;
}

/** The generator's sessions are pooled connections of an application that knows every node's address. */
const loadTargets = (targets: readonly SessionTarget[]) => {
  const addresses = targets.map(({ address }) => address);
  return { writers: addresses, readers: addresses };
};

/** A sample older than two periods is a gap, not a value. */
const fresh = (sample: NodeSample | null, nowMs: number): NodeSample | null =>
  sample !== null && nowMs - sample.takenAtMs < 2 * sampleEveryMs ? sample : null;
