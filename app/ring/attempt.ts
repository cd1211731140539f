/** From a proposal to a view: fetch what it starts with, promise it, and let it come into being. */
import { heardMs, ignore, infoOf, isOnDisk, patience, send, stuckAtMs } from './core.js';
import { enterAttest, enterGather, enterRecover, enterView, seesNow, storeView } from './enter.js';
import type { Info, MemberId, Proposal } from './model.js';
import type { Attest, Gather, Recover, Ring } from './state.js';

/** A leader gives an attempt up after this many times `expelAfterMs` without any progress. */
const attemptFactor = 6;

/** A leader asks for an attestation. */
export function hearPropose(
  ring: Ring,
  state: Gather | Recover | Attest,
  from: MemberId,
  proposal: Proposal,
  nowMs: number,
): void {
  const { ringId } = proposal.view;
  if (nowMs >= stuckAtMs(ring)) {
    ignore(ring, 'nothing-to-do');
    return;
  }
  if (state.kind !== 'gather' && state.proposal.view.ringId === ringId) {
    answerAgain(ring, state, from);
    return;
  }
  ring.seen = Math.max(ring.seen, ringId);
  if (!ring.rules.mayAttest(ringId, ring.durable)) {
    // Tell the leader what it does not know, so that its next ring id is high enough.
    send(ring, from, -1, { kind: 'join', info: infoOf(ring), sees: seesNow(ring, 0, nowMs) });
    ignore(ring, 'promised-higher');
    return;
  }
  if (state.kind === 'recover' && state.proposal.gives.some(({ to }) => to === ring.self.id)) {
    // Changes for the old attempt are still arriving: stop them before the position is told again.
    enterGather(ring, 'newer-proposal', nowMs);
    return;
  }
  const used = proposal.versions.find(({ id }) => id === ring.self.id);
  if (used?.version !== ring.version) {
    send(ring, from, -1, { kind: 'join', info: infoOf(ring), sees: seesNow(ring, 0, nowMs) });
    ignore(ring, 'old-information');
    return;
  }
  enterRecover(ring, proposal, { kind: 'follower', leader: from }, nowMs);
  attestWhenReady(ring, nowMs);
}

function answerAgain(ring: Ring, state: Recover | Attest, from: MemberId): void {
  const { ringId } = state.proposal.view;
  // While the own disk is slow a sign of life goes out in place of the promise that waits for it.
  if (state.kind === 'attest' && isOnDisk(ring)) send(ring, from, -1, { kind: 'attest', ringId });
  else send(ring, from, -1, { kind: 'recovering', ringId, received: ring.received });
}

/** Promises the view as soon as the own data hold its start. Data that hold more contradict the agreement. */
export function attestWhenReady(ring: Ring, nowMs: number): void {
  const { state } = ring;
  if (state.kind !== 'recover') return;
  const { view } = state.proposal;
  const member = view.members.find(({ id }) => id === ring.self.id);
  if (member && !member.arbiter) {
    if (ring.received < view.start) return;
    if (ring.received > view.start) {
      enterGather(ring, 'attempt-failed', nowMs);
      return;
    }
  }
  enterAttest(ring, state.proposal, state.part, nowMs);
  formWhenAttested(ring, nowMs);
}

/** The leader brings the view into being: stored first, then told. */
function formWhenAttested(ring: Ring, nowMs: number): void {
  const { state } = ring;
  if (state.kind !== 'attest' || state.part.kind !== 'leader' || state.part.forming) return;
  const { proposal } = state;
  if (!ring.rules.allAttested(proposal.view.voters, state.part.attested)) return;
  state.part.forming = true;
  state.part.progressMs = nowMs;
  storeView(ring, proposal);
  openWhenStored(ring, state, nowMs);
}

/**
 * The leader enters the view and tells of it when its disk holds it. Until then it repeats its proposal, so that those who
 * wait for it see that it lives.
 */
