/** The ring's connections as the protocol knows them: members by number. */
import type { Clock } from '../../base/clock.js';
import type { Log } from '../../base/log.js';
import type { RingPeerSettings, SqlAddress } from '../../contract/control.js';
import { createTransport } from '../../io/ring-transport/transport.js';
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
  readonly events: RingLinkEvents;
  readonly clock: Clock;
  readonly log: Log;
}

const present = (addresses: readonly (SqlAddress | null)[]): SqlAddress[] =>
  addresses.filter((address) => address !== null);

/** How many networks this peer has. */
export const networksOf = ({ members, member }: RingPeerSettings): number =>
  present(members.find((each) => each.member === member)?.addresses ?? []).length;

/** Listens on the own addresses and connects to the others. @throws when an address cannot be used */
export async function openLink(options: RingLinkOptions): Promise<RingLink> {
  const { settings, self, events, clock, log } = options;
  const networks = networksOf(settings);
  const own = settings.members.find(({ member }) => member === settings.member);
  const transport = await createTransport(
    {
      self,
      cluster: settings.cluster,
      key: Buffer.from(settings.key, 'hex'),
      listen: present(own?.addresses ?? []),
      clock,
      log,
    },
    {
      message: (from, network, message) => events.message(from, network, message),
      disconnected: (peer) => events.disconnected(peer),
      refused: (reason) => log.warn({ reason }, 'refused in the ring'),
    },
  );
  transport.setPeers(
    settings.members
      .filter(({ member }) => member !== settings.member)
      .map(({ member, addresses }) => ({ id: member, addresses: present(addresses).slice(0, networks) })),
  );
  const networksTo = (member: MemberId): number[] =>
    Array.from({ length: networks }, (_, network) => network).filter((network) =>
      transport.isConnected(member, network),
    );
  return {
    send: (to, network, message) => {
      const open = networksTo(to);
      if (open.length === 0) return false;
      // What was meant for a network that is gone goes by every other one.
      transport.send(to, open.includes(network) ? network : -1, message);
      return true;
    },
    networksTo,
    close: () => transport.close(),
  };
}
