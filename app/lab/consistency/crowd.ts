/** The clients of all workloads: they come, work, have a rest, and come again; what they know is kept between. */
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import type { Clock } from '../../base/clock.js';
import { type Random, seededRandom } from '../../base/random.js';
import type { SqlAddress } from '../../contract/control.js';
import type { Admin } from '../../io/mariadb/admin.js';
import { bankWorkload } from './bank.js';
import { chanceWorkload } from './chance.js';
import { claimsWorkload } from './claims.js';
import { Client, type Login, type Tally } from './client.js';
import { countersWorkload } from './counters.js';
import { listsWorkload } from './lists.js';
import { Violations, type Workload } from './workload.js';

export interface CrowdOptions {
  /** Where clients go: the front ends. */
  readonly addresses: readonly SqlAddress[];
  readonly login: Login;
  /** Clients of each workload on each address. */
  readonly clients: number;
  /** Decides what the clients do, not when. */
  readonly seed: number;
  /** Names of the workloads to run; all where left out. */
  readonly only?: readonly string[];
  readonly clock: Clock;
}

export class Crowd {
  readonly #options: CrowdOptions;
  readonly #workloads: readonly Workload[];
  readonly #random: Random;
  readonly #trouble = new Violations();
  #shift: { readonly stop: AbortController; readonly ended: Promise<unknown> } | null = null;

  constructor(options: CrowdOptions) {
    const clients = options.clients * options.addresses.length;
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#workloads = [
      bankWorkload(clients),
      listsWorkload(),
      claimsWorkload(clients),
      countersWorkload(),
      chanceWorkload(),
    ].filter(({ name }) => options.only?.includes(name) ?? true);
  }

  get tallies(): Readonly<Record<string, Tally>> {
    return Object.fromEntries(this.#workloads.map(({ name, tally }) => [name, tally]));
  }

  /** Where its tables are. */
  get database(): string {
    return this.#options.login.database;
  }

  /** Commits that were acknowledged. */
  get acknowledged(): number {
    return this.#workloads.reduce((sum, { tally }) => sum + tally.commits, 0);
  }

  /** Errors that no client expected. */
  get trouble(): readonly string[] {
    return this.#trouble.list;
  }

  /** Makes the tables; those of an earlier run are dropped. */
  async prepare(): Promise<void> {
    const { addresses, login } = this.#options;
    const connection = await createConnection({ ...addresses[0], ...login });
    try {
      for (const { prepare } of this.#workloads)
        for (const statement of prepare) await connection.query(statement);
    } finally {
      connection.destroy();
    }
  }

  /** All clients begin. */
  begin(): void {
    const { addresses, clock, login, clients } = this.#options;
    const stop = new AbortController();
    const running: Promise<void>[] = [];
    for (const workload of this.#workloads) {
      for (let number = 0; number < clients * addresses.length; number++) {
        const client = new Client({
          addresses,
          first: number,
          login,
          greeting: workload.greeting,
          clock,
          random: this.#random.fork(),
          tally: workload.tally,
          onTrouble: (text) => this.#trouble.add(`${workload.name}, client ${number}: ${text}`),
        });
        running.push(loop(workload, client, number, stop.signal));
      }
    }
    this.#shift = { stop, ended: Promise.all(running) };
  }

  /** Resolves when every client has the answer to what it asked last. @throws what a client did not expect at all */
  async rest(): Promise<void> {
    const shift = this.#shift;
    this.#shift = null;
    shift?.stop.abort();
    await shift?.ended;
  }

  /** What is wrong with what remained on the nodes, which must stand still. */
  async check(nodes: readonly { readonly name: string; readonly admin: Admin }[]): Promise<string[]> {
    const { login } = this.#options;
    const readers = nodes.map(({ name, admin }) => ({
      name,
      // Quoted by the accounts themselves: the schema is the login's.
      rows: async (statement: string) => {
        await admin.query(`USE \`${login.database}\``);
        return (await admin.query(statement)) as RowDataPacket[];
      },
    }));
    const problems: string[] = [];
    for (const workload of this.#workloads)
      problems.push(...(await workload.check(readers)).map((text) => `${workload.name}: ${text}`));
    return problems;
  }

  describe(): string {
    return this.#workloads
      .map(
        ({ name, tally }) => `${name} ${tally.done} (repeated ${tally.repeated}, unknown ${tally.unknown})`,
      )
      .join(', ');
  }
}

async function loop(workload: Workload, client: Client, number: number, stop: AbortSignal): Promise<void> {
  try {
    while (!stop.aborted) await workload.step(client, number, stop);
  } finally {
    client.close();
  }
}
