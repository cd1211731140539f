/** What a ring transport is given, and what it tells. */
import type { Clock } from '../../base/clock.js';
import type { RingmasterError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Random } from '../../base/random.js';
import type { Decoded, MemberIdentity } from './greeting.js';

/** Where a member is heard in one network. A name instead of an address is resolved at each try. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface MemberAddresses {
  readonly name: string;
  /** Primary, then secondary where the cluster has two networks. */
  readonly addresses: readonly Endpoint[];
}

/** Every bound of the transport. */
export interface TransportLimits {
  /** Milliseconds from a connection to its accepted hello, for both sides. A healed network is tried this often. */
  readonly greetingMs: number;
  /** Milliseconds between two looks at the links; one that sent nothing since the last sends a heartbeat. */
  readonly heartbeatMs: number;
  /**
   * Milliseconds after which a link that brought nothing is cut and dialled again, because TCP alone would wait for
   * minutes. Above the ring's own patience (`expelAfterMs`): the ring counts a cut link as a lost connection.
   */
  readonly silentMs: number;
  /** Milliseconds before the first new try after a loss; doubles with each failure. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Bytes that wait for a peer which does not read, on top of what the kernel keeps. More cuts the link. */
  readonly sendQueueBytesMax: number;
  /** Connections that have not greeted yet, of all addresses where no member lives. */
  readonly halfOpenMax: number;
  /** The same for each single address, members' included. */
  readonly halfOpenPerAddressMax: number;
}

export const defaultLimits: TransportLimits = {
  greetingMs: 1_500,
  heartbeatMs: 500,
  silentMs: 2_500,
  backoffMinMs: 20,
  backoffMaxMs: 1_000,
  sendQueueBytesMax: 1024 * 1024,
  halfOpenMax: 64,
  halfOpenPerAddressMax: 32,
};

/** Why an open link ended. */
export const lostReasons = {
  closed: 'the other side closed it',
  reset: 'the connection broke',
  truncated: 'it ended in the middle of a frame',
  malformed: 'something came that is not the ring protocol',
  silent: 'nothing came for too long',
  'not-reading': 'the other side does not read',
  refused: 'the other side does not want it',
  replaced: 'the member connected anew',
  removed: 'the member was taken out of the configuration',
  stopped: 'this peer closes its transport',
} as const;
export type LostReason = keyof typeof lostReasons;

/** Called in the order in which things happen; never from inside `send`. */
export interface MeshEvents<Message> {
  onConnected(member: MemberIdentity, network: number): void;
  /** At once, and before a new link of the same member and network is told. */
  onLost(member: MemberIdentity, network: number, reason: LostReason): void;
  onMessage(from: MemberIdentity, network: number, message: Message): void;
  /** We refused somebody or were refused. Told and logged once per address and kind of error, then only counted. */
  onRefused(error: RingmasterError): void;
}

/** How messages become bytes. Bytes given to `decode` may change after the call. */
export interface MessageCodec<Message> {
  /** 256 kB at most. */
  encode(message: Message): Uint8Array;
  decode(bytes: Buffer): Decoded<Message>;
}

export interface MeshOptions<Message> {
  readonly cluster: string;
  readonly self: MemberIdentity;
  /** Where this peer listens; the index is the network. One or two. */
  readonly listen: readonly Endpoint[];
  /** Everybody; an entry of this peer itself is passed over. */
  readonly members: readonly MemberAddresses[];
  /** The cluster's key, 32 bytes or more; null only for loopback addresses. */
  readonly key: Uint8Array | null;
  readonly codec: MessageCodec<Message>;
  readonly events: MeshEvents<Message>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<TransportLimits>;
}

export const formatEndpoint = ({ host, port }: Endpoint): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
