/** Drives a real lab in tests, with verbs that wait for what an operator would wait for. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { systemClock, waitFor } from '../../base/clock.js';
import { createLog } from '../../base/log.js';
import { type ClusterSnapshot, findNode, type NodeView } from '../../model/cluster.js';
import { nodeName } from '../../model/ids.js';
import type { NodeState, TargetState } from '../../model/node-state.js';
import { hasEnded, type Plan } from '../../model/plan.js';
import type { Series, SeriesAct } from '../../model/series.js';
import { runsAsRoot } from '../folders.js';
import { type Lab, openLab } from '../lab.js';
import { freePorts } from '../ports.js';

const programs = join(import.meta.dirname, '../../../out');

export interface LabDriverOptions {
  readonly nodes?: number;
  readonly active?: number;
  readonly connections?: number;
  /** Off where it is not said: tests bring nodes back themselves. */
  readonly recovery?: boolean;
  readonly folder?: string;
  /** First of the ports that the lab may use. */
  readonly port: number;
}

export class LabDriver {
  private constructor(
    readonly lab: Lab & { readonly ready: Promise<void> },
    readonly folder: string,
  ) {}

  static async open({
    nodes = 3,
    active = 1,
    connections = 0,
    recovery = false,
    folder,
    port,
  }: LabDriverOptions): Promise<LabDriver> {
    const root = runsAsRoot() ? '/var/lib' : tmpdir();
    const home = folder ?? (await mkdtemp(join(root, 'ringmaster-test-lab-')));
    const [free = port] = await freePorts(port, 1, '127.0.0.1');
    const lab = await openLab({
      folder: home,
      nodes,
      active,
      port: free,
      connections,
      recovery,
      programs: { peer: join(programs, 'peer/peer.cjs'), load: join(programs, 'load/load.cjs') },
      log: createLog('lab', join(home, 'lab.log')),
    });
    const driver = new LabDriver(lab, home);
    await lab.ready;
    return driver;
  }

  async snapshot(): Promise<ClusterSnapshot> {
    return (await this.lab.handlers['cluster.open']({})).snapshot;
  }

  async node(name: string): Promise<NodeView> {
    const found = findNode(await this.snapshot(), nodeName(name));
    if (!found) throw new Error(`no node ${name}`);
    return found;
  }

  async states(): Promise<NodeState[]> {
    return (await this.snapshot()).nodes.map((node) => node.state);
  }

  /** Waits until `test` holds for the snapshot. */
  async until(
    what: string,
    test: (snapshot: ClusterSnapshot) => boolean,
    timeoutMs = 60_000,
  ): Promise<ClusterSnapshot> {
    const probe = async () => {
      const snapshot = await this.snapshot();
      return test(snapshot) ? snapshot : undefined;
    };
    const found = await waitFor(systemClock, probe, { everyMs: 20, timeoutMs });
    if (!found)
      throw new Error(
        `waited in vain until ${what}: ${JSON.stringify((await this.snapshot()).nodes, null, 1)}`,
      );
    return found;
  }

  /** Proposes a state change and runs it, as the menu and the card do; answers the plan as it ended. */
  async move(name: string, target: TargetState, onRunning?: (plan: Plan) => Promise<void>): Promise<Plan> {
    const { handlers } = this.lab;
    const proposed = await handlers['plan.propose']({ node: nodeName(name), target, donor: null });
    const maintenance = target === 'maintenance' ? { reason: 'new disks', minutes: 60 } : null;
    await handlers['plan.run']({ plan: proposed.id, maintenance });
    if (onRunning) await onRunning(proposed);
    const ended = await this.until(
      `${proposed.title} ends`,
      ({ plan }) => plan?.id === proposed.id && hasEnded(plan),
      120_000,
    );
    if (!ended.plan) throw new Error('the plan vanished');
    return ended.plan;
  }

  /** Proposes a series for these nodes and runs it; answers the series as it ended. */
  async moveAll(names: readonly string[], act: SeriesAct): Promise<Series> {
    const { handlers } = this.lab;
    const proposed = await handlers['series.propose']({ nodes: names.map(nodeName), act });
    await handlers['series.run']({ series: proposed.id });
    const ended = await this.until(
      `${proposed.title} ends`,
      ({ series }) => series?.id === proposed.id && hasEnded(series),
      180_000,
    );
    if (!ended.series) throw new Error('the series vanished');
    return ended.series;
  }

  /** Kills the server of a node as a crash would. */
  async killServer(name: string): Promise<void> {
    process.kill(Number(await readFile(join(this.folder, name, 'run', 'mariadb.pid'), 'utf8')), 'SIGKILL');
  }

  /** Asks a node's server itself. For looking only: changes go through the front end, which keeps their order. */
  async query(name: string, sql: string): Promise<RowDataPacket[]> {
    const { host, port } = await this.node(name);
    return await this.#run({ host, port }, sql);
  }

  /** Changes data as an application does, through the lab's address, as soon as it takes sessions. */
  async write(sql: string): Promise<void> {
    const { frontEnd } = await this.until('the lab takes sessions', ({ nodes }) =>
      nodes.some((node) => node.state === 'active'),
    );
    await this.#run({ host: '127.0.0.1', port: frontEnd?.port ?? 0 }, sql);
  }

  async #run(address: { host: string; port: number }, sql: string): Promise<RowDataPacket[]> {
    const { user, password, database } = this.lab.accounts.application;
    const connection = await createConnection({ ...address, user, password, database });
    try {
      const [rows] = await connection.query<RowDataPacket[]>(sql);
      return rows;
    } finally {
      await connection.end();
    }
  }

  /** Closes the lab; `keep` leaves its folder for another start. */
  async close({ keep = false } = {}): Promise<void> {
    await this.lab.close();
    if (!keep) await rm(this.folder, { recursive: true, force: true });
  }
}
