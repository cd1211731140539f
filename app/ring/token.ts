/** The token's way: receive, use, pass on, park. */
import {
  appendControl,
  controlOnToken,
  controlUnfinished,
  deliverSeen,
  takeControl,
} from './control-order.js';
import { act, everyNetwork, isOnDisk, networkTo, send, successorOf } from './core.js';
import { groupAllowance, nthHighest } from './flow.js';
import type { Token } from './model.js';
import type { Operational, Ring } from './state.js';

/** This member gets the token. A copy of an earlier pass was rejected before (admit.ts). */
export function receiveToken(ring: Ring, state: Operational, token: Token, nowMs: number): void {
  state.number = token.number;
  state.newest = Math.max(state.newest, token.number);
  state.rotation = token.rotation + (state.index === 0 ? 1 : 0);
  state.sequence = token.sequence;
  state.by = token.by;
  state.tokenSeenMs = nowMs;
  state.probingSinceMs = 0;
  state.held = false;
  state.wants = token.wants;
  // Kept for longer than this, the token is said to be held: nobody has to ask.
  state.nextPulseMs = nowMs + ring.settings.probeAfterMs / 2;
  for (let index = 0; index < state.received.length; index++) {
    if (index !== state.index) mergeMarks(state, index, token);
  }
  markOwn(ring, state);
  takeControl(ring, state, token.control);
  deliverSeen(ring, state);
  state.grip = { kind: 'parked' };
  acknowledgeReceived(ring, state);
  useToken(ring, state, nowMs);
}

function mergeMarks(state: Operational, index: number, token: Token): void {
  const raise = (marks: number[], mark: number | undefined) => {
    if (mark !== undefined && mark > (marks[index] ?? 0)) marks[index] = mark;
  };
  raise(state.received, token.received[index]);
  raise(state.applied, token.applied[index]);
  raise(state.controlSeen, token.controlSeen[index]);
  raise(state.controlDelivered, token.controlDelivered[index]);
}

/** Writes the own position into the marks. */
export function markOwn(ring: Ring, state: Operational): void {
  if (ring.self.arbiter) return;
  state.received[state.index] = ring.received;
  state.applied[state.index] = ring.applied;
}

const bitOf = (index: number): number => 1 << index;

/** Somebody else waits for the token. */
const othersWant = (state: Operational): boolean => (state.wants & ~bitOf(state.index)) !== 0;

const wantsToCommit = (ring: Ring): boolean => ring.queue > 0 && ring.serverUp && !ring.self.arbiter;

/** Does this member need the token? */
export const wantsToken = (ring: Ring): boolean => wantsToCommit(ring) || ring.outbox.length > 0;

/** A member asks for the token while this one holds it. */
export function noteWant(ring: Ring, state: Operational, index: number, nowMs: number): void {
  if (state.wants & bitOf(index) && state.grip.kind !== 'parked') return;
  state.wants |= bitOf(index);
  useToken(ring, state, nowMs);
}

/** Decides what a holder does next: commit, wait for the applier, pass on, or park. In doubt it does nothing. */
export function useToken(ring: Ring, state: Operational, nowMs: number): void {
  const { grip } = state;
  if (grip.kind === 'away' || grip.kind === 'committing' || grip.kind === 'storing' || state.doubt) return;
  if (ring.outbox.length > 0) {
    appendControl(ring, state);
    deliverSeen(ring, state);
  }
  if (wantsToCommit(ring)) {
    const allowance = groupAllowance(lagOf(state), ring.settings);
    if (allowance > 0 && ring.rules.hasApplied(ring.applied, state.sequence)) {
      state.grip = { kind: 'committing', sinceMs: nowMs };
      // More than wait now: who arrives while the others commit may join them.
      act(ring, { kind: 'commit', ringId: state.view.ringId, after: state.sequence, max: allowance });
      return;
    }
    if (grip.kind === 'parked') {
      state.grip = { kind: 'waiting', untilMs: nowMs + ring.settings.applyWaitMs };
      return;
    }
    if (nowMs < grip.untilMs) return;
    if (!othersWant(state)) {
      state.grip = { kind: 'waiting', untilMs: nowMs + ring.settings.applyWaitMs };
      return;
    }
    passToken(ring, state, nowMs);
    return;
  }
  if (othersWant(state) || controlUnfinished(ring, state)) passToken(ring, state, nowMs);
  else state.grip = { kind: 'parked' };
}

