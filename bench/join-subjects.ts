/** The two clusters that a node joins while clients work, and how long the copy takes in each. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { delay, systemClock, waitFor } from '../app/base/clock.js';
import { connectToPeer } from '../app/io/control/client.js';
import type { NodeName } from '../app/model/ids.js';
import type { TargetState } from '../app/model/node-state.js';
import { hasEnded, type Plan } from '../app/model/plan.js';
import { frontEndPort } from './failover-subjects.js';
import type { GaleraCluster } from './galera.js';
import type { LabCluster } from './lab-cluster.js';
import { benchAccount } from './server.js';
import type { SysbenchTarget } from './sysbench.js';

/** What one join came to. */
export interface Joined {
  /** How long the data were on their way: mariabackup on the donor until everything is unpacked at the joiner. */
  readonly copySeconds: number;
  /** From the wish until the node takes part. */
  readonly allSeconds: number;
  /** The parts, for people. */
  readonly words: string;
}

/** A cluster of three whose first member begins alone. */
export interface JoinSubject {
  readonly name: string;
  /** Where clients of the members that work now connect. */
  target(working: number): SysbenchTarget;
  /** Where the data of a member are. */
  dataFolder(member: number): string;
  join(member: number): Promise<Joined>;
  /** Takes a member out and erases its data. */
  remove(member: number): Promise<void>;
}

const planWithinMs = 900_000;
const lookEveryMs = 50;

/** Our cluster. @param folder of the lab */
export class OurJoin implements JoinSubject {
  readonly name = 'ours';

  private constructor(
    private readonly cluster: LabCluster,
    private readonly folder: string,
    private readonly names: readonly NodeName[],
    private readonly ports: readonly number[],
  ) {}

  static async of(cluster: LabCluster, folder: string): Promise<OurJoin> {
    const { snapshot } = await cluster.lab.handlers['cluster.open']({});
    const names = snapshot.nodes.map(({ name }) => name);
    const ports = await Promise.all(names.map((name) => frontEndPort(folder, name)));
    return new OurJoin(cluster, folder, names, ports);
  }

  target(working: number): SysbenchTarget {
    return { ...this.cluster.address, ports: this.ports.slice(0, working) };
  }

  dataFolder(member: number): string {
    return join(this.folder, this.#name(member), 'data');
  }

  async join(member: number): Promise<Joined> {
    const plan = await this.#move(this.#name(member), 'active');
    const steps = plan.steps
      .filter(({ startedAtMs, endedAtMs }) => startedAtMs !== null && endedAtMs !== null)
      .map((step) => ({ step, seconds: ((step.endedAtMs ?? 0) - (step.startedAtMs ?? 0)) / 1000 }));
    const copy = steps.find(({ step }) => step.action.kind === 'copy');
    if (!copy) throw new Error(`${plan.title}: nothing was copied`);
    return {
      copySeconds: copy.seconds,
      allSeconds: ((plan.endedAtMs ?? 0) - (plan.startedAtMs ?? 0)) / 1000,
      words: steps.map(({ step, seconds }) => `${step.action.kind} ${seconds.toFixed(1)} s`).join(', '),
    };
  }

  async remove(member: number): Promise<void> {
    const name = this.#name(member);
    await this.#move(name, 'offline');
    await rm(this.dataFolder(member), { recursive: true });
    const control = await connectToPeer(name, join(this.folder, name, 'peer.sock'));
    // Whoever looked away finds out that the data are gone.
    await control.call('copy.discard', {});
    control.close();
  }

  #name(member: number): NodeName {
    return this.names[member] as NodeName;
  }

  async #move(node: NodeName, target: TargetState): Promise<Plan> {
    const { handlers } = this.cluster.lab;
    const { id } = await handlers['plan.propose']({ node, target, donor: null });
    await handlers['plan.run']({ plan: id, maintenance: null });
    const plan = await waitFor(
      systemClock,
      async () => {
        const { snapshot } = await handlers['cluster.open']({});
        return snapshot.plan?.id === id && hasEnded(snapshot.plan) ? snapshot.plan : undefined;
      },
      { everyMs: lookEveryMs, timeoutMs: planWithinMs },
    );
    if (plan?.state === 'done') return plan;
    throw new Error(`${plan?.title}: ${plan?.state}, ${JSON.stringify(plan?.error)}`);
  }
}

/** A Galera cluster whose members fetch their data by mariabackup. */
export class GaleraJoin implements JoinSubject {
  readonly name = 'Galera';

  constructor(
    private readonly cluster: GaleraCluster,
    private readonly folder: string,
  ) {}

  target(working: number): SysbenchTarget {
    return { ports: this.cluster.servers.slice(0, working).map(({ port }) => port), ...benchAccount };
  }

  dataFolder(member: number): string {
    return join(this.folder, `galera${member + 1}`, 'data');
  }

  async join(member: number): Promise<Joined> {
    const beganMs = systemClock.monotonicMs();
    let ended = false;
    const donors = this.cluster.servers.slice(0, member).map(async (server) => {
      const root = await server.connect();
      let givesMs = 0;
      for (let lastMs = systemClock.monotonicMs(); !ended; ) {
        const [rows] = await root.query("SHOW STATUS LIKE 'wsrep_local_state_comment'");
        const nowMs = systemClock.monotonicMs();
        if ((rows as { Value: string }[])[0]?.Value === 'Donor/Desynced') givesMs += nowMs - lastMs;
        lastMs = nowMs;
        await delay(systemClock, lookEveryMs);
      }
      await root.end();
      return givesMs;
    });
    try {
      await this.cluster.begin(member);
    } finally {
      ended = true;
    }
    const copyMs = Math.max(...(await Promise.all(donors)));
    const allMs = systemClock.monotonicMs() - beganMs;
    return {
      copySeconds: copyMs / 1000,
      allSeconds: allMs / 1000,
      words: `donor gives ${(copyMs / 1000).toFixed(1)} s`,
    };
  }

  async remove(member: number): Promise<void> {
    await this.cluster.servers[member]?.stop();
    await rm(this.dataFolder(member), { recursive: true });
  }
}
