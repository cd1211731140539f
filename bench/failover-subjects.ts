/** The two clusters in which things fail: how they fail there, who notices, and how they are made whole again. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { delay, systemClock, waitFor } from '../app/base/clock.js';
import type { PeerControl, PeerSettings, PeerStatus } from '../app/contract/control.js';
import { connectToPeer } from '../app/io/control/client.js';
import type { NodeName } from '../app/model/ids.js';
import { hasEnded } from '../app/model/plan.js';
import type { GaleraCluster } from './galera.js';
import type { LabCluster } from './lab-cluster.js';
import { machineMs } from './machine-clock.js';
import { processTree } from './processes.js';

/** What fails: a server or a peer is killed, or both; a server is stopped and not heard of again. */
export const failures = ['server', 'peer', 'both', 'stop'] as const;
export type Failure = (typeof failures)[number];

/** What was seen of a failure, milliseconds after it; null for what was not seen. */
export interface Seen {
  /** Somebody who lives has noticed. */
  readonly noticedMs: number | null;
  /** Every surviving member has given the old membership up. */
  readonly knownMs: number | null;
  /** Every surviving member works in a membership without the lost one. */
  readonly agreedMs: number | null;
}

/** Something under observation. */
export interface Observed {
  /** When it failed, on the machine's clock. */
  readonly failedMs: number;
  /** What was seen so far; ends the observation. */
  seen(): Promise<Seen>;
}

/** A cluster of three in which things fail. */
export interface Subject {
  readonly name: string;
  readonly failures: readonly Failure[];
  /** Lets it fail at a member, by its index. */
  fail(failure: Failure, member: number): Promise<Observed>;
  /** Resolves when all three members work together again. */
  mend(): Promise<void>;
}

const mendWithinMs = 120_000;
const lookEveryMs = 50;

async function until<Found>(
  what: string,
  probe: () => Promise<Found | undefined> | Found | undefined,
): Promise<Found> {
  const found = await waitFor(systemClock, probe, { everyMs: lookEveryMs, timeoutMs: mendWithinMs });
  if (found === undefined) throw new Error(`waited in vain until ${what}`);
  return found;
}

const kill = (pid: number, signal: 'SIGKILL' | 'SIGSTOP'): void => {
  process.kill(pid, signal);
};

/** A stopped server cannot be asked to end: it must not be left when we go. */
class Stopped {
  #pid: number | null = null;

  constructor() {
    process.once('exit', () => this.end());
  }

  stop(pid: number): void {
    this.#pid = pid;
    kill(pid, 'SIGSTOP');
  }

  end(): void {
    const pid = this.#pid;
    this.#pid = null;
    try {
      if (pid !== null) kill(pid, 'SIGKILL');
    } catch {
      // It was ended already.
    }
  }
}

interface LabPeer {
  readonly name: NodeName;
  readonly control: PeerControl;
  readonly status: PeerStatus;
}

/** News of one peer. */
interface News {
  readonly name: NodeName;
  readonly atMs: number;
  readonly status: PeerStatus;
}

const viewOf = ({ ring }: PeerStatus) => (ring?.state === 'operational' ? ring.view : null);

/** Our cluster. @param folder of the lab */
export class OurSubject implements Subject {
  readonly name = 'ours';
  readonly failures = failures;
  readonly #stopped = new Stopped();
  #failed: { readonly failure: Failure; readonly name: NodeName } | null = null;

  constructor(
    private readonly cluster: LabCluster,
    private readonly folder: string,
    private readonly names: readonly NodeName[],
  ) {}

