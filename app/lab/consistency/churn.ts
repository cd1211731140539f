/**
 * Nodes that leave and come back under load, again and again; after each time all rows of all nodes are compared at one
 * change. What only hundreds of sessions on throttled servers bring about shows here.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock, waitFor } from '../../base/clock.js';
import { type Random, seededRandom } from '../../base/random.js';
import { Admin, textOf } from '../../io/mariadb/admin.js';
import { checksumTables } from '../../io/mariadb/checksums.js';
import type { ClusterSnapshot, NodeView } from '../../model/cluster.js';
import { nodeName } from '../../model/ids.js';
import type { TargetState } from '../../model/node-state.js';
import { hasEnded } from '../../model/plan.js';
import type { Lab } from '../lab.js';
import { defaultLoadSettings } from '../load/contract.js';
import { differingRows, judgeTables } from './nodes.js';

export interface ChurnOptions {
  /** How often a node leaves and comes back. */
  readonly rounds: number;
  /** Connections of the load. */
  readonly connections: number;
  /** Percent of the transactions that write. */
  readonly writes: number;
  /** Decides who leaves, and how. */
  readonly seed: number;
  readonly onProgress: (text: string) => void;
}

export interface ChurnReport {
  readonly rounds: number;
  /** Changes that all nodes hold at the end. */
  readonly changes: string;
  /** Everything that is wrong; empty when the nodes are equal and every plan ended well. */
  readonly problems: readonly string[];
}

/** How a node goes away; it always comes back as active. */
const ways = ['offline', 'standby', 'killed'] as const;
type Way = (typeof ways)[number];

const planBoundMs = 180_000;
const stateBoundMs = 30_000;
/** How long the nodes may take to stand at one change after the last write. */
const settleBoundMs = 90_000;
const lookEveryMs = 100;
/** Under load before a node leaves. */
const loadedChanges = 300;

/** Runs until the first difference. */
export async function churn(lab: Lab, options: ChurnOptions): Promise<ChurnReport> {
  const driver = new Churn(lab, systemClock, options);
  const random = seededRandom(options.seed);
  const problems: string[] = [];
  let changes = '';
  let round = 0;
  while (round < options.rounds && problems.length === 0) {
    round++;
    try {
      await driver.underLoad();
      const told = await driver.round(random);
      const compared = await driver.compare();
      problems.push(...compared.problems);
      changes = compared.position;
      options.onProgress(`round ${round}: ${told}; compared at ${changes}`);
    } catch (error) {
      problems.push(`round ${round}: ${error instanceof Error ? error.message : String(error)}`);
      problems.push(...(await driver.compare()).problems);
    }
  }
  for (const problem of problems) options.onProgress(problem);
  return { rounds: round, changes, problems };
}

class Churn {
  constructor(
    private readonly lab: Lab,
    private readonly clock: Clock,
    private readonly options: ChurnOptions,
  ) {}

  /** Writes again, and waits until there were some. */
  async underLoad(): Promise<void> {
    await this.setWrites(this.options.writes);
    const begin = lastNumber(await this.snapshot());
    await this.until(
      'the load writes',
      (snapshot) => lastNumber(snapshot) > begin + loadedChanges,
      planBoundMs,
    );
  }

  /** One node goes and comes back. @returns what happened, in words */
  async round(random: Random): Promise<string> {
    const nodes = (await this.snapshot()).nodes;
    const node = random.pick(nodes);
    const way: Way = random.pick(ways);
    if (way === 'killed') await this.kill(node);
    else {
      await this.move(node.name, 'standby');
      if (way === 'offline') await this.move(node.name, 'offline');
    }
    await this.move(node.name, 'active');
    return `${node.name} was ${way} and came back`;
  }

  /** Compares every row of all nodes at one change, after the last write. */
  async compare(): Promise<{ position: string; problems: string[] }> {
    await this.setWrites(0);
    const { nodes } = await this.snapshot();
    const account = this.lab.accounts.admin;
    const admins = await Promise.all(
      nodes.map(async ({ name, host, port }) => ({
        name,
        admin: await Admin.neighbour(name, { host, port }, account),
      })),
    );
    const context = { signal: new AbortController().signal, progress: () => undefined };
    const deadlineMs = this.clock.monotonicMs() + settleBoundMs;
    try {
      for (;;) {
        const read = await Promise.all(admins.map(({ admin }) => checksumTables(admin, this.clock, context)));
        const [position = ''] = read.map((each) => each.position);
        if (read.every((each) => each.position === position)) {
          const tables = new Map(admins.map(({ name }, index) => [name, read[index]?.tables ?? []]));
          const problems = judgeTables(tables);
          if (problems.length > 0)
            problems.push(...(await differingRows(admins, this.lab.accounts.application.database)));
          return { position, problems };
        }
        if (this.clock.monotonicMs() > deadlineMs)
          return {
            position,
            problems: [`the nodes do not meet: ${read.map((each) => each.position).join(', ')}`],
          };
      }
    } finally {
      for (const { admin } of admins) await admin.close();
    }
  }

  private async setWrites(percent: number): Promise<void> {
    const { connections } = this.options;
    await this.lab.handlers['load.set']({
      ...defaultLoadSettings,
      connections,
      writePercent: percent,
    });
  }

  private async snapshot(): Promise<ClusterSnapshot> {
    return (await this.lab.handlers['cluster.open']({})).snapshot;
  }

  private async until(
    what: string,
    test: (snapshot: ClusterSnapshot) => boolean,
    timeoutMs: number,
  ): Promise<ClusterSnapshot> {
    const found = await waitFor(
      this.clock,
      async () => {
        const snapshot = await this.snapshot();
        return test(snapshot) ? snapshot : undefined;
      },
      { everyMs: lookEveryMs, timeoutMs },
    );
    if (!found) throw new Error(`waited in vain until ${what}`);
    return found;
  }

  private async move(name: string, target: TargetState): Promise<void> {
    const { handlers } = this.lab;
    const proposed = await handlers['plan.propose']({ node: nodeName(name), target, donor: null });
    await handlers['plan.run']({ plan: proposed.id, maintenance: null });
    const { plan } = await this.until(
      `${proposed.title} ends`,
      (snapshot) => snapshot.plan?.id === proposed.id && hasEnded(snapshot.plan),
      planBoundMs,
    );
    if (plan?.state === 'done') return;
    const failed = plan?.steps.find((step) => step.state === 'failed');
    throw new Error(`${proposed.title}: ${plan?.state}, ${failed?.title}: ${JSON.stringify(plan?.error)}`);
  }

  private async kill(node: NodeView): Promise<void> {
    const { name, host, port } = node;
    const admin = await Admin.neighbour(name, { host, port }, this.lab.accounts.admin);
    const row = await admin.one('SELECT @@pid_file AS pidFile, @@datadir AS folder');
    await admin.close();
    const path = textOf(row, 'pidFile');
    const file = path.startsWith('/') ? path : join(textOf(row, 'folder'), path);
    process.kill(Number(await readFile(file, 'utf8')), 'SIGKILL');
    await this.until(
      `${node.name} is seen as failed`,
      ({ nodes }) => nodes.find((each) => each.name === node.name)?.state === 'failed',
      stateBoundMs,
    );
  }
}

/** The highest change that any node is known to hold. */
const lastNumber = ({ nodes }: ClusterSnapshot): number =>
  Math.max(0, ...nodes.map(({ position }) => Number(position?.split('-').at(-1) ?? 0)));
