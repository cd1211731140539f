/** Looking for a view: tell everybody, collect what they tell, and lead when it is this peer's turn. */
import { baseOf, judge } from './agreement.js';
import { attestWhenReady } from './attempt.js';
import { bestClique } from './clique.js';
import {
  act,
  everyNetwork,
  heardMs,
  ignore,
  infoOf,
  networkTo,
  patience,
  persist,
  send,
  stuckAtMs,
} from './core.js';
import { enterLeft, enterRecover, seesNow } from './enter.js';
import type { Info, MemberId, Proposal, RingMessage } from './model.js';
import { ambiguousMax, ringIdOf } from './model.js';
import { includesVoter } from './quorum.js';
import type { Gather, Ring } from './state.js';

type Join = Extract<RingMessage, { kind: 'join' }>;

/** Calls that come within this part of `joinMs` go out as one. */
const coalescePart = 0.1;

function callSoon(ring: Ring, state: Gather, nowMs: number): void {
  state.joinEveryMs = ring.settings.joinMs;
  state.nextJoinMs = Math.min(state.nextJoinMs, nowMs + ring.settings.joinMs * coalescePart);
}

const sameIds = (one: readonly MemberId[], other: readonly MemberId[]): boolean =>
  one.length === other.length && one.every((id, index) => id === other[index]);

/** Another peer that looks for a view. */
export function hearJoin(ring: Ring, state: Gather, from: MemberId, join: Join, nowMs: number): void {
  const known = state.heard.get(from);
  const sameLife = known?.info.life === join.info.life;
  if (known && sameLife && known.info.version > join.info.version) {
    ignore(ring, 'old-information');
    return;
  }
  const news = !sameLife || known?.info.version !== join.info.version;
  // Who does not hear us is told at the usual pace: on a one-way link it would never end otherwise.
  if (news) callSoon(ring, state, nowMs);
  if (!known) state.settleMs = Math.max(state.settleMs, nowMs + ring.settings.joinMs);
  const repeats = !news && known !== undefined && sameIds(known.sees, join.sees);
  state.heard.set(from, { info: join.info, sees: join.sees, atMs: nowMs });
  if (repeats) return;
  ring.seen = Math.max(ring.seen, join.info.promised);
  leadIfMyTurn(ring, state, nowMs);
}

/** The node has stopped receiving: its position can be told. */
export function hearFenced(
  ring: Ring,
  state: Gather,
  received: number,
  applied: number,
  nowMs: number,
): void {
  ring.received = received;
  ring.applied = applied;
  ring.fenced = true;
  ring.version++;
  callSoon(ring, state, nowMs);
  leadIfMyTurn(ring, state, nowMs);
}

/** The infos that are fresh enough to build on, own one first. */
function freshInfos(ring: Ring, state: Gather, nowMs: number): Info[] {
  const oldestMs = nowMs - 3 * ring.settings.expelAfterMs;
  const infos = [infoOf(ring)];
  state.heard.forEach((heard, id) => {
    if (heard.atMs < oldestMs) state.heard.delete(id);
    else infos.push(heard.info);
  });
  return infos;
}

/** The peer that leads a group: the lowest number of the last primary view, one that stays before one that leaves. */
function leaderOf(group: readonly Info[], base: Proposal['base']): MemberId | undefined {
  const voters = group.filter((info) => includesVoter(base.members, info));
  const staying = voters.filter((info) => info.wantsIn);
  return (staying.length > 0 ? staying : voters).reduce<number | undefined>(
    (lowest, info) => (lowest === undefined || info.id < lowest ? info.id : lowest),
    undefined,
  );
}

/** Is everybody here who was heard lately, so that waiting any longer brings nothing? */
function isComplete(ring: Ring, group: readonly Info[], nowMs: number): boolean {
  const sinceMs = nowMs - 3 * ring.settings.expelAfterMs;
  return ring.self.peers.every((id) => {
    if (group.some((info) => info.id === id)) return true;
    const peer = ring.peers.get(id);
    return peer === undefined || peer.disconnected || heardMs(ring, id) < Math.max(sinceMs, 1);
  });
}

/** How long a living member that has said nothing yet is waited for at most. */
const silentUntilMs = (ring: Ring, state: Gather): number => state.sinceMs + 4 * ring.settings.expelAfterMs;

/** How long a member is waited for that says that it still commits. A server that hangs must not stop the others for ever. */
const committingUntilMs = (ring: Ring, state: Gather): number =>
  state.sinceMs + 8 * ring.settings.expelAfterMs;

/**
 * Has some member of the last view not been heard in this gathering, although nobody would expel it yet? On a busy machine
 * it answers late; a view without it would cost it its place, and with it everything that it is committing right now.
 */
function lacksLivingMember(ring: Ring, state: Gather, infos: readonly Info[], nowMs: number): boolean {
  const members = ring.durable.primary?.members ?? [];
  if (nowMs >= silentUntilMs(ring, state)) return false;
  return members.some(({ id }) => {
    if (infos.some((info) => info.id === id)) return false;
    const peer = ring.peers.get(id);
    if (!peer || peer.disconnected) return false;
    return nowMs - heardMs(ring, id) < patience(ring, id, nowMs);
  });
}

