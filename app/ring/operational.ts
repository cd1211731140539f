/** A member of a primary component: answers, watches the token and the others, and leaves when the view is over. */
import {
  act,
  everyNetwork,
  heardMs,
  ignore,
  networkTo,
  patience,
  peerView,
  send,
  sendToMembers,
  stuckAtMs,
  successorOf,
} from './core.js';
import { enterGather } from './enter.js';
import type { MemberId, RingMessage } from './model.js';
import { majorityOf } from './quorum.js';
import type { Operational, Ring } from './state.js';
import { afterTelling, recentStallMs } from './suspicion.js';
import {
  acknowledgeReceived,
  markOwn,
  noteWant,
  receiveToken,
  resendEveryMs,
  resendToken,
  useToken,
  wantsToken,
} from './token.js';

type Of<Kind extends RingMessage['kind']> = Extract<RingMessage, { kind: Kind }>;

const indexOf = (state: Operational, id: MemberId): number =>
  state.view.members.findIndex((member) => member.id === id);

/** A pass, or a copy of one. A copy is answered, so that the sender stops repeating it. */
export function hearToken(
  ring: Ring,
  state: Operational,
  from: MemberId,
  network: number,
  message: Of<'token'>,
  nowMs: number,
): void {
  if (!ring.rules.isNewToken(message.token.number, state.number)) {
    answerHere(ring, state, from, network, 0, nowMs);
    ignore(ring, 'duplicate-token');
    return;
  }
  receiveToken(ring, state, message.token, nowMs);
}

/** The holder says that it still holds: no reason for suspicion, however long it takes. */
export function hearPulse(
  ring: Ring,
  state: Operational,
  from: MemberId,
  network: number,
  message: Of<'pulse'>,
  nowMs: number,
): void {
  peerView(ring, from).told = afterTelling(message.stalledMs, nowMs);
  if (message.number >= state.newest) {
    signOfToken(state, message.number, true, nowMs);
    if (state.grip.kind === 'away') heedMarks(ring, state, message);
  }
  answerHere(ring, state, from, network, 0, nowMs);
}

function signOfToken(state: Operational, number: number, held: boolean, nowMs: number): void {
  state.newest = Math.max(state.newest, number);
  state.tokenSeenMs = nowMs;
  state.probingSinceMs = 0;
  state.held = held;
  if (state.grip.kind === 'away' && state.grip.passed && number >= state.grip.passed.number) {
    state.grip.passed = null;
  }
}

/** Answers a pulse, or the probe `answers`, on the network that it came by. */
export function answerHere(
  ring: Ring,
  state: Operational,
  to: MemberId,
  network: number,
  answers: number,
  nowMs: number,
): void {
  send(ring, to, network, here(ring, state, answers, nowMs));
}

const here = (ring: Ring, state: Operational, answers: number, nowMs: number): Of<'here'> => ({
  kind: 'here',
  ringId: state.view.ringId,
  number: state.number,
  answers,
  stalledMs: recentStallMs(ring.health, nowMs),
  holding: state.grip.kind !== 'away',
  received: ring.received,
  applied: ring.applied,
  wants: wantsToken(ring),
});

/** Everybody learns at once that this process stands still now and then, before it does so for longer. */
export function tellStall(ring: Ring, state: Operational, nowMs: number): void {
  sendToMembers(ring, state.view, 'best', here(ring, state, 0, nowMs));
}

/** What the holder knows of everybody, in case a report to this member was lost. */
function heedMarks(ring: Ring, state: Operational, { safe, acknowledged }: Of<'pulse'>): void {
  if (acknowledged > state.acknowledged) {
    const news = state.ownLast > state.acknowledged;
    state.acknowledged = acknowledged;
    if (news) act(ring, { kind: 'acknowledge', ringId: state.view.ringId, upTo: acknowledged });
  }
  if (safe <= state.safe) return;
  state.safe = safe;
  act(ring, { kind: 'safe', upTo: safe });
}

/** A member is alive, and says where it stands. */
export function hearHere(
  ring: Ring,
  state: Operational,
  from: MemberId,
  message: Of<'here'>,
  nowMs: number,
): void {
  const index = indexOf(state, from);
  peerView(ring, from).told = afterTelling(message.stalledMs, nowMs);
  if (state.grip.kind === 'away') {
    const news = message.number > state.newest || (message.holding && message.number === state.newest);
    if (news) signOfToken(state, message.number, message.holding, nowMs);
    else if (state.grip.passed && message.number >= state.grip.passed.number) state.grip.passed = null;
  }
  raiseMarks(ring, state, index, message);
  if (message.wants && state.grip.kind !== 'away') noteWant(ring, state, index, nowMs);
  if (state.doubt && message.answers >= state.doubt.fromProbe) lessDoubt(ring, state, from, nowMs);
}

/** This process stood still for so long that the others may have gone on: asks them, and waits (see `Doubt`). */
export function beginDoubt(ring: Ring, state: Operational, nowMs: number): void {
  state.doubt = { sinceMs: nowMs, fromProbe: ring.probeNumber + 1, answered: new Set([ring.self.id]) };
  state.probingSinceMs = nowMs;
  state.nextProbeMs = nowMs;
}

