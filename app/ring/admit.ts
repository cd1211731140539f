/** The one place where messages of another ring, an earlier life or a stranger are turned away, before any state sees them. */
import { everyNetwork, send } from './core.js';
import { enterGather } from './enter.js';
import type { IgnoreReason, MemberId, RingId, RingMessage, Voter } from './model.js';
import { includesVoter } from './quorum.js';
import type { Ring } from './state.js';

/** Messages that only members of one ring exchange. */
type RingScoped = Extract<RingMessage, { kind: 'token' | 'pulse' | 'probe' | 'here' | 'want' | 'report' }>;

const ringScoped: ReadonlySet<RingMessage['kind']> = new Set<RingScoped['kind']>([
  'token',
  'pulse',
  'probe',
  'here',
  'want',
  'report',
]);

/** Kinds that a peer of an old ring sends by itself: worth telling it that its ring is over. */
const spontaneous: ReadonlySet<RingMessage['kind']> = new Set<RingScoped['kind']>([
  'token',
  'pulse',
  'probe',
  'want',
]);

/**
 * May this message reach the handlers of the current state?
 * @returns why not, or null. A newer ring ends the own one; an older one is told so.
 */
export function refusal(ring: Ring, from: Voter, message: RingMessage, nowMs: number): IgnoreReason | null {
  if (!ring.self.peers.includes(from.id)) return 'not-a-member';
  if (!ringScoped.has(message.kind)) return attemptRefusal(ring, from, message);
  const { ringId } = message as RingScoped;
  const { state } = ring;
  if (state.kind === 'operational') {
    if (ring.rules.isOwnRing(ringId, state.view.ringId)) {
      return includesVoter(state.view.members, from) ? null : 'not-a-member';
    }
    if (ringId > state.view.ringId) return overtaken(ring, ringId, nowMs);
    if (spontaneous.has(message.kind)) tellOutdated(ring, from.id, state.view.ringId);
    return 'stale-ring';
  }
  if (state.kind === 'attest' && ringId === state.proposal.view.ringId) {
    return includesVoter(state.proposal.view.members, from) ? null : 'not-a-member';
  }
  ring.seen = Math.max(ring.seen, ringId);
  return 'not-for-us';
}

/** Answers about an attempt count only for the attempt that is under way. */
function attemptRefusal(ring: Ring, from: Voter, message: RingMessage): IgnoreReason | null {
  if (message.kind === 'join') return message.info.life === from.life ? null : 'old-life';
  if (message.kind !== 'attest' && message.kind !== 'install' && message.kind !== 'recovering') return null;
  const { state } = ring;
  if (state.kind !== 'recover' && state.kind !== 'attest') return 'nothing-to-do';
  const { ringId, voters } = state.proposal.view;
  if (ringId !== message.ringId) return 'stale-ring';
  return includesVoter(voters, from) ? null : 'not-a-member';
}

function overtaken(ring: Ring, ringId: RingId, nowMs: number): IgnoreReason {
  ring.seen = Math.max(ring.seen, ringId);
  enterGather(ring, 'ring-over', nowMs);
  return 'newer-ring';
}

function tellOutdated(ring: Ring, to: MemberId, ringId: RingId): void {
  send(ring, to, everyNetwork, { kind: 'outdated', ringId });
}