  async fail(failure: Failure, member: number): Promise<Observed> {
    const name = this.names[member] as NodeName;
    const peers = await Promise.all(this.names.map((each) => this.#connect(each)));
    const server = peers[member]?.status.server;
    if (server?.kind !== 'running') throw new Error(`the server of ${name} does not run`);
    const peerPid = this.#peerPid(name);
    const old = Math.max(...peers.map(({ status }) => viewOf(status)?.ringId ?? 0));
    const news: News[] = [];
    for (const { name: from, control } of peers)
      control.onNotice('peer.changed', (status) => news.push({ name: from, atMs: machineMs(), status }));
    this.#failed = { failure, name };
    const failedMs = machineMs();
    if (failure === 'stop') this.#stopped.stop(server.pid);
    if (failure === 'server' || failure === 'both') kill(server.pid, 'SIGKILL');
    if (failure === 'peer' || failure === 'both') kill(peerPid, 'SIGKILL');
    const seen = async (): Promise<Seen> => {
      for (const { control } of peers) control.close();
      return whatWasSeen(news, {
        failedMs,
        name,
        survivors: this.names.filter((each) => each !== name),
        old,
      });
    };
    return { failedMs, seen };
  }

  async mend(): Promise<void> {
    const failed = this.#failed;
    if (!failed) return;
    this.#stopped.end();
    // A peer that comes back joins by itself, unless its server went too far without it.
    const fails = await until(`${failed.name} is seen as failed, or works again`, async () => {
      const node = (await this.#nodes()).find(({ name }) => name === failed.name);
      return node?.state === 'failed'
        ? true
        : failed.failure === 'peer' && (await this.#whole())
          ? false
          : undefined;
    });
    if (fails) await this.#bringBack(failed.name);
    await until('all peers work in one view', () => this.#whole());
    this.#failed = null;
  }

  /** Ends what cannot end by itself. */
  release(): void {
    this.#stopped.end();
  }

  async #connect(name: NodeName): Promise<LabPeer> {
    const control = await connectToPeer(name, join(this.folder, name, 'peer.sock'));
    return { name, control, status: await control.call('peer.status', {}) };
  }

  #peerPid(name: NodeName): number {
    const settings = join(this.folder, name, 'peer.json');
    const found = processTree(process.pid).find(({ command }) => command.endsWith(settings));
    if (!found) throw new Error(`no peer process of ${name}`);
    return found.pid;
  }

  async #nodes() {
    return (await this.cluster.lab.handlers['cluster.open']({})).snapshot.nodes;
  }

  async #bringBack(name: NodeName): Promise<void> {
    const { handlers } = this.cluster.lab;
    const { id } = await handlers['plan.propose']({ node: name, target: 'active', donor: null });
    await handlers['plan.run']({ plan: id, maintenance: null });
    const plan = await until(`${name} is back`, async () => {
      const { snapshot } = await handlers['cluster.open']({});
      return snapshot.plan?.id === id && hasEnded(snapshot.plan) ? snapshot.plan : undefined;
    });
    if (plan.state !== 'done') throw new Error(`${plan.title}: ${JSON.stringify(plan.error)}`);
  }

  async #whole(): Promise<true | undefined> {
    const peers = await Promise.all(this.names.map((name) => this.#connect(name).catch(() => undefined)));
    for (const peer of peers) peer?.control.close();
    const views = new Set(peers.map((peer) => (peer ? viewOf(peer.status)?.ringId : undefined)));
    const ready = peers.every(
      (peer) =>
        peer?.status.ring?.ready === true &&
        peer.status.follow?.receiver === 'running' &&
        viewOf(peer.status)?.members.length === this.names.length,
    );
    const active = (await this.#nodes()).every(({ state }) => state === 'active');
    return ready && active && views.size === 1 ? true : undefined;
  }
}

function whatWasSeen(
  news: readonly News[],
  failed: {
    readonly failedMs: number;
    readonly name: NodeName;
    readonly survivors: readonly NodeName[];
    readonly old: number;
  },
): Seen {
  const { failedMs, name, survivors, old } = failed;
  const gone = ({ status }: News) => viewOf(status)?.ringId !== old;
  const without = ({ status }: News) => {
    const view = viewOf(status);
    return view !== null && view.ringId !== old && !view.members.some(({ node }) => node === name);
  };
  const first = (of: readonly NodeName[], is: (one: News) => boolean): number | null => {
    const found = news.find((one) => of.includes(one.name) && is(one));
    return found ? found.atMs - failedMs : null;
  };
  const last = (is: (one: News) => boolean): number | null => {
    const each = survivors.map((survivor) => first([survivor], is));
    return each.some((atMs) => atMs === null) ? null : Math.max(...(each as number[]));
  };
  return {
    noticedMs: first([...survivors, name], (one) => gone(one) || one.status.server.kind !== 'running'),
    knownMs: last(gone),
    agreedMs: last(without),
  };
}

/** How often a member of Galera is asked for its view of the cluster. Milliseconds. */
const galeraLookMs = 5;

/** A Galera cluster. */
export class GaleraSubject implements Subject {
  readonly name = 'Galera';
  readonly failures = ['server', 'stop'] as const;
  #failed: number | null = null;

  constructor(private readonly cluster: GaleraCluster) {}

  async fail(failure: Failure, member: number): Promise<Observed> {
    const { servers } = this.cluster;
    const pid = servers[member]?.pid ?? 0;
    const watching = await Promise.all(
      servers.filter((_server, index) => index !== member).map((server) => server.connect()),
    );
    this.#failed = member;
    const failedMs = machineMs();
    kill(pid, failure === 'stop' ? 'SIGSTOP' : 'SIGKILL');
    let ending = false;
    const shrunk = watching.map((connection) => untilSmaller(connection, servers.length, () => ending));
    // Whoever gives up before anybody asks ends the servers.
    for (const each of shrunk) each.catch(() => undefined);
    const seen = async (): Promise<Seen> => {
      ending = true;
      const each = await Promise.all(shrunk);
      for (const connection of watching) connection.destroy();
      const agreedMs = each.some((atMs) => atMs === null) ? null : Math.max(...(each as number[])) - failedMs;
      return { noticedMs: null, knownMs: null, agreedMs };
    };
    return { failedMs, seen };
  }

  async mend(): Promise<void> {
    if (this.#failed === null) return;
    await this.cluster.servers[this.#failed]?.stop();
    await this.cluster.begin(this.#failed);
    this.#failed = null;
  }
}

/** Resolves with the moment when the member says that the cluster has lost somebody. */
async function untilSmaller(
  connection: Connection,
  size: number,
  ending: () => boolean,
): Promise<number | null> {
  while (!ending()) {
    const [rows] = await connection.query("SHOW STATUS LIKE 'wsrep_cluster_size'");
    if (Number((rows as { Value: string }[])[0]?.Value) < size) return machineMs();
    await delay(systemClock, galeraLookMs);
  }
  return null;
}

/** Where the front end of a node of a lab listens. */
export async function frontEndPort(folder: string, name: NodeName): Promise<number> {
  const settings = JSON.parse(await readFile(join(folder, name, 'peer.json'), 'utf8')) as PeerSettings;
  return settings.frontEnd?.port ?? 0;
}
