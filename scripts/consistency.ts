/**
 * `npm run consistency -- --seconds 60 --lab`: clients on all nodes of a cluster, then checks that nothing was lost,
 * doubled, out of order or different. The last line is one JSON object; exit code 1 when something is wrong.
 */
import { Command, InvalidArgumentError } from 'commander';
import { systemClock } from '../app/base/clock.js';
import type { SqlAddress } from '../app/contract/control.js';
import { type ConsistencyOptions, runConsistency } from '../app/lab/consistency/consistency.js';
import { positive } from './support/arguments.js';
import { openOwnLab } from './support/own-lab.js';

type Cluster = Pick<ConsistencyOptions, 'addresses' | 'login' | 'nodes' | 'nodeLogin'>;

const addressOf = (text: string): SqlAddress => {
  const match = /^(.+):(\d+)$/.exec(text);
  if (!match?.[1]) throw new InvalidArgumentError('not host:port');
  return { host: match[1], port: Number(match[2]) };
};

const several = (text: string, before: readonly SqlAddress[] | undefined) => [
  ...(before ?? []),
  addressOf(text),
];

interface Options {
  readonly seconds: number;
  readonly clients: number;
  readonly seed: number;
  readonly only?: readonly string[];
  readonly lab?: boolean;
  readonly address?: readonly SqlAddress[];
  readonly node?: readonly SqlAddress[];
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly nodeUser?: string;
  readonly nodePassword?: string;
}

const options = new Command('consistency')
  .option('--seconds <seconds>', 'how long the clients work', positive, 60)
  .option('--clients <count>', 'clients of each workload on each address (each node of a lab)', positive, 2)
  .option('--seed <number>', 'decides what the clients do', positive, 1)
  .option('--only <names...>', 'workloads: bank, lists, claims, counters, chance')
  .option('--lab', 'on three nodes of a lab of its own')
  .option('--address <host:port>', 'an address that clients use; repeat it', several)
  .option('--node <host:port>', 'a node itself, for the checks; repeat it', several)
  .option('--user <name>', 'account of the clients', 'bank')
  .option('--password <text>', 'its password', '')
  .option('--database <name>', 'where the tables are made; those of an earlier run are dropped', 'bank')
  .option('--node-user <name>', 'account that may read everything and the binlogs')
  .option('--node-password <text>', 'its password')
  .parse()
  .opts<Options>();

/** A lab of three active nodes. */
async function labCluster(): Promise<{ cluster: Cluster; close: () => Promise<void> }> {
  const { lab, close } = await openOwnLab('consistency', 23_700, 0);
  try {
    const { snapshot } = await lab.handlers['cluster.open']({});
    const { application, admin } = lab.accounts;
    const nodes = snapshot.nodes.map(({ name, host, port }) => ({ name, address: { host, port } }));
    const { frontEnd } = snapshot;
    if (!frontEnd) throw new Error('the lab has no address');
    // The lab's one address spreads its sessions over the nodes.
    const { host, port } = frontEnd;
    const addresses = nodes.map(() => ({ host, port }));
    return { cluster: { addresses, login: application, nodes, nodeLogin: admin }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function givenCluster(): Cluster {
  const { address = [], node = [], user, password, database, nodeUser, nodePassword } = options;
  if (address.length === 0 || node.length === 0)
    throw new Error('name the cluster by --address and --node, or take --lab');
  return {
    addresses: address,
    login: { user, password, database },
    nodes: node.map((each) => ({ name: `${each.host}:${each.port}`, address: each })),
    nodeLogin: { user: nodeUser ?? user, password: nodePassword ?? password },
  };
}

const { cluster, close } = options.lab
  ? await labCluster()
  : { cluster: givenCluster(), close: async () => undefined };
try {
  const { seconds, clients, seed, only } = options;
  const report = await runConsistency({
    ...cluster,
    seconds,
    clients,
    seed,
    ...(only ? { only } : {}),
    clock: systemClock,
    onProgress: (text) => process.stderr.write(`${text}\n`),
  });
  for (const problem of report.problems) process.stderr.write(`${problem}\n`);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exitCode = report.problems.length === 0 ? 0 : 1;
} finally {
  await close();
}
