/** The next time at which a peer must look at its clock. */
import { stuckAtMs } from './core.js';
import { leaveAtMs, outsideAtMs } from './gather.js';
import { watchAtMs } from './operational.js';
import type { Attest, Gather, Operational, Recover, Ring } from './state.js';
import { never } from './state.js';
import { wantsToken } from './token.js';

/** Milliseconds of the peer's own clock; `never` when only an event can change something. */
export function wakeAtMs(ring: Ring, nowMs: number): number {
  const { state } = ring;
  switch (state.kind) {
    case 'stopped':
    case 'left':
      return never;
    case 'gather':
      return gatherAtMs(ring, state, nowMs);
    case 'recover':
    case 'attest':
      return attemptAtMs(ring, state, nowMs);
    case 'operational':
      return operationalAtMs(ring, state);
  }
}

function gatherAtMs(ring: Ring, state: Gather, nowMs: number): number {
  let atMs = state.nextJoinMs;
  if (state.settleMs > nowMs) atMs = Math.min(atMs, state.settleMs);
  if (!state.outside) atMs = Math.min(atMs, outsideAtMs(ring, state));
  if (ring.leaving) atMs = Math.min(atMs, leaveAtMs(ring, state));
  return atMs;
}

function attemptAtMs(ring: Ring, { part }: Recover | Attest, nowMs: number): number {
  const checkMs = nowMs + ring.settings.expelAfterMs / 2;
  return part.kind === 'leader' ? Math.min(checkMs, part.nextAskMs) : checkMs;
}

function operationalAtMs(ring: Ring, state: Operational): number {
  const { grip } = state;
  let atMs = Math.min(watchAtMs(ring, state), state.nextCrossMs, stuckAtMs(ring));
  if (grip.kind === 'away') {
    if (grip.passed) atMs = Math.min(atMs, grip.resendMs);
    if (wantsToken(ring)) atMs = Math.min(atMs, state.nextWantMs);
    if (ring.received > state.reported) atMs = Math.min(atMs, state.tokenSeenMs + 2);
  } else {
    if (grip.kind === 'waiting' && !state.doubt) atMs = Math.min(atMs, grip.untilMs);
  }
  return atMs;
}
