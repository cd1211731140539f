/** What a peer tells of its ring, read from the protocol's state. */
import type { RingPeerSettings, RingSight, RingStatus, RingView } from '../../contract/control.js';
import { waitReasons } from '../../ring/agreement.js';
import { formatRingId, type GatherReason, gatherReasons, type MemberId } from '../../ring/model.js';
import type { Operational, Ring } from '../../ring/state.js';
import type { RingLink } from './link.js';

/** The node of a member. */
export const nodeOf = ({ members }: RingPeerSettings, member: MemberId): string =>
  members.find((each) => each.member === member)?.node ?? `member ${member}`;

/** The state and its reason. @param problem why the ring could not even begin */
function ringWords(ring: Ring, problem: string | null): string {
  const { state } = ring;
  switch (state.kind) {
    case 'stopped':
      return problem ?? 'has not begun';
    case 'left':
      return 'left on purpose';
    case 'recover':
    case 'attest':
      return `agrees on ${formatRingId(state.proposal.view.ringId)}`;
    case 'operational':
      return `member of ${formatRingId(state.view.ringId)}`;
    case 'gather': {
      const waits = state.waitsFor ? `; ${waitReasons[state.waitsFor]}` : '';
      return `looks for a view, because ${gatherReasons[state.reason]}${waits}${barredWords(ring)}`;
    }
  }
}

function barredWords({ barred }: Ring): string {
  if (barred === null) return '';
  return barred === 'needs-copy' ? '; its data must be renewed first' : '; its data must be caught up first';
}

function viewOf(ring: Ring, settings: RingPeerSettings): RingView | null {
  const { state } = ring;
  if (state.kind !== 'operational') return null;
  const { ringId, members, start } = state.view;
  return {
    ringId,
    name: formatRingId(ringId),
    members: members.map(({ id, arbiter }) => ({ member: id, node: nodeOf(settings, id), arbiter })),
    start,
  };
}

/** What every data member is known to have applied, by own knowledge or as the holder told; null while one has not spoken. */
function safeOf({ applied, safe }: Operational): number | null {
  const least = Math.min(...applied);
  const known = Math.max(safe, Number.isFinite(least) ? least : -1);
  return known >= 0 ? known : null;
}

/** Silence after which a peer outside of the own view looks suspect: as often as peers without a view call. */
const callsMissed = 3;

function sightOf(ring: Ring, link: RingLink | null, member: MemberId, nowMs: number): RingSight['sees'] {
  if ((link?.networksTo(member).length ?? 0) === 0) return 'down';
  const { state, settings } = ring;
  const heardMs = Math.max(0, ...(ring.peers.get(member)?.heardMs ?? []));
  if (state.kind === 'operational') {
    if (!state.view.members.some(({ id }) => id === member) || state.probingSinceMs === 0) return 'up';
    const silentMs = nowMs - Math.max(heardMs, state.probingSinceMs);
    return silentMs > settings.expelAfterMs / 2 ? 'suspect' : 'up';
  }
  if (state.kind === 'left' || state.kind === 'stopped') return 'up';
  return nowMs - heardMs > callsMissed * settings.expelAfterMs ? 'suspect' : 'up';
}

/** Every other member as this peer sees it now. */
function sightsOf(ring: Ring, settings: RingPeerSettings, link: RingLink | null, nowMs: number): RingSight[] {
  return ring.self.peers.map((member) => {
    const heardMs = Math.max(0, ...(ring.peers.get(member)?.heardMs ?? []));
    return {
      member,
      node: nodeOf(settings, member),
      networks: link?.networksTo(member) ?? [],
      heardAgoMs: heardMs > 0 ? Math.round(nowMs - heardMs) : null,
      sees: sightOf(ring, link, member, nowMs),
    };
  });
}

/** What the runtime counts beside the protocol's state. */
export interface RingCounts {
  readonly views: number;
  readonly lastReason: GatherReason | null;
  readonly holder: MemberId | null;
  readonly passes: number;
  readonly rotationsPerSecond: number;
  readonly rotationMs: RingStatus['rotationMs'];
  readonly stalls: RingStatus['stalls'];
  readonly writes: RingStatus['writes'];
  readonly problem: string | null;
  readonly ready: boolean;
}

export function ringStatus(
  ring: Ring,
  settings: RingPeerSettings,
  link: RingLink | null,
  counts: RingCounts,
  position: RingStatus['position'],
  nowMs: number,
): RingStatus {
  const { state } = ring;
  const { holder, lastReason, views, passes, rotationsPerSecond, rotationMs } = counts;
  return {
    member: ring.self.id,
    state: state.kind,
    words: ringWords(ring, counts.problem),
    lastReason: lastReason && gatherReasons[lastReason],
    view: viewOf(ring, settings),
    ready: state.kind === 'operational' && counts.ready,
    views,
    holds: state.kind === 'operational' && state.grip.kind !== 'away',
    holder: holder === null ? null : nodeOf(settings, holder),
    passes,
    rotationsPerSecond,
    rotationMs,
    position,
    safe: state.kind === 'operational' ? safeOf(state) : null,
    refused: ring.barred,
    delivered: ring.durable.control.delivered,
    stalls: counts.stalls,
    writes: counts.writes,
    others: sightsOf(ring, settings, link, nowMs),
  };
}
