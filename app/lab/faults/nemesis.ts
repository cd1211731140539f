/** One fault after another under clients that never stop asking, chosen by a seed; after each, everything is checked. */
import { join } from 'node:path';
import { type Clock, delay, systemClock, waitFor } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import { type Random, seededRandom } from '../../base/random.js';
import { LocalHost } from '../../io/local-host.js';
import { Admin } from '../../io/mariadb/admin.js';
import { type NodeFolder, nodeFolder } from '../../io/mariadb/node-folder.js';
import { Crowd } from '../consistency/crowd.js';
import { type LabAccounts, loadAccounts } from '../lab-files.js';
import { checkNodes } from './checks.js';
import type { FaultKind, Struck, World } from './fault.js';
import { NodeProcesses } from './node-processes.js';
import { describe, Operator } from './operator.js';
import { faultKinds } from './table.js';

export interface NemesisOptions {
  readonly minutes: number;
  /** Decides which faults come in which order, whom they strike, and what the clients do; not when things happen. */
  readonly seed: number;
  /** Names of the kinds to choose from; all where left out. */
  readonly only?: readonly string[];
  /** An empty folder for the lab. */
  readonly folder: string;
  /** First of the ports that the lab may use. */
  readonly port: number;
  /** The bundled program of a lab without a window. */
  readonly program: string;
  readonly onProgress: (text: string) => void;
}

export interface NemesisReport {
  readonly minutes: number;
  readonly seed: number;
  /** How often each kind struck. */
  readonly faults: Readonly<Record<string, number>>;
  /** Commits that clients were told of. */
  readonly acknowledged: number;
  /** Things that were acknowledged and are not there, or the other way round. */
  readonly lost: number;
  /** Differences between nodes, and nodes that do not meet. */
  readonly divergent: number;
  readonly unfinishedPlans: number;
  /** All that is wrong, the three above included. */
  readonly violations: number;
}

export interface NemesisOutcome {
  readonly report: NemesisReport;
  /** Every violation in words. */
  readonly problems: readonly string[];
  /** Kinds that cannot be done here, with the reason. */
  readonly skipped: readonly string[];
}

const names = ['db1', 'db2', 'db3'] as const;
/** Clients of each of the five workloads. */
const clientsEach = 5;
/** Acknowledged before a fault, and again after it. */
const atWorkChanges = 100;
const atWorkMs = 60_000;
/** How long clients may wait for their last answers when everything is whole. */
const restMs = 60_000;

/** Runs until time is up or something is wrong. @throws when the lab cannot be opened at all */
export async function runNemesis(options: NemesisOptions): Promise<NemesisOutcome> {
  const nemesis = await Nemesis.open(options);
  try {
    return await nemesis.run();
  } finally {
    await nemesis.close();
  }
}

class Nemesis {
  readonly #faults: Record<string, number> = {};
  readonly #problems = { lost: [] as string[], divergent: [] as string[], other: [] as string[] };
  readonly #clock: Clock = systemClock;
  readonly #random: Random;

  private constructor(
    private readonly options: NemesisOptions,
    private readonly world: World,
  ) {
    this.#random = seededRandom(options.seed);
  }

  static async open(options: NemesisOptions): Promise<Nemesis> {
    const clock = systemClock;
    const { folder, port, program, seed, onProgress } = options;
    const accounts = await loadAccounts(folder);
    const host = new LocalHost(clock);
    const processes = new NodeProcesses(folder, host, clock);
    const operator = new Operator({
      lab: { folder, port, program, more: [], clock },
      clock,
      tell: (text) => onProgress(`  ${text}`),
    });
    const crowd = new Crowd({
      addresses: [{ host: '127.0.0.1', port }],
      login: accounts.application,
      clients: clientsEach,
      seed,
      clock,
    });
    const folderOf = (node: string): NodeFolder => nodeFolder(join(folder, node));
    const world: World = {
      nodes: names,
      operator,
      processes,
      crowd,
      host,
      clock,
      folderOf,
      admin: (node) => connect(accounts, node, folderOf(node)),
    };
    const nemesis = new Nemesis(options, world);
    try {
      await operator.open();
      await operator.recover();
      await crowd.prepare();
      return nemesis;
    } catch (error) {
      await nemesis.close();
      throw error;
    }
  }

