/** Real peer processes with a ring and no databases, for tests and soaks of the ring itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock, waitFor } from '../../../base/clock.js';
import { randomHex } from '../../../base/random.js';
import type {
  PeerControl,
  PeerSettings,
  RingPeerSettings,
  RingStatus,
  RingView,
} from '../../../contract/control.js';
import { connectToPeer } from '../../../io/control/client.js';
import { serverId } from '../../../model/ids.js';
import { drawLife } from '../store.js';

const parent = process.getuid?.() === 0 ? '/var/lib' : tmpdir();

export interface RingPeersOptions {
  readonly members: number;
  /** Addresses of a member, primary and secondary network. */
  readonly addresses: (member: number) => RingPeerSettings['members'][number]['addresses'];
  /** Put before the command of a member's process: `ip netns exec name`. */
  readonly prefix?: (member: number) => readonly string[];
  readonly timings?: RingPeerSettings['timings'];
}

/** Two loopback networks; every member has its own port. */
export const onLoopback =
  (firstPort: number): RingPeersOptions['addresses'] =>
  (member) => [
    { host: '127.0.0.1', port: firstPort + member },
    { host: '127.0.0.2', port: firstPort + member },
  ];

/** A peer that began to look for a view. */
export interface Gathering {
  /** Milliseconds of the monotonic clock. */
  readonly atMs: number;
  readonly member: number;
  readonly reason: string | null;
  /** Since the process started: how long it stood still at most, and how long its disk took for a promise at most. */
  readonly longestStallMs: number;
  readonly longestWriteMs: number;
  /** How long ago it had heard each of the others, by member. */
  readonly heardAgoMs: Readonly<Record<number, number | null>>;
}

const gatheringOf = ({ member, lastReason, stalls, writes, others }: RingStatus): Gathering => ({
  atMs: systemClock.monotonicMs(),
  member,
  reason: lastReason,
  longestStallMs: stalls.longestMs,
  longestWriteMs: writes.longestMs,
  heardAgoMs: Object.fromEntries(others.map((other) => [other.member, other.heardAgoMs])),
});

interface RingPeer {
  readonly process: ChildProcess;
  readonly control: PeerControl;
  view: RingView | null;
  /** Ring ids of all views that this process told of. */
  readonly views: RingView[];
  readonly delivered: string[];
  /** Every time that it looked for a view, as it told. */
  readonly gatherings: Gathering[];
  /** Called whenever the peer tells of a change. */
  told: (() => void) | null;
}

export class RingPeers {
  readonly key = randomHex(32);
  readonly #options: RingPeersOptions;
  readonly #lives: readonly number[];
  readonly #peers = new Map<number, RingPeer>();
  #folder: Promise<string> | null = null;

  constructor(options: RingPeersOptions) {
    this.#options = options;
    this.#lives = Array.from({ length: options.members }, drawLife);
  }