/** A member was still in this view after the stall. */
function lessDoubt(ring: Ring, state: Operational, from: MemberId, nowMs: number): void {
  const { doubt } = state;
  if (!doubt) return;
  doubt.answered.add(from);
  if (doubt.answered.size < majorityOf(state.view.members.length)) return;
  state.doubt = null;
  useToken(ring, state, nowMs);
}

/** A member's node moved. */
export function hearReport(
  ring: Ring,
  state: Operational,
  from: MemberId,
  message: Of<'report'>,
  nowMs: number,
): void {
  raiseMarks(ring, state, indexOf(state, from), message);
  if (state.grip.kind === 'waiting') useToken(ring, state, nowMs);
}

function raiseMarks(
  ring: Ring,
  state: Operational,
  index: number,
  { received, applied }: { readonly received: number; readonly applied: number },
): void {
  if (state.view.members[index]?.arbiter !== false) return;
  const moved = received > (state.received[index] ?? 0) || applied > (state.applied[index] ?? -1);
  if (!moved) return;
  state.received[index] = Math.max(received, state.received[index] ?? 0);
  state.applied[index] = Math.max(applied, state.applied[index] ?? -1);
  acknowledgeReceived(ring, state);
}

/** A member asks for the token; only the holder can help, and the member asks again. */
export function hearWant(ring: Ring, state: Operational, from: MemberId, nowMs: number): void {
  if (state.grip.kind !== 'away') noteWant(ring, state, indexOf(state, from), nowMs);
}

/** A peer looks for a view: a member that gave this one up, or somebody who asks to join. */
export function hearJoin(
  ring: Ring,
  state: Operational,
  from: MemberId,
  { info, sees }: Of<'join'>,
  nowMs: number,
): void {
  const { members, ringId } = state.view;
  ring.seen = Math.max(ring.seen, info.promised);
  const member = members.find(({ id }) => id === from);
  if (member && member.life === info.life) {
    const used = state.versions.find(({ id }) => id === from)?.version ?? 0;
    if (info.version <= used) {
      ignore(ring, 'old-information');
      return;
    }
    enterGather(ring, 'member-gathers', nowMs);
    return;
  }
  send(ring, from, everyNetwork, { kind: 'outdated', ringId });
  if (member) {
    enterGather(ring, 'member-restarted', nowMs);
    return;
  }
  if (!info.wantsIn || info.data.kind === 'fencing') {
    ignore(ring, 'nothing-to-do');
    return;
  }
  const peer = peerView(ring, from);
  peer.askedMs = nowMs;
  if (nowMs < peer.coolUntilMs) {
    ignore(ring, 'cooling-down');
    return;
  }
  if (!members.every(({ id }) => sees.includes(id))) {
    ignore(ring, 'not-for-us');
    return;
  }
  if (info.data.kind === 'ready') {
    if (ring.rules.hasDiverged(info.data, ring.durable.history)) {
      send(ring, from, everyNetwork, { kind: 'refuse', ringId, reason: 'needs-copy' });
      ignore(ring, 'not-for-us');
      return;
    }
    if (state.sequence - info.data.received > ring.settings.joinGapMax) {
      send(ring, from, everyNetwork, { kind: 'refuse', ringId, reason: 'needs-catch-up' });
      ignore(ring, 'not-for-us');
      return;
    }
  }
  enterGather(ring, 'join-request', nowMs);
}

/** The node's log moved. Where the token rests, the committer cannot see that on the token: it is told. */
export function nodeMoved(ring: Ring, state: Operational, nowMs: number): void {
  markOwn(ring, state);
  acknowledgeReceived(ring, state);
  if (state.grip.kind === 'away') report(ring, state, nowMs);
  else useToken(ring, state, nowMs);
}

function report(ring: Ring, state: Operational, nowMs: number): void {
  if (ring.received <= state.reported || nowMs - state.tokenSeenMs < reportAfterMs) return;
  state.reported = ring.received;
  const { received, applied } = ring;
  sendToMembers(ring, state.view, 'best', { kind: 'report', ringId: state.view.ringId, received, applied });
}

/**
 * The queue of this node changed.
 * @param news it did not want the token before. Those who join a queue need not be told of: the others know already, or
 *   are asked again in time.
 */
export function queueChanged(ring: Ring, state: Operational, news: boolean, nowMs: number): void {
  if (state.grip.kind !== 'away') {
    useToken(ring, state, nowMs);
    return;
  }
  if (!wantsToken(ring)) return;
  if (news) state.nextWantMs = Math.min(state.nextWantMs, state.held ? nowMs : nowMs + reportAfterMs);
  tickOperational(ring, state, nowMs);
}

/** A token seen so short ago will carry the position soon enough. Milliseconds. */
const reportAfterMs = 2;