  async run(): Promise<NemesisOutcome> {
    const { minutes, only, onProgress } = this.options;
    const { kinds, skipped } = await sort(only);
    for (const reason of skipped) onProgress(`not done here: ${reason}`);
    const beganMs = this.#clock.monotonicMs();
    const endMs = beganMs + minutes * 60_000;
    let deck: FaultKind[] = [];
    let number = 0;
    while (this.#clock.monotonicMs() < endMs && this.#count() === 0) {
      if (deck.length === 0) deck = shuffle(kinds, this.#random);
      const kind = deck.pop();
      if (!kind) break;
      const seconds = Math.round((this.#clock.monotonicMs() - beganMs) / 1000);
      onProgress(`${++number}. ${kind.name} at ${seconds} s, ${this.world.crowd.acknowledged} acknowledged`);
      // Its own chance, so that what one fault draws does not move the others.
      await this.#round(kind, this.#random.fork());
    }
    return { report: this.#report(), problems: this.#all(), skipped };
  }

  /** Ends everything that was begun; what the nodes wrote stays. */
  async close(): Promise<void> {
    // Where something is wrong nothing is mended any more: what is there shall be found.
    if (this.#count() === 0) await this.world.operator.close().catch(() => false);
    else await this.world.operator.abandon();
    await this.world.processes.killAll();
    // The clients that were asking something find out that nobody is there.
    await this.world.crowd.rest();
  }

  async #round(kind: FaultKind, random: Random): Promise<void> {
    const { crowd, operator } = this.world;
    this.#faults[kind.name] = (this.#faults[kind.name] ?? 0) + 1;
    try {
      crowd.begin();
      await this.#atWork('before the fault');
      const firstEvent = (await operator.snapshot()).events.at(-1)?.id ?? 0;
      const struck = await kind.strike(this.world, random);
      this.options.onProgress(`  ${struck.told}`);
      this.#problems.other.push(...(struck.problems ?? []));
      const heard = await operator.recover();
      if (operator.endless.length > 0) return;
      await this.#atWork('after the fault, though all nodes are active');
      await this.#named(struck, firstEvent, heard);
      await this.#compare();
    } catch (error) {
      this.#problems.other.push(`${kind.name}: ${messageOf(error)}`);
      const stands = await operator.snapshot().then(describe, (thrown: unknown) => messageOf(thrown));
      this.options.onProgress(`  ${stands}`);
    }
  }

  /** Clients have their changes acknowledged. */
  async #atWork(when: string): Promise<void> {
    const { crowd } = this.world;
    const goal = crowd.acknowledged + atWorkChanges;
    const reached = await waitFor(this.#clock, () => (crowd.acknowledged >= goal ? true : undefined), {
      timeoutMs: atWorkMs,
    });
    if (!reached)
      throw new Error(
        `${when} only ${atWorkChanges - goal + crowd.acknowledged} changes were acknowledged in ${atWorkMs / 1000} s`,
      );
  }

  /** What a fault wants to be told must have been said by a plan, a state or an event. */
  async #named(struck: Struck, firstEvent: number, heard: readonly string[]): Promise<void> {
    if (!struck.after) return;
    const { events, nodes } = await this.world.operator.snapshot();
    const said = [
      ...heard,
      ...events.filter(({ id }) => id > firstEvent).map(({ text }) => text),
      ...nodes.map(({ reason }) => reason ?? ''),
    ];
    this.#problems.other.push(...struck.after(said.join('\n')));
  }

  async #compare(): Promise<void> {
    const { crowd, nodes } = this.world;
    const rested = await Promise.race([
      crowd.rest().then(() => true),
      delay(this.#clock, restMs).then(() => false),
    ]);
    if (!rested)
      throw new Error(`clients wait for answers for ${restMs / 1000} s, though all nodes are active`);
    const admins = await Promise.all(
      nodes.map(async (name) => ({ name, admin: await this.world.admin(name) })),
    );
    try {
      const { lost, divergent } = await checkNodes(admins, crowd, this.#clock);
      this.#problems.lost.push(...lost);
      this.#problems.divergent.push(...divergent);
      this.#problems.other.push(...crowd.trouble);
    } finally {
      for (const { admin } of admins) await admin.close();
    }
  }

  #all(): string[] {
    const { lost, divergent, other } = this.#problems;
    return [...lost, ...divergent, ...this.world.operator.endless, ...other];
  }

  #count(): number {
    return this.#all().length;
  }

  #report(): NemesisReport {
    const { minutes, seed } = this.options;
    return {
      minutes,
      seed,
      faults: this.#faults,
      acknowledged: this.world.crowd.acknowledged,
      lost: this.#problems.lost.length,
      divergent: this.#problems.divergent.length,
      unfinishedPlans: this.world.operator.endless.length,
      violations: this.#count(),
    };
  }
}

/** Which kinds can be done here; the others with the reason. @throws RangeError for a name that is none */
async function sort(only: readonly string[] | undefined) {
  const strange = only?.find((name) => !faultKinds.some((kind) => kind.name === name));
  if (strange !== undefined)
    throw new RangeError(`no fault ${strange}; there are ${faultKinds.map(({ name }) => name).join(', ')}`);
  const kinds: FaultKind[] = [];
  const skipped: string[] = [];
  for (const kind of faultKinds) {
    if (only && !only.includes(kind.name)) continue;
    const reason = await kind.impossible();
    if (reason === null) kinds.push(kind);
    else skipped.push(`${kind.name}: ${reason}`);
  }
  return { kinds, skipped };
}

/** Every kind as often as its weight, in an order that the seed decides: a deck, so that none is left out for long. */
function shuffle(kinds: readonly FaultKind[], random: Random): FaultKind[] {
  const deck = kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
  for (let last = deck.length - 1; last > 0; last--) {
    const other = random.integer(0, last);
    const [one, two] = [deck[last], deck[other]];
    if (one && two) [deck[last], deck[other]] = [two, one];
  }
  return deck;
}

/** Over the server's own socket, which stays where it is whatever happens to addresses. */
const connect = (accounts: LabAccounts, node: string, folder: NodeFolder): Promise<Admin> =>
  Admin.atSocket(node, folder.socket, accounts.admin);