export function openWhenStored(ring: Ring, { proposal, part }: Attest, nowMs: number): void {
  if (part.kind !== 'leader' || !part.forming || !isOnDisk(ring)) return;
  enterView(ring, proposal, nowMs);
  for (const voter of proposal.view.voters) {
    if (voter.id === ring.self.id) continue;
    send(ring, voter.id, -1, { kind: 'install', ringId: proposal.view.ringId });
  }
}

/** A voter's promise reached the leader. */
export function hearAttest(ring: Ring, state: Recover | Attest, from: MemberId, nowMs: number): void {
  if (state.part.kind !== 'leader') {
    ignore(ring, 'not-for-us');
    return;
  }
  if (!state.part.attested.has(from)) state.part.progressMs = nowMs;
  state.part.attested.add(from);
  formWhenAttested(ring, nowMs);
}

/** The view exists: its leader says so, or the new ring already speaks. */
export function hearInstall(ring: Ring, state: Attest, nowMs: number): void {
  storeView(ring, state.proposal);
  enterView(ring, state.proposal, nowMs);
}

/** A voter of the attempt under way looks for a view again: then the attempt cannot succeed. */
export function hearJoinDuringAttempt(
  ring: Ring,
  state: Recover | Attest,
  from: MemberId,
  info: Info,
  nowMs: number,
): void {
  const { proposal, part } = state;
  const used = proposal.versions.find(({ id }) => id === from)?.version;
  const voter = proposal.view.voters.find(({ id }) => id === from);
  // A giver that starts again may have lost what it was to give.
  const gives = proposal.gives.some((give) => give.from === from);
  const matters = gives || (part.kind === 'leader' ? !part.attested.has(from) : part.leader === from);
  const outdated = voter !== undefined && (voter.life !== info.life || info.version > (used ?? 0));
  if (!matters || !outdated) {
    ignore(ring, 'nothing-to-do');
    return;
  }
  enterGather(ring, 'attempt-failed', nowMs);
}

/** The node fetched more. What was told before is outdated, so a proposal made from it is refused. */
export function hearFetched(
  ring: Ring,
  state: Recover,
  received: number,
  applied: number,
  nowMs: number,
): void {
  ring.applied = applied;
  if (received !== ring.received) {
    ring.received = received;
    ring.version++;
    if (state.part.kind === 'leader') state.part.progressMs = nowMs;
  }
  attestWhenReady(ring, nowMs);
}

/** A voter still fetches. */
export function hearRecovering(
  ring: Ring,
  { part }: Recover | Attest,
  from: MemberId,
  received: number,
  nowMs: number,
): void {
  if (part.kind !== 'leader') {
    ignore(ring, 'not-for-us');
    return;
  }
  if (received > (part.reached.get(from) ?? -1)) part.progressMs = nowMs;
  part.reached.set(from, received);
}

/** Looks at the clock: the leader asks again, which also keeps those waiting who have promised. */
export function tickAttempt(ring: Ring, state: Recover | Attest, nowMs: number): void {
  const { part, proposal } = state;
  if (part.kind === 'follower') {
    abandonIfSilent(ring, state, [part.leader], nowMs);
    return;
  }
  const others = proposal.view.voters.map(({ id }) => id).filter((id) => id !== ring.self.id);
  const missing = others.filter((id) => !part.attested.has(id));
  if (abandonIfSilent(ring, state, missing, nowMs)) return;
  if (nowMs - part.progressMs > attemptFactor * ring.settings.expelAfterMs) {
    enterGather(ring, 'attempt-failed', nowMs);
    return;
  }
  if (nowMs < part.nextAskMs) return;
  part.nextAskMs = nowMs + ring.settings.joinMs;
  for (const id of others) send(ring, id, -1, { kind: 'propose', proposal });
}

/** An own proposal or one that was followed came to nothing. */
function abandonIfSilent(
  ring: Ring,
  state: { readonly sinceMs: number },
  others: readonly MemberId[],
  nowMs: number,
): boolean {
  const silentMs = (id: MemberId): number => nowMs - Math.max(heardMs(ring, id), state.sinceMs);
  if (others.every((id) => silentMs(id) <= patience(ring, id, nowMs))) return false;
  enterGather(ring, 'attempt-failed', nowMs);
  return true;
}