  /** Starts all members. */
  async startAll(): Promise<void> {
    await Promise.all(this.#lives.map((_, index) => this.start(index + 1)));
  }

  /** Starts a member; a second time it comes back with its store. */
  async start(member: number, changes: Partial<RingPeerSettings> = {}): Promise<void> {
    this.#folder ??= mkdtemp(join(parent, 'ringmaster-test-ring-'));
    const place = await this.#folder;
    const settings = this.#settings(place, member, changes);
    const file = join(place, `${member}.json`);
    await writeFile(file, JSON.stringify(settings), { mode: 0o600 });
    const [command = '', ...words] = [
      ...(this.#options.prefix?.(member) ?? []),
      process.execPath,
      '--import',
      'tsx',
      resolve('app/peer/main.ts'),
      file,
    ];
    const child = spawn(command, words, { stdio: ['ignore', 'inherit', 'inherit'] });
    const control = await waitFor(
      systemClock,
      () => connectToPeer(settings.node, settings.controlSocket).catch(() => undefined),
      { everyMs: 20, timeoutMs: 40_000 },
    );
    if (!control) {
      child.kill('SIGKILL');
      throw new Error(`${settings.node} does not listen: ${await this.log(member)}`);
    }
    const peer: RingPeer = {
      process: child,
      control,
      view: null,
      views: [],
      delivered: [],
      gatherings: [],
      told: null,
    };
    control.onNotice('peer.changed', ({ ring }) => {
      if (ring?.state === 'gather') peer.gatherings.push(gatheringOf(ring));
      const view = ring?.view ?? null;
      if (view && view.ringId !== peer.view?.ringId) peer.views.push(view);
      peer.view = view;
      peer.told?.();
    });
    control.onNotice('ring.delivered', ({ payload }) => peer.delivered.push(payload));
    peer.view = (await control.call('peer.status', {})).ring?.view ?? null;
    this.#peers.set(member, peer);
  }

  #settings(place: string, member: number, changes: Partial<RingPeerSettings>): PeerSettings {
    const { addresses, timings } = this.#options;
    const node = `db${member}`;
    return {
      node,
      serverId: serverId(member),
      folder: join(place, node),
      sql: { host: '127.0.0.1', port: 9 },
      admin: { user: 'ringmaster', password: 'unused' },
      replication: { user: 'replicator', password: 'unused' },
      application: { user: 'bank', password: 'unused', database: 'bank' },
      controlSocket: join(place, `${node}.control`),
      runAs: null,
      bufferPoolMegabytes: 32,
      cpuQuotaCores: null,
      logFile: join(place, `${node}.log`),
      endsWithParent: false,
      frontEnd: null,
      ring: {
        cluster: 'test',
        member,
        data: 'none',
        key: this.key,
        members: this.#lives.map((_, index) => ({
          member: index + 1,
          node: `db${index + 1}`,
          addresses: addresses(index + 1),
          sql: null,
        })),
        founders: this.#lives.map((life, index) => ({ member: index + 1, life, arbiter: false })),
        timings: timings ?? { expelAfterMs: 250, probeAfterMs: 10 },
        ...changes,
      },
    };
  }

  peer(member: number): RingPeer {
    const peer = this.#peers.get(member);
    if (!peer) throw new Error(`member ${member} was not started`);
    return peer;
  }

  async ring(member: number): Promise<RingStatus> {
    const { ring } = await this.peer(member).control.call('peer.status', {});
    if (!ring) throw new Error(`member ${member} has no ring`);
    return ring;
  }

  /** What its log says, for messages of failed tests. */
  async log(member: number): Promise<string> {
    const place = await this.#folder;
    return await readFile(join(place ?? '', `db${member}.log`), 'utf8').catch(() => '(no log)');
  }

  signal(member: number, signal: NodeJS.Signals): void {
    this.peer(member).process.kill(signal);
  }

  /** Kills a member's process and waits until it is gone. */
  async kill(member: number): Promise<void> {
    const { process: child, control } = this.peer(member);
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGCONT');
      child.kill('SIGKILL');
      await exited;
    }
    control.close();
    this.#peers.delete(member);
  }

  /**
   * Waits until these members, and nobody else, are in one view.
   * @returns the view and when the last of them told of it, milliseconds of the monotonic clock
   */
  agreed(members: readonly number[], timeoutMs: number): Promise<{ view: RingView; atMs: number }> {
    const peers = members.map((member) => this.peer(member));
    return new Promise((resolve, reject) => {
      const look = () => {
        const [view] = peers.map((peer) => peer.view);
        if (!view || !peers.every((peer) => peer.view?.ringId === view.ringId)) return;
        if (view.members.map(({ member }) => member).join() !== members.join()) return;
        end();
        resolve({ view, atMs: systemClock.monotonicMs() });
      };
      const timer = systemClock.after(timeoutMs, () => {
        end();
        const seen = members.map(
          (member) => `${member}: ${JSON.stringify(this.#peers.get(member)?.view?.name)}`,
        );
        reject(new Error(`no view of ${members.join(' ')} within ${timeoutMs} ms: ${seen.join(', ')}`));
      });
      const end = () => {
        timer.cancel();
        for (const peer of peers) peer.told = null;
      };
      for (const peer of peers) peer.told = look;
      look();
    });
  }

  /** The member that keeps the token now. */
  async holder(members: readonly number[]): Promise<number> {
    const found = await waitFor(
      systemClock,
      async () => {
        const rings = await Promise.all(members.map((member) => this.ring(member)));
        return rings.find(({ holds }) => holds)?.member;
      },
      { everyMs: 5, timeoutMs: 5_000 },
    );
    if (found === undefined) throw new Error('nobody holds the token');
    return found;
  }

  /** Ends and erases everything. */
  async end(): Promise<void> {
    await Promise.all([...this.#peers.keys()].map((member) => this.kill(member)));
    const place = await this.#folder;
    if (place !== undefined && place !== null) await rm(place, { recursive: true, force: true });
  }
}
