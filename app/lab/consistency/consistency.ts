/**
 * Consistency workloads against a cluster: clients on all its addresses for a while, then the checks. Knows SQL and
 * addresses only, so that it tests whatever stands behind them.
 */
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { type Clock, delay } from '../../base/clock.js';
import { seededRandom } from '../../base/random.js';
import type { SqlAddress } from '../../contract/control.js';
import { Admin } from '../../io/mariadb/admin.js';
import { bankWorkload } from './bank.js';
import { chanceWorkload } from './chance.js';
import { claimsWorkload } from './claims.js';
import { Client, type Login, type Tally } from './client.js';
import { countersWorkload } from './counters.js';
import { listsWorkload } from './lists.js';
import { type DirectNode, judgeNodes, settle } from './nodes.js';
import { Violations, type Workload } from './workload.js';

export interface ConsistencyOptions {
  /** Where clients go: the front ends. */
  readonly addresses: readonly SqlAddress[];
  readonly login: Login;
  /** The nodes themselves, for the checks afterwards. */
  readonly nodes: readonly DirectNode[];
  /** An account that may read everything and the binlogs. */
  readonly nodeLogin: { readonly user: string; readonly password: string };
  readonly seconds: number;
  /** Clients of each workload on each address. */
  readonly clients: number;
  /** Decides what the clients do, not when. */
  readonly seed: number;
  /** Names of the workloads to run; all where left out. */
  readonly only?: readonly string[];
  readonly clock: Clock;
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
  const { clock, nodes, nodeLogin, login } = options;
  const clients = options.clients * options.addresses.length;
  const workloads = [
    bankWorkload(clients),
    listsWorkload(),
    claimsWorkload(clients),
    countersWorkload(),
    chanceWorkload(),
  ].filter(({ name }) => options.only?.includes(name) ?? true);
  const direct = await Promise.all(
    nodes.map(async ({ name, address }) => ({
      name,
      admin: await Admin.neighbour(name, address, nodeLogin),
    })),
  );
  try {
    await prepare(options, workloads);
    const problems = await settle(direct, clock);
    const trouble = new Violations();
    await runClients(options, workloads, (text) => trouble.add(text));
    problems.push(...trouble.list, ...(await settle(direct, clock)));
    const readers = direct.map(({ name, admin }) => ({
      name,
      // Quoted by the accounts themselves: the schema is the login's.
      rows: async (statement: string) => {
        await admin.query(`USE \`${login.database}\``);
        return (await admin.query(statement)) as RowDataPacket[];
      },
    }));
    for (const workload of workloads)
      problems.push(...(await workload.check(readers)).map((text) => `${workload.name}: ${text}`));
    const judged = await judgeNodes(direct, clock);
    return {
      seed: options.seed,
      seconds: options.seconds,
      workloads: Object.fromEntries(workloads.map(({ name, tally }) => [name, tally])),
      changesBy: judged.changesBy,
      problems: [...problems, ...judged.problems],
    };
  } finally {
    for (const { admin } of direct) await admin.close();
  }
}

async function prepare({ addresses, login }: ConsistencyOptions, workloads: readonly Workload[]) {
  const connection = await createConnection({ ...addresses[0], ...login });
  try {
    for (const { prepare: statements } of workloads)
      for (const statement of statements) await connection.query(statement);
  } finally {
    connection.destroy();
  }
}

async function runClients(
  options: ConsistencyOptions,
  workloads: readonly Workload[],
  onTrouble: (text: string) => void,
): Promise<void> {
  const { addresses, clock, login } = options;
  const random = seededRandom(options.seed);
  const stop = new AbortController();
  const running: Promise<void>[] = [];
  for (const workload of workloads) {
    for (let number = 0; number < options.clients * addresses.length; number++) {
      const client = new Client({
        addresses,
        first: number,
        login,
        greeting: workload.greeting,
        clock,
        random: random.fork(),
        tally: workload.tally,
        onTrouble: (text) => onTrouble(`${workload.name}, client ${number}: ${text}`),
      });
      running.push(loop(workload, client, number, stop.signal));
    }
  }
  for (let second = 1; second <= options.seconds; second++) {
    await delay(clock, 1_000);
    options.onProgress?.(`${second} s: ${describe(workloads)}`);
  }
  stop.abort();
  await Promise.all(running);
}

async function loop(workload: Workload, client: Client, number: number, stop: AbortSignal): Promise<void> {
  try {
    while (!stop.aborted) await workload.step(client, number, stop);
  } finally {
    client.close();
  }
}

const describe = (workloads: readonly Workload[]): string =>
  workloads
    .map(({ name, tally }) => `${name} ${tally.done} (repeated ${tally.repeated}, unknown ${tally.unknown})`)
    .join(', ');