/** Looks at the clock. */
export function tickOperational(ring: Ring, state: Operational, nowMs: number): void {
  const { grip } = state;
  const crosses = nowMs >= state.nextCrossMs;
  if (crosses) state.nextCrossMs = nowMs + crossFactor * ring.settings.pulseMs;
  if (grip.kind === 'away') {
    resendToken(ring, state, nowMs);
    report(ring, state, nowMs);
    if (wantsToken(ring) && nowMs >= state.nextWantMs) {
      state.nextWantMs = nowMs + resendEveryMs(ring);
      sendToMembers(ring, state.view, 'best', { kind: 'want', ringId: state.view.ringId });
    }
    if (crosses) tryOtherNetworks(ring, state);
  } else {
    if (crosses || nowMs >= state.nextPulseMs) pulse(ring, state, crosses ? everyNetwork : 'best', nowMs);
    if (grip.kind === 'waiting' && nowMs >= grip.untilMs) useToken(ring, state, nowMs);
  }
  if (nowMs >= stuckAtMs(ring)) enterGather(ring, 'disk-stuck', nowMs);
  else watch(ring, state, nowMs);
}

/** Networks without traffic are tried every so many pulses. */
const crossFactor = 5;

/** Traffic moves back to a healed network only when something is heard on it. */
function tryOtherNetworks(ring: Ring, state: Operational): void {
  const successor = successorOf(state);
  const used = networkTo(ring, successor);
  for (let network = 0; network < ring.self.networks; network++) {
    if (network === used) continue;
    probe(ring, state, successor, network);
  }
}

function probe(ring: Ring, state: Operational, to: MemberId, network: number): void {
  send(ring, to, network, { kind: 'probe', ringId: state.view.ringId, number: ring.probeNumber });
}

/** The holder says that it holds, by the best network to each, and now and then by every one of them. */
function pulse(ring: Ring, state: Operational, network: typeof everyNetwork | 'best', nowMs: number): void {
  state.nextPulseMs = nowMs + ring.settings.pulseMs;
  if (state.view.members.length === 1 || state.grip.kind === 'away') return;
  if (state.probingSinceMs === 0) state.probingSinceMs = nowMs;
  sendToMembers(ring, state.view, network, {
    kind: 'pulse',
    ringId: state.view.ringId,
    number: state.number,
    sequence: state.sequence,
    safe: state.safe,
    acknowledged: state.acknowledged,
    why: state.grip.kind,
    stalledMs: recentStallMs(ring.health, nowMs),
  });
}

/** Token silence after which members are probed. Milliseconds. */
const silenceLimitMs = (ring: Ring, state: Operational): number =>
  state.held ? 1.5 * ring.settings.pulseMs + ring.settings.probeAfterMs : ring.settings.probeAfterMs;

/** How often members are probed. Milliseconds. */
const probeEveryMs = (ring: Ring): number =>
  Math.max(ring.settings.probeAfterMs, ring.settings.expelAfterMs / 8);

/** Silence: first probes on every network, then suspicion; only unanswered probes count. */
function watch(ring: Ring, state: Operational, nowMs: number): void {
  if (state.view.members.length === 1) return;
  const holds = state.grip.kind !== 'away';
  if (!holds && !state.doubt && nowMs - state.tokenSeenMs < silenceLimitMs(ring, state)) return;
  if (state.probingSinceMs === 0) {
    // A holder probes from its first pulse on.
    if (holds && !state.doubt) return;
    state.probingSinceMs = nowMs;
  }
  const quietMs = holds ? ring.settings.pulseMs + ring.settings.probeAfterMs : 0;
  const probes = nowMs >= state.nextProbeMs;
  if (probes) {
    state.nextProbeMs = nowMs + probeEveryMs(ring);
    ring.probeNumber++;
  }
  let longestMs = 0;
  for (const { id } of state.view.members) {
    if (id === ring.self.id) continue;
    const silentMs = nowMs - Math.max(heardMs(ring, id), state.probingSinceMs);
    const limitMs = patience(ring, id, nowMs);
    longestMs = Math.max(longestMs, limitMs);
    if (silentMs > limitMs) {
      enterGather(ring, 'silent', nowMs);
      return;
    }
    const asks = state.doubt ? !state.doubt.answered.has(id) : silentMs >= quietMs;
    if (probes && asks) probe(ring, state, id, everyNetwork);
  }
  if (state.doubt && nowMs - state.doubt.sinceMs > 2 * longestMs) enterGather(ring, 'stalled', nowMs);
  else if (!holds && nowMs - state.probingSinceMs > 4 * longestMs) enterGather(ring, 'token-lost', nowMs);
}

/** When `watch` wants to look next. Milliseconds of the own clock. */
export function watchAtMs(ring: Ring, state: Operational): number {
  if (state.view.members.length === 1) return Number.POSITIVE_INFINITY;
  if (state.doubt) return state.nextProbeMs;
  if (state.grip.kind !== 'away') return state.nextPulseMs;
  if (state.probingSinceMs === 0) return state.tokenSeenMs + silenceLimitMs(ring, state);
  return state.nextProbeMs;
}