/** Proposes a view when this peer leads the best group it knows, and the group can agree. */
export function leadIfMyTurn(ring: Ring, state: Gather, nowMs: number): void {
  if (nowMs >= stuckAtMs(ring)) return;
  const own = infoOf(ring);
  const infos = freshInfos(ring, state, nowMs);
  const late = nowMs >= state.settleMs && !lacksLivingMember(ring, state, infos, nowMs);
  // Cheap and often the answer: somebody is still expected.
  if (!late && !isComplete(ring, infos, nowMs)) return;
  const known = baseOf(infos);
  if (!known) {
    state.waitsFor = 'no-history';
    return;
  }
  const vertices = infos.map((info) => ({
    id: info.id,
    sees: info === own ? seesNow(ring, state.sinceMs, nowMs) : (state.heard.get(info.id)?.sees ?? []),
    votes: includesVoter(known.base.members, info),
  }));
  const ids = bestClique(vertices, own.id);
  const group = infos.filter((info) => ids.includes(info.id));
  if (leaderOf(group, known.base) !== own.id) return;
  // What it is committing has its place in the view's start; without it, it would need a copy afterwards.
  const committing = group.some((info) => info.data.kind === 'fencing');
  if (committing && nowMs < committingUntilMs(ring, state)) return;
  if (!late && !isComplete(ring, group, nowMs)) return;
  propose(ring, state, group, nowMs);
}

function propose(ring: Ring, state: Gather, group: readonly Info[], nowMs: number): void {
  const verdict = judge(group, ring.settings.joinGapMax, ring.rules);
  if (verdict.kind === 'wait') {
    state.waitsFor = verdict.why;
    return;
  }
  for (const { id, reason } of verdict.refused) {
    if (id === ring.self.id) bar(ring, reason);
    else send(ring, id, -1, { kind: 'refuse', ringId: verdict.base.ringId, reason });
  }
  if (verdict.refused.some(({ id }) => id === ring.self.id)) {
    leadIfMyTurn(ring, state, nowMs);
    return;
  }
  if (verdict.unresolved.length >= ambiguousMax) return;
  const highest = group.reduce((seen, info) => Math.max(seen, info.promised), ring.seen);
  const ringId = ring.rules.nextRingId(Math.max(highest, ringIdOf(0, 0)), ring.self.id);
  const { base, unresolved, history, members, voters, start, gives, control } = verdict;
  const proposal: Proposal = {
    view: { ringId, members, voters, start, base: base.ringId },
    base,
    unresolved,
    history,
    gives,
    control,
    versions: group.map(({ id, version }) => ({ id, version })),
  };
  // While the own disk takes the promise the others know who leads, and wait.
  callPeers(ring, state, nowMs);
  persist(ring, { promised: ringId });
  for (const voter of voters) {
    if (voter.id !== ring.self.id) send(ring, voter.id, -1, { kind: 'propose', proposal });
  }
  enterRecover(
    ring,
    proposal,
    {
      kind: 'leader',
      attested: new Set(),
      reached: new Map(),
      progressMs: nowMs,
      nextAskMs: nowMs + ring.settings.joinMs,
      forming: false,
    },
    nowMs,
  );
  attestWhenReady(ring, nowMs);
}

/** The ring does not take this node as it is. It goes on voting. */
export function bar(ring: Ring, reason: NonNullable<Ring['barred']>): void {
  if (ring.barred === reason) return;
  ring.barred = reason;
  ring.version++;
  act(ring, { kind: 'refused', reason });
}

/** Tells every configured peer: by one network who answered lately, by all of them who did not. */
function callPeers(ring: Ring, state: Gather, nowMs: number): void {
  if (nowMs >= stuckAtMs(ring)) return;
  const sees = seesNow(ring, state.sinceMs, nowMs);
  const message: RingMessage = { kind: 'join', info: infoOf(ring), sees };
  for (const id of ring.self.peers) {
    send(ring, id, sees.includes(id) ? networkTo(ring, id) : everyNetwork, message);
  }
}

/** Looks at the clock. */
export function tickGather(ring: Ring, state: Gather, nowMs: number): void {
  const { settings } = ring;
  if (nowMs >= state.nextJoinMs) {
    callPeers(ring, state, nowMs);
    state.nextJoinMs = nowMs + state.joinEveryMs;
    state.joinEveryMs = Math.min(state.joinEveryMs * 1.5, settings.expelAfterMs);
  }
  if (!state.outside && nowMs >= outsideAtMs(ring, state)) {
    state.outside = true;
    act(ring, { kind: 'outside', reason: state.reason });
  }
  if (ring.leaving && nowMs >= leaveAtMs(ring, state)) {
    enterLeft(ring, false);
    return;
  }
  leadIfMyTurn(ring, state, nowMs);
}

/** When sessions are told that this peer is in no primary component. */
export const outsideAtMs = (ring: Ring, state: Gather): number =>
  state.sinceMs + 4 * ring.settings.expelAfterMs;

/** When a leaver stops asking the others. */
export const leaveAtMs = (ring: Ring, state: Gather): number =>
  state.sinceMs + 20 * ring.settings.expelAfterMs;