/** The node committed; the order is longer. */
export function afterCommit(ring: Ring, state: Operational, upTo: number, nowMs: number): void {
  const count = upTo - state.sequence;
  if (count > 0) {
    state.sequence = upTo;
    state.by = ring.self.id;
    state.ownLast = upTo;
    ring.received = Math.max(ring.received, upTo);
    ring.applied = Math.max(ring.applied, upTo);
  }
  state.grip = { kind: 'parked' };
  markOwn(ring, state);
  acknowledgeReceived(ring, state);
  if (othersWant(state) && !state.doubt) passToken(ring, state, nowMs);
  else useToken(ring, state, nowMs);
}

/** The disk took what waited for it: the token may go. */
export function passStored(ring: Ring, state: Operational, nowMs: number): void {
  if (state.grip.kind !== 'storing' || !isOnDisk(ring)) return;
  state.grip = { kind: 'parked' };
  if (!state.doubt) passToken(ring, state, nowMs);
}

/**
 * Gives the token to the successor. A copy is kept until there is a sign that it arrived. What the token tells must be on
 * the own disk first; until then this member holds it and says so.
 */
function passToken(ring: Ring, state: Operational, nowMs: number): void {
  if (state.view.members.length === 1) {
    state.wants = 0;
    state.grip = { kind: 'parked' };
    return;
  }
  if (!isOnDisk(ring)) {
    state.grip = { kind: 'storing' };
    return;
  }
  const own = bitOf(state.index);
  state.wants = wantsToken(ring) ? state.wants | own : state.wants & ~own;
  const token: Token = {
    ringId: state.view.ringId,
    number: state.number + 1,
    rotation: state.rotation,
    sequence: state.sequence,
    by: state.by,
    received: state.received.slice(),
    applied: state.applied.slice(),
    controlSeen: state.controlSeen.slice(),
    controlDelivered: state.controlDelivered.slice(),
    wants: state.wants,
    control: controlOnToken(ring, state),
  };
  const successor = successorOf(state);
  send(ring, successor, networkTo(ring, successor), { kind: 'token', ringId: token.ringId, token });
  state.nextWantMs = nowMs + ring.settings.probeAfterMs;
  if (!ring.rules.letsGo) return;
  state.number = token.number;
  state.newest = token.number;
  state.tokenSeenMs = nowMs;
  state.probingSinceMs = 0;
  state.held = false;
  state.grip = { kind: 'away', passed: token, resendMs: nowMs + resendEveryMs(ring) };
}

/** How often an unconfirmed pass is sent again. Milliseconds. */
export const resendEveryMs = (ring: Ring): number =>
  Math.max(ring.settings.probeAfterMs, ring.settings.expelAfterMs / 16);

/** Sends the last pass again, on every network: a copy has the same number and is recognised. */
export function resendToken(ring: Ring, state: Operational, nowMs: number): void {
  const { grip } = state;
  if (grip.kind !== 'away' || !grip.passed || nowMs < grip.resendMs) return;
  grip.resendMs = nowMs + resendEveryMs(ring);
  const message = { kind: 'token', ringId: grip.passed.ringId, token: grip.passed } as const;
  send(ring, successorOf(state), everyNetwork, message);
}

/** Changes between the end of the order and the slowest applier that is known. */
function lagOf(state: Operational): number {
  let slowest = state.sequence;
  for (const applied of state.applied) if (applied >= 0 && applied < slowest) slowest = applied;
  return state.sequence - slowest;
}

/** Tells the node what is safe now: received by enough for an OK, applied by all. */
export function acknowledgeReceived(ring: Ring, state: Operational): void {
  const enough = nthHighest(state.received, ring.rules.acknowledgersNeeded(state.view.members));
  if (enough > state.acknowledged) {
    const news = state.ownLast > state.acknowledged;
    state.acknowledged = enough;
    if (news) act(ring, { kind: 'acknowledge', ringId: state.view.ringId, upTo: enough });
  }
  const everywhere = Math.min(state.sequence, ...state.applied);
  if (everywhere > state.safe) {
    state.safe = everywhere;
    act(ring, { kind: 'safe', upTo: everywhere });
  }
}
