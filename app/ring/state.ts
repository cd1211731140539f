/**
 * The states of a peer in the token protocol.
 *
 *            start                        proposal holds my information
 *   stopped ------> gather ---------------------------------------------> recover
 *                    ^  ^ ^                                                  | my data hold the start:
 *              leave |  | |  leader silent, newer proposal, member lost      | attest (on disk, then sent)
 *   left <-----------+  | +-----------------------------------------------+  v
 *     | rejoin          |                                                 attest
 *     +---> gather      | a member is lost, gathers, asks to join            | everybody attested:
 *                       |                                                    | install, or the new ring speaks
 *                     operational <------------------------------------------+
 *
 *   operational.grip:  away -> parked | waiting (for the applier) | committing -> storing (own disk) -> away (passed on)
 *
 * Source: Y. Amir, L. E. Moser, P. M. Melliar-Smith, D. A. Agarwal, P. Ciarfella, "The Totem Single-Ring Ordering and
 * Membership Protocol" (ACM TOCS 1995). Its operational, gather, commit and recovery are our operational, gather, attest
 * and recover. Deviations, with the reason:
 *  - Recovery comes before commit: a view may only come into being when its members hold its starting position.
 *  - The commit token's two rotations are a star around the leader (attest, install); `attest` is durable, because a
 *    peer must not forget after a crash what it agreed to (Totem tolerates that, a database does not).
 *  - No ring without quorum: a minority stays in gather. It may not commit, so it needs no order.
 *  - Data do not travel with the token, MariaDB carries them; the token carries positions.
 *  - Marks are a vector (at most 16 members), so `safe` needs no second rotation to be trusted.
 *  - The token parks, and a holder that keeps it says so; Totem rotates for ever.
 */

import type { WaitReason } from './agreement.js';
import type {
  Durable,
  GatherReason,
  Info,
  MemberId,
  Proposal,
  RefusalReason,
  RingAction,
  RingId,
  RingSettings,
  Token,
  View,
  Voter,
} from './model.js';
import type { Rules } from './rules.js';
import type { Health } from './suspicion.js';

/** What another peer said while a view is sought. */
export interface Heard {
  readonly info: Info;
  readonly sees: readonly MemberId[];
  readonly atMs: number;
}

export interface Stopped {
  readonly kind: 'stopped';
}

export interface Left {
  readonly kind: 'left';
}

/** Looks for others; commits nothing. */
export interface Gather {
  readonly kind: 'gather';
  readonly reason: GatherReason;
  readonly sinceMs: number;
  readonly heard: Map<MemberId, Heard>;
  nextJoinMs: number;
  joinEveryMs: number;
  /** Before this the leader waits for peers that may still answer. */
  settleMs: number;
  /** The application was told that this peer is in no primary component. */
  outside: boolean;
  /** Why no view can be formed now, as the leader of a group found; for the operator. */
  waitsFor: WaitReason | null;
}

/** Who leads an attempt: me, with what I have collected, or another. */
export type Part =
  | {
      readonly kind: 'leader';
      readonly attested: Set<MemberId>;
      /** How far those who fetch have come. */
      readonly reached: Map<MemberId, number>;
      progressMs: number;
      nextAskMs: number;
      /** Everybody attested; the view begins when the leader's disk holds it. */
      forming: boolean;
    }
  | { readonly kind: 'follower'; readonly leader: MemberId };

/** Fetches what the view starts with; nothing is promised yet. */
export interface Recover {
  readonly kind: 'recover';
  readonly proposal: Proposal;
  readonly part: Part;
  readonly sinceMs: number;
}

/** Has promised the view and waits for it to come into being. */
export interface Attest {
  readonly kind: 'attest';
  readonly proposal: Proposal;
  readonly part: Part;
  readonly sinceMs: number;
}

/** Where the token is, seen from here. */
export type Grip =
  | {
      readonly kind: 'away';
      /** The pass that this member made last, until there is a sign that it arrived. */
      passed: Token | null;
      resendMs: number;
    }
  | { readonly kind: 'parked' }
  | { readonly kind: 'waiting'; readonly untilMs: number }
  | { readonly kind: 'committing'; readonly sinceMs: number }
  /** About to be passed on: what the token will tell is not on the own disk yet. */
  | { readonly kind: 'storing' };

