/** The mesh as the token protocol knows it: members by number, ring messages, and the loss of a member as one event. */
import type { Clock } from '../../base/clock.js';
import type { RingmasterError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { type Random, systemRandom } from '../../base/random.js';
import type { MemberId, RingMessage, Voter } from '../../ring/model.js';
import { ringCodec } from './codec.js';
import type { MemberIdentity } from './greeting.js';
import { RingMesh } from './mesh.js';
import type { LostReason, TransportLimits } from './options.js';

export interface RingAddress {
  readonly host: string;
  readonly port: number;
}

export interface TransportSettings {
  readonly self: Voter;
  /** How often this peer started from its store; an older process of it is refused. Default 0: not known. */
  readonly boot?: number;
  /** Peers of another cluster are refused, whatever key they have. */
  readonly cluster: string;
  /** The cluster's key, 32 bytes or more. */
  readonly key: Uint8Array;
  /** Own address on each network; port 0 lets the system choose. */
  readonly listen: readonly RingAddress[];
  readonly clock: Clock;
  readonly log: Log;
  /** For the waits between two tries. */
  readonly random?: Random;
  /** `silentMs` belongs above the cluster's `expelAfterMs`. */
  readonly limits?: Partial<TransportLimits>;
}

/** What the transport tells. */
export interface TransportEvents {
  readonly message: (from: Voter, network: number, message: RingMessage) => void;
  /** The last connection to this peer is gone. */
  readonly disconnected: (peer: MemberId) => void;
  /** A connection was refused, by us or by the other side: one sentence, once per address and kind. */
  readonly refused: (reason: string, error: RingmasterError) => void;
}

export interface RingTransport {
  /** Own addresses, with the ports that the system chose. */
  readonly addresses: readonly RingAddress[];
  /**
   * Makes connections to these peers, and takes theirs; the address of each network. Again with new addresses at any
   * time: a peer that is no longer among them is let go.
   */
  setPeers(peers: readonly { readonly id: MemberId; readonly addresses: readonly RingAddress[] }[]): void;
  /** Sends on one network, or on every one with -1. Without a connection the message is lost, as on any network. */
  send(to: MemberId, network: number, message: RingMessage): void;
  /** Is there a connection on this network? */
  isConnected(peer: MemberId, network: number): boolean;
  close(): Promise<void>;
}

const namePrefix = 'peer-';
const nameOf = (id: MemberId): string => `${namePrefix}${id}`;
const voterOf = ({ name, life }: MemberIdentity): Voter => ({
  id: Number(name.slice(namePrefix.length)),
  life,
});

/**
 * Listens on the own addresses.
 * @throws host.port-in-use, ring.listen-failed when one of them cannot be used
 */
export async function createTransport(
  settings: TransportSettings,
  events: TransportEvents,
): Promise<RingTransport> {
  const transport = new NumberedMesh(settings, events);
  await transport.start();
  return transport;
}

class NumberedMesh implements RingTransport {
  readonly #mesh: RingMesh<RingMessage>;
  readonly #events: TransportEvents;
  /** Lost its last connection because it connected anew: whether it is still the same process is told next. */
  #replaced: MemberIdentity | null = null;

  constructor(settings: TransportSettings, events: TransportEvents) {
    const { self, boot = 0, cluster, key, listen, clock, log, limits } = settings;
    this.#events = events;
    this.#mesh = new RingMesh<RingMessage>({
      cluster,
      self: { name: nameOf(self.id), life: self.life, boot },
      listen,
      members: [],
      key,
      codec: ringCodec,
      events: {
        onConnected: (member) => this.#connected(member),
        onLost: (member, _network, reason) => this.#lost(member, reason),
        onMessage: (from, network, message) => events.message(voterOf(from), network, message),
        onRefused: (error) => events.refused(error.message, error),
      },
      clock,
      random: settings.random ?? systemRandom(),
      log,
      ...(limits && { limits }),
    });
  }

  start(): Promise<void> {
    return this.#mesh.start();
  }

  get addresses(): readonly RingAddress[] {
    return this.#mesh.addresses;
  }

  setPeers(peers: Parameters<RingTransport['setPeers']>[0]): void {
    this.#mesh.setMembers(peers.map(({ id, addresses }) => ({ name: nameOf(id), addresses })));
  }

  send(to: MemberId, network: number, message: RingMessage): void {
    this.#mesh.send(nameOf(to), network, message);
  }

  isConnected(peer: MemberId, network: number): boolean {
    return this.#mesh.networksTo(nameOf(peer)).includes(network);
  }

  close(): Promise<void> {
    return this.#mesh.close();
  }

  #lost(member: MemberIdentity, reason: LostReason): void {
    if (reason === 'stopped' || this.#mesh.networksTo(member.name).length > 0) return;
    if (reason === 'replaced') this.#replaced = member;
    else this.#events.disconnected(voterOf(member).id);
  }

  #connected(member: MemberIdentity): void {
    const before = this.#replaced;
    this.#replaced = null;
    // The same process that dialled again was never away; another one has lost what the first one knew.
    if (before && (before.life !== member.life || before.boot !== member.boot))
      this.#events.disconnected(voterOf(before).id);
  }
}
