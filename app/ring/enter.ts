/** One enter function per state: all resets in one place. */
import { extendHistory } from './agreement.js';
import { deliverControl } from './control-order.js';
import { act, heardMs, peerView, persist, predecessorOf, send } from './core.js';
import type { GatherReason, MemberId, Proposal, RingId, View } from './model.js';
import type { Gather, Part, Ring } from './state.js';
import { never } from './state.js';

/**
 * A leader that leaves its attempt promises, on disk, that it will never complete it: then nobody has to reckon with it.
 */
function abandonAttempt(ring: Ring): void {
  const { state } = ring;
  if ((state.kind === 'recover' || state.kind === 'attest') && state.part.kind === 'leader') {
    abandonOwn(ring, state.proposal.view.ringId);
  }
}

/** Promises never to bring the own attempt `ringId` into being. */
export function abandonOwn(ring: Ring, ringId: RingId): void {
  const { promised, ambiguous } = ring.durable;
  persist(ring, {
    promised: Math.max(promised, ringId + 1),
    ambiguous: ambiguous.filter((view) => view.ringId !== ringId),
  });
}

/** Starts to look for a view. Whatever was held is let go: this ring id is over for this peer. */
export function enterGather(ring: Ring, reason: GatherReason, nowMs: number): void {
  const { settings, state } = ring;
  abandonAttempt(ring);
  const outside = state.kind === 'gather' ? state.outside : false;
  const gather: Gather = {
    kind: 'gather',
    reason,
    sinceMs: nowMs,
    heard: new Map(),
    nextJoinMs: nowMs,
    joinEveryMs: settings.joinMs,
    settleMs: nowMs + settings.settleMs,
    outside,
    waitsFor: null,
  };
  ring.state = gather;
  ring.version++;
  fence(ring, reason);
}

/** Asks the node to stop receiving and committing, so that its position can be told. */
export function fence(ring: Ring, reason: GatherReason): void {
  if (ring.self.arbiter || !ring.serverUp) return;
  ring.fence++;
  ring.fenced = false;
  act(ring, { kind: 'fence', fence: ring.fence, reason });
}

/** Takes part in an attempt: fetches what the view starts with. */
export function enterRecover(ring: Ring, proposal: Proposal, part: Part, nowMs: number): void {
  abandonAttempt(ring);
  ring.state = { kind: 'recover', proposal, part, sinceMs: nowMs };
  ring.seen = Math.max(ring.seen, proposal.view.ringId);
  const give = proposal.gives.find(({ to }) => to === ring.self.id);
  if (give) act(ring, { kind: 'fetch', from: give.from, after: ring.received, upTo: give.upTo });
}

/** Promises the view: from here on it may exist, and a crash must not forget it. */
export function enterAttest(ring: Ring, proposal: Proposal, part: Part, nowMs: number): void {
  const { view, base, unresolved, history, control } = proposal;
  const isDataMember = view.members.some((member) => member.id === ring.self.id && !member.arbiter);
  const own = ring.durable.control;
  const gapEnd = (control.tail[0]?.number ?? control.last + 1) - 1;
  const hasGap = own.delivered < gapEnd;
  persist(ring, {
    promised: view.ringId,
    primary: base,
    ambiguous: [...unresolved, view],
    history,
    lineage: isDataMember ? Math.max(ring.durable.lineage, base.ringId) : ring.durable.lineage,
    control: { ...control, delivered: hasGap ? gapEnd : own.delivered },
  });
  if (hasGap) act(ring, { kind: 'control-gap', from: own.delivered + 1, to: gapEnd });
  if (part.kind === 'leader') part.attested.add(ring.self.id);
  else send(ring, part.leader, -1, { kind: 'attest', ringId: view.ringId });
  ring.state = { kind: 'attest', proposal, part, sinceMs: nowMs };
}