/**
 * This process stood still for so long that the others may have gone on without it. Until a majority of the view answers
 * what was asked afterwards it does nothing with the token. Each of them was in this view when it answered and had attested
 * no later one, and a later view needs a majority of this one: none has come into being.
 */
export interface Doubt {
  readonly sinceMs: number;
  /** Answers to this probe and later ones count. */
  readonly fromProbe: number;
  readonly answered: Set<MemberId>;
}

/** In a primary component, with a token. */
export interface Operational {
  readonly kind: 'operational';
  readonly view: View;
  /** Own place in the view. */
  readonly index: number;
  /** What each member had said when the view was proposed: anything older is a straggler. */
  readonly versions: Proposal['versions'];
  grip: Grip;
  doubt: Doubt | null;
  /** Number of the last token seen; while holding, of the one held. */
  number: number;
  /** Highest number of a token heard of: a sign of life must be newer, or come from its holder. */
  newest: number;
  rotation: number;
  sequence: number;
  by: MemberId;
  wants: number;
  /** What is known of each member, in ring order. */
  readonly received: number[];
  readonly applied: number[];
  readonly controlSeen: number[];
  readonly controlDelivered: number[];
  /** Last sign that the token lives. */
  tokenSeenMs: number;
  /** The last sign came from a holder that keeps it. */
  held: boolean;
  nextPulseMs: number;
  nextProbeMs: number;
  /** Since when members are probed; 0 when there is no reason to. */
  probingSinceMs: number;
  nextWantMs: number;
  /** When the other networks are tried again; `never` with one network. */
  nextCrossMs: number;
  /** Own received mark as the last committer knows it. */
  reported: number;
  acknowledged: number;
  /** Last change of this member in this view. */
  ownLast: number;
  /** Every member has applied up to here; -1 while one has not told. */
  safe: number;
}

export type State = Stopped | Left | Gather | Recover | Attest | Operational;

/** What is known of another peer, whatever the state. */
export interface PeerView {
  /** When it was last heard, per network; 0 for never. */
  readonly heardMs: number[];
  /** The transport lost its connections and it has not been heard since. */
  disconnected: boolean;
  /** Its requests to join are not looked at before this: the last one changed the view without taking it in. */
  coolUntilMs: number;
  coolForMs: number;
  /** When it last asked to join. */
  askedMs: number;
  /** How long it stood still lately, as it told. */
  told: Health;
}

/** A peer's own configuration. */
export interface RingIdentity {
  readonly id: MemberId;
  readonly arbiter: boolean;
  /** Everybody who may belong to the cluster, without this peer. */
  readonly peers: readonly MemberId[];
  readonly networks: number;
}

/**
 * Everything that one peer's ring knows. Private to app/ring: `step` changes it in place (copying it for each event
 * would cost the simulator half of its seeds), and nobody else does. What leaves in actions and messages is never
 * changed afterwards.
 */
export interface Ring {
  readonly self: RingIdentity;
  readonly settings: RingSettings;
  readonly rules: Rules;
  state: State;
  durable: Durable;
  /** Changes with everything that `Info` says. */
  version: number;
  /** What was told of the current version. */
  info: Info | null;
  /** Highest ring id heard of. */
  seen: RingId;
  readonly peers: Map<MemberId, PeerView>;
  health: Health;
  /** The node's data, as last reported. */
  received: number;
  applied: number;
  serverUp: boolean;
  /** The last `fence` asked for, and whether it was answered. */
  fence: number;
  fenced: boolean;
  leaving: boolean;
  /** The ring told this peer that its data must be renewed or caught up first. */
  barred: RefusalReason | null;
  dead: readonly Voter[];
  /** Transactions that wait here. */
  queue: number;
  readonly outbox: string[];
  /** Deadline given to the world: a later call shows that this process was stalled. */
  wakeMs: number;
  /** When the last step came. */
  steppedMs: number;
  /** Number of the last promise made, and of the last one on disk. */
  promiseNumber: number;
  storedNumber: number;
  /** Since when the disk takes nothing, when a promise is not on it. */
  unstoredSinceMs: number;
  /** Number of the last probe. */
  probeNumber: number;
  /** Of the step that is under way. */
  actions: RingAction[];
}

/** No deadline. */
export const never = Number.POSITIVE_INFINITY;
