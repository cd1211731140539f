/**
 * The ring's transport: every member listens on one or two addresses and has one connection with every other member
 * on each network, so that the token, the probes and the answers find a way while any network is whole. What is
 * received is delivered with its sender; what is lost is told at once; what is not from a member never gets through.
 *
 * Encrypted with the cluster's key (see security.ts); without a key only loopback addresses are taken.
 */
import type { Clock, Timer } from '../../base/clock.js';
import { invariant, messageOf, type RingmasterError } from '../../base/errors.js';
import { Dialer } from './dialer.js';
import { type Expectation, type Hello, isName, type MemberIdentity, protocolVersion } from './greeting.js';
import { type Connection, Link, type LinkOwner } from './link.js';
import { Listener } from './listener.js';
import {
  defaultLimits,
  type Endpoint,
  type LostReason,
  lostReasons,
  type MemberAddresses,
  type MeshOptions,
  type TransportLimits,
} from './options.js';
import { type RefusalCount, Refusals } from './refusals.js';
import { assertProtected, deriveRingKey } from './security.js';

/** `send` to every network on which the member is connected. */
export const everyNetwork = -1;

const networksMax = 2;

/** What we know of one other member. */
interface Peer {
  readonly address: MemberAddresses;
  /** By network; null where it dials us, or where one of us has no such network. */
  readonly dialers: readonly (Dialer | null)[];
  /** The open links, by network. */
  readonly links: (Link | null)[];
  /** The newest process that greeted: earlier boots of the same life are over. */
  newest: MemberIdentity | null;
}

export class RingMesh<Message> {
  readonly #clock: Clock;
  readonly #limits: TransportLimits;
  readonly #owner: LinkOwner;
  readonly #options: MeshOptions<Message>;
  readonly #key: Buffer | null;
  readonly #listeners: readonly Listener[];
  readonly #refusals: Refusals;
  readonly #peers = new Map<string, Peer>();
  /** All that exist, those that still greet included. */
  readonly #links = new Set<Link>();
  #memberHosts = new Set<string>();
  #heartbeat: Timer | null = null;
  #lookedMs = 0;
  #closed = false;

