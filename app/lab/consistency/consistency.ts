/**
 * Consistency workloads against a cluster: clients on all its addresses for a while, then the checks. Knows SQL and
 * addresses only, so that it tests whatever stands behind them.
 */
import { delay } from '../../base/clock.js';
import { Admin } from '../../io/mariadb/admin.js';
import type { Tally } from './client.js';
import { Crowd, type CrowdOptions } from './crowd.js';
import { type DirectNode, judgeNodes, settle } from './nodes.js';

export interface ConsistencyOptions extends CrowdOptions {
  /** The nodes themselves, for the checks afterwards. */
  readonly nodes: readonly DirectNode[];
  /** An account that may read everything and the binlogs. */
  readonly nodeLogin: { readonly user: string; readonly password: string };
  readonly seconds: number;
  /** Told once a second while it runs. */
  readonly onProgress?: (text: string) => void;
}

export interface ConsistencyReport {
  readonly seed: number;
  readonly seconds: number;
  readonly workloads: Readonly<Record<string, Tally>>;
  /** Changes by the id of the server that committed them, in the binlog that holds most. */
  readonly changesBy: Readonly<Record<string, number>>;
  /** Everything that is wrong; empty when the cluster is consistent. */
  readonly problems: readonly string[];
}

/** Runs all workloads at the same time, then checks. @throws whatever prevents the preparation */
export async function runConsistency(options: ConsistencyOptions): Promise<ConsistencyReport> {
  const { clock, nodes, nodeLogin } = options;
  const crowd = new Crowd(options);
  const direct = await Promise.all(
    nodes.map(async ({ name, address }) => ({
      name,
      admin: await Admin.neighbour(name, address, nodeLogin),
    })),
  );
  try {
    await crowd.prepare();
    const problems = await settle(direct, clock);
    crowd.begin();
    for (let second = 1; second <= options.seconds; second++) {
      await delay(clock, 1_000);
      options.onProgress?.(`${second} s: ${crowd.describe()}`);
    }
    await crowd.rest();
    problems.push(...crowd.trouble, ...(await settle(direct, clock)));
    problems.push(...(await crowd.check(direct)));
    const judged = await judgeNodes(direct, clock);
    return {
      seed: options.seed,
      seconds: options.seconds,
      workloads: crowd.tallies,
      changesBy: judged.changesBy,
      problems: [...problems, ...judged.problems],
    };
  } finally {
    for (const { admin } of direct) await admin.close();
  }
}