/** Stores that the view exists. */
export function storeView(ring: Ring, proposal: Proposal): void {
  const { view, history } = proposal;
  const index = view.members.findIndex(({ id }) => id === ring.self.id);
  const { control, lineage, tailUncertain } = ring.durable;
  persist(ring, {
    primary: view,
    ambiguous: [],
    history: extendHistory(history, view),
    lineage: index >= 0 ? view.ringId : lineage,
    tailUncertain: index >= 0 ? false : tailUncertain,
    control: { ...control, lineage: view.ringId },
  });
}

/** The view exists and is stored. Members enter it; who only voted stays outside. */
export function enterView(ring: Ring, proposal: Proposal, nowMs: number): void {
  const index = proposal.view.members.findIndex(({ id }) => id === ring.self.id);
  if (index >= 0) enterOperational(ring, proposal, index, nowMs);
  else if (ring.leaving) enterLeft(ring, true);
  else enterGather(ring, 'voted', nowMs);
}

function enterOperational(ring: Ring, proposal: Proposal, index: number, nowMs: number): void {
  const { view } = proposal;
  const count = view.members.length;
  // The first member makes the token. It enters this ring id once: after a crash it must gather again.
  const makesToken = index === 0;
  const last = ring.durable.control.last;
  const applied = view.members.map((member) => (member.arbiter ? never : -1));
  if (!ring.self.arbiter) applied[index] = ring.applied;
  ring.dead = [];
  ring.state = {
    kind: 'operational',
    view,
    index,
    versions: proposal.versions,
    doubt: null,
    grip: makesToken ? { kind: 'parked' } : { kind: 'away', passed: null, resendMs: never },
    number: makesToken ? 1 : 0,
    newest: 1,
    rotation: 0,
    sequence: view.start,
    by: 0,
    wants: 0,
    // An arbiter receives nothing: its mark never counts.
    received: view.members.map((member) => (member.arbiter ? 0 : view.start)),
    applied,
    controlSeen: new Array<number>(count).fill(last),
    controlDelivered: new Array<number>(count).fill(last),
    tokenSeenMs: nowMs,
    held: false,
    nextPulseMs: nowMs + ring.settings.probeAfterMs / 2,
    nextProbeMs: 0,
    probingSinceMs: 0,
    nextWantMs: nowMs,
    nextCrossMs: ring.self.networks > 1 && count > 1 ? nowMs + ring.settings.pulseMs : never,
    reported: view.start,
    acknowledged: view.start,
    ownLast: 0,
    safe: -1,
  };
  coolDown(ring, view, nowMs);
  act(ring, { kind: 'begin', view, predecessor: predecessorOf(view, index) });
  deliverControl(ring, last);
}

/** Who asked to join and was not taken in must not make the ring change again and again. */
function coolDown(ring: Ring, view: View, nowMs: number): void {
  const { expelAfterMs } = ring.settings;
  for (const id of ring.self.peers) {
    const peer = peerView(ring, id);
    if (view.members.some((member) => member.id === id)) {
      peer.coolForMs = 0;
      peer.coolUntilMs = 0;
    } else if (nowMs - peer.askedMs < 4 * expelAfterMs) {
      peer.coolForMs = Math.min(Math.max(2 * peer.coolForMs, expelAfterMs), 4 * expelAfterMs);
      peer.coolUntilMs = nowMs + peer.coolForMs;
    }
  }
}

/** Away on purpose, and not counted by the others when `agreed`. */
export function enterLeft(ring: Ring, agreed: boolean): void {
  ring.leaving = false;
  fence(ring, 'leave');
  persist(ring, { left: true });
  ring.state = { kind: 'left' };
  act(ring, { kind: 'left', agreed });
}

/** Whom this peer hears now. */
export function seesNow(ring: Ring, sinceMs: number, nowMs: number): MemberId[] {
  const fromMs = Math.max(nowMs - 3 * ring.settings.expelAfterMs, sinceMs);
  return ring.self.peers.filter((id) => {
    const atMs = heardMs(ring, id);
    return atMs > 0 && atMs >= fromMs;
  });
}