  /** @throws ring.unprotected when there is no key and an address is not loopback */
  constructor(options: MeshOptions<Message>) {
    const { listen, self, cluster, key, clock, log, events } = options;
    invariant(listen.length >= 1 && listen.length <= networksMax, 'a peer listens on one or two networks');
    invariant(isName(self.name) && isName(cluster), 'names are 1 to 64 printable ASCII characters');
    assertProtected(key, listen);
    this.#options = options;
    this.#clock = clock;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#owner = {
      clock,
      limits: this.#limits,
      hello: (to, network) => this.#hello(to, network),
      expectation: (link) => this.#expectation(link),
      onOpen: (link, remote) => this.#onOpen(link, remote),
      onMessage: (link, remote, payload) => this.#onMessage(link, remote, payload),
      onEnd: (link, reason, error, remote) => this.#onEnd(link, reason, error, remote),
    };
    this.#key = key === null ? null : deriveRingKey(key);
    this.#refusals = new Refusals(log, (error) => events.onRefused(error));
    this.#listeners = listen.map(
      (endpoint, network) =>
        new Listener({
          endpoint,
          network,
          key: this.#key,
          clock,
          limits: this.#limits,
          log,
          isMemberAddress: (address) => this.#memberHosts.has(address.replace(/^::ffff:/, '')),
          onConnection: (connection) => this.#connected(connection),
          onRefused: (address, error) => this.#refusals.add(address, error),
        }),
    );
  }

  /**
   * Listens, then dials the members.
   * @throws host.port-in-use, ring.listen-failed, ring.unprotected; nothing is left open then
   */
  async start(): Promise<void> {
    try {
      for (const listener of this.#listeners) {
        await listener.open();
        // Closed while it began: what has just been opened is closed too.
        if (this.#closed) return await this.close();
      }
      this.#lookedMs = this.#clock.monotonicMs();
      this.#heartbeat = this.#clock.every(this.#limits.heartbeatMs, () => this.#look());
      this.setMembers(this.#options.members);
    } catch (thrown) {
      await this.close();
      throw thrown;
    }
  }

  /** Where this peer listens, by network, with the ports that the system chose. */
  get addresses(): readonly Endpoint[] {
    return this.#listeners.map(({ endpoint }) => endpoint);
  }

  /** Ends every link and listens no more. Losses are told with the reason `stopped`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#heartbeat?.cancel();
    this.#heartbeat = null;
    for (const name of [...this.#peers.keys()]) this.#forget(name, 'stopped');
    for (const link of [...this.#links]) link.end('stopped');
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  /**
   * Takes the configuration of the cluster. Links of members that stay with the same addresses go on.
   * @throws ring.unprotected
   */
  setMembers(members: readonly MemberAddresses[]): void {
    const { self, key } = this.#options;
    const others = members.filter(({ name }) => name !== self.name);
    invariant(
      others.every(({ name }) => isName(name)),
      'names are 1 to 64 printable ASCII characters',
    );
    for (const { addresses } of others) assertProtected(key, addresses);
    this.#memberHosts = new Set(others.flatMap(({ addresses }) => addresses.map(({ host }) => host)));
    const wanted = new Map(others.map((address) => [address.name, address]));
    for (const [name, peer] of [...this.#peers])
      if (JSON.stringify(wanted.get(name)) !== JSON.stringify(peer.address)) this.#forget(name, 'removed');
    for (const address of wanted.values()) if (!this.#peers.has(address.name)) this.#meet(address);
  }

  /**
   * Hands a message to the kernel; it is lost when the link is lost.
   * @param network `everyNetwork` for all on which the member is connected
   * @returns false when there was no open link, or when it had to be cut because the member does not read
   */
  send(to: string, network: number, message: Message): boolean {
    const peer = this.#peers.get(to);
    if (!peer) return false;
    const links = network === everyNetwork ? peer.links : [peer.links[network] ?? null];
    if (links.every((link) => link === null)) return false;
    const payload = this.#options.codec.encode(message);
    let sent = false;
    for (const link of links) if (link?.send(payload)) sent = true;
    return sent;
  }

  /** The networks on which a member is connected now. */
  networksTo(name: string): readonly number[] {
    const links = this.#peers.get(name)?.links ?? [];
    return links.flatMap((link, network) => (link?.remote ? [network] : []));
  }

  /** Who was refused or refused us since the start, and how often. */
  refusals(): readonly RefusalCount[] {
    return this.#refusals.counts();
  }

  #hello(to: string, network: number): Hello {
    const { cluster, self } = this.#options;
    return { version: protocolVersion, cluster, from: self, to, network };
  }

  #expectation(link: Link): Expectation {
    const { cluster, self } = this.#options;
    return {
      cluster,
      self: self.name,
      network: link.network,
      dialled: link.dialled,
      isMember: (name) => this.#peers.has(name),
      bootMin: (name, life) => {
        const newest = this.#peers.get(name)?.newest;
        return newest?.life === life ? newest.boot : 0;
      },
    };
  }

  #onOpen(link: Link, remote: MemberIdentity): void {
    const peer = this.#peers.get(remote.name);
    invariant(peer, 'a link opened with nobody we know');
    for (const old of peer.links) {
      if (!old) continue;
      // The same process connects anew, or another one took its place: then its links on all networks are dead.
      const other = old.remote?.boot !== remote.boot || old.remote.life !== remote.life;
      if (old.network === link.network || other) old.end('replaced');
    }
    peer.newest = remote;
    peer.links[link.network] = link;
    this.#options.log.info({ member: remote.name, network: link.network }, 'connected');
    this.#options.events.onConnected(remote, link.network);
  }

  #onMessage(link: Link, remote: MemberIdentity, payload: Buffer): string | null {
    const decoded = this.#decode(payload);
    if (!decoded.ok) return decoded.problem;
    this.#options.events.onMessage(remote, link.network, decoded.value);
    return null;
  }

  #onEnd(link: Link, reason: LostReason, error: RingmasterError | null, remote: MemberIdentity | null): void {
    const { log, events } = this.#options;
    const peer = remote && this.#peers.get(remote.name);
    if (peer && peer.links[link.network] === link) peer.links[link.network] = null;
    if (error) this.#refusals.add(link.address, error);
    if (!remote) return;
    log.info({ member: remote.name, network: link.network, reason }, `disconnected: ${lostReasons[reason]}`);
    events.onLost(remote, link.network, reason);
  }

  #connected(connection: Connection): void {
    const link = new Link(connection, this.#owner);
    this.#links.add(link);
    connection.socket.once('close', () => this.#links.delete(link));
  }

  #meet(address: MemberAddresses): void {
    const { listen, self, clock, random, log } = this.#options;
    const networks = Math.min(listen.length, address.addresses.length);
    const dialers = address.addresses.slice(0, networks).map((endpoint, network) => {
      if (self.name > address.name) return null;
      return new Dialer({
        member: address.name,
        network,
        endpoint,
        localHost: listen[network]?.host ?? '',
        self: self.name,
        key: this.#key,
        clock,
        random,
        limits: this.#limits,
        log,
        onConnection: (connection) => this.#connected(connection),
        onRefused: (where, error) => this.#refusals.add(where, error),
      });
    });
    this.#peers.set(address.name, { address, dialers, links: dialers.map(() => null), newest: null });
    for (const dialer of dialers) dialer?.dial();
  }

  #forget(name: string, reason: LostReason): void {
    const peer = this.#peers.get(name);
    if (!peer) return;
    for (const dialer of peer.dialers) dialer?.stop();
    for (const link of peer.links) link?.end(reason);
    this.#peers.delete(name);
  }

  /** A decoder that throws has met bytes it does not understand: the sender's fault until shown otherwise. */
  #decode(payload: Buffer): ReturnType<MeshOptions<Message>['codec']['decode']> {
    try {
      return this.#options.codec.decode(payload);
    } catch (thrown) {
      return { ok: false, problem: messageOf(thrown) };
    }
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs();
    const stalled = nowMs - this.#lookedMs > 2 * this.#limits.heartbeatMs;
    this.#lookedMs = nowMs;
    for (const link of [...this.#links]) link.look(stalled);
  }
}
