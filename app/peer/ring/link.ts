/** The ring's connections as the protocol knows them: members by number. */
import type { Clock } from '../../base/clock.js';
import type { Log } from '../../base/log.js';
import { systemRandom } from '../../base/random.js';
import type { RingPeerSettings, SqlAddress } from '../../contract/control.js';
import { ringCodec } from '../../io/ring-transport/codec.js';
import type { MemberIdentity } from '../../io/ring-transport/greeting.js';
import { everyNetwork, RingMesh } from '../../io/ring-transport/mesh.js';
import type { MessageCodec } from '../../io/ring-transport/options.js';
import type { MemberId, RingMessage, Voter } from '../../ring/model.js';

export interface RingLink {
  /** @returns false when nothing could be sent there */
  send(to: MemberId, network: number, message: RingMessage): boolean;
  /** Networks on which a member is connected now. */
  networksTo(member: MemberId): readonly number[];
  close(): Promise<void>;
}

export interface RingLinkEvents {
  message(from: Voter, network: number, message: RingMessage): void;
  /** The last connection to this member was lost. */
  disconnected(member: MemberId): void;
}

export interface RingLinkOptions {
  readonly settings: RingPeerSettings;
  readonly self: Voter;
  /** How often a peer started from this store, this time included. */
  readonly boot: number;
  readonly events: RingLinkEvents;
  readonly clock: Clock;
  readonly log: Log;
}

const present = (addresses: readonly (SqlAddress | null)[]): SqlAddress[] =>
  addresses.filter((address) => address !== null);

/** How many networks this peer has. */
export const networksOf = ({ members, member }: RingPeerSettings): number =>
  present(members.find((each) => each.member === member)?.addresses ?? []).length;

/** A message goes to several members, one after the other: it is written once. */
function createCodec(): MessageCodec<RingMessage> {
  let last: RingMessage | null = null;
  let bytes: Uint8Array = new Uint8Array();
  return {
    encode: (message) => {
      if (message !== last) bytes = ringCodec.encode(message);
      last = message;
      return bytes;
    },
    decode: ringCodec.decode,
  };
}

/** Listens on the own addresses and connects to the others. @throws when an address cannot be used */
export async function openLink(options: RingLinkOptions): Promise<RingLink> {
  const { settings, self, boot, events, clock, log } = options;
  const networks = networksOf(settings);
  const own = settings.members.find(({ member }) => member === settings.member);
  const names = new Map(settings.members.map(({ member, node }) => [member, node]));
  const numbers = new Map(settings.members.map(({ member, node }) => [node, member]));
  const voterOf = ({ name, life }: MemberIdentity): Voter => ({ id: numbers.get(name) ?? 0, life });
  const mesh = new RingMesh<RingMessage>({
    cluster: settings.cluster,
    self: { name: own?.node ?? '', life: self.life, boot },
    listen: present(own?.addresses ?? []),
    members: settings.members.map(({ node, addresses }) => ({
      name: node,
      addresses: present(addresses).slice(0, networks),
    })),
    key: Buffer.from(settings.key, 'hex'),
    codec: createCodec(),
    events: {
      onConnected: () => undefined,
      onLost: (member) => {
        if (mesh.networksTo(member.name).length === 0) events.disconnected(voterOf(member).id);
      },
      onMessage: (member, network, message) => events.message(voterOf(member), network, message),
      onRefused: () => undefined,
    },
    clock,
    random: systemRandom(),
    log,
  });
  await mesh.start();
  return {
    send: (to, network, message) => {
      const name = names.get(to) ?? '';
      // What was meant for a network that is gone goes by every other one.
      return (
        mesh.send(name, network, message) ||
        (network !== everyNetwork && mesh.send(name, everyNetwork, message))
      );
    },
    networksTo: (member) => mesh.networksTo(names.get(member) ?? ''),
    close: () => mesh.close(),
  };
}
