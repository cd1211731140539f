/** What the token protocol talks about: members, views, durable promises, the messages, the events and the actions. */

/** A peer's number in the cluster's configuration: 1 to 1023, never shared by two nodes. */
export type MemberId = number;

/**
 * The epoch of a view: `counter * 1024 + leader`, so that two leaders can never choose the same one and plain
 * comparison orders them.
 */
export type RingId = number;

/** Largest member number; a ring id keeps the number of its leader in the ten low bits. */
export const memberIdMax = 1023;
/** Largest number of members in one view: a token carries four marks for each. */
export const membersMax = 16;

export const ringIdOf = (counter: number, leader: MemberId): RingId => counter * 1024 + leader;
export const ringCounter = (ringId: RingId): number => Math.floor(ringId / 1024);
export const ringLeader = (ringId: RingId): MemberId => ringId % 1024;
/** 8193 -> "8.1": counter and leader. */
export const formatRingId = (ringId: RingId): string => `${ringCounter(ringId)}.${ringLeader(ringId)}`;

/** A member with the store that makes its promises: a peer whose store was wiped is somebody else. */
export interface Voter {
  readonly id: MemberId;
  /** Drawn when the store was created. */
  readonly life: number;
}

/** A voter that has a place in the ring. */
export interface Member extends Voter {
  /** Has no database: it votes and passes the token, and never commits. */
  readonly arbiter: boolean;
}

/** An agreed membership. Only primary components become views: a minority forms none (see state.ts). */
export interface View {
  readonly ringId: RingId;
  /** In ring order: the token and the data travel from one to the next. */
  readonly members: readonly Member[];
  /** Everybody who must attest the view before it exists: the members and those who leave on purpose. */
  readonly voters: readonly Voter[];
  /** Position (sequence number) that every data member holds when the view begins. */
  readonly start: number;
  /** Ring id of the primary view that it follows. */
  readonly base: RingId;
}

/** Where a view began: needed to recognise a member that kept changes which the others discarded. */
export interface HistoryEntry {
  readonly ringId: RingId;
  readonly start: number;
}

/** One control message in the total order. */
export interface ControlEntry {
  /** 1, 2, 3 ... over all views. */
  readonly number: number;
  readonly from: MemberId;
  readonly payload: string;
}

/** The part of the control order that a member still keeps. */
export interface ControlLog {
  /** Number of the last entry. */
  readonly last: number;
  /** The newest entries, in order, ending with `last`. */
  readonly tail: readonly ControlEntry[];
  /** Everything up to this number was handed to the application. */
  readonly delivered: number;
  /** Ring id of the last view in which this log was made equal to everybody's. */
  readonly lineage: RingId;
}

/** What a member must find again after a crash. Written before anything that depends on it is sent. */
export interface Durable {
  readonly life: number;
  /** How often a peer started from this store: what it says carries larger version numbers each time. */
  readonly boot: number;
  /** Highest ring id that this member proposed or attested: it never attests a lower one. */
  readonly promised: RingId;
  /** The last primary view that this member knows to exist. */
  readonly primary: View | null;
  /** Views that it attested after `primary` and that may or may not exist. */
  readonly ambiguous: readonly View[];
  /** Starts of the views up to `primary`, oldest first. */
  readonly history: readonly HistoryEntry[];
  /** Ring id of the last view whose starting position this member's data holds. */
  readonly lineage: RingId;
  /** The end of its data may have been lost in a crash, until it joins a view again. */
  readonly tailUncertain: boolean;
  /** It left on purpose and stays away until it is told to come back. */
  readonly left: boolean;
  readonly control: ControlLog;
}

/** What a member says of its data when the membership is agreed. */
export type DataInfo =
  | { readonly kind: 'arbiter' }
  | { readonly kind: 'down' }
  | { readonly kind: 'fencing' }
  | {
      readonly kind: 'ready';
      /** Last change in its log or relay log; frozen since it stopped receiving. */
      readonly received: number;
      readonly lineage: RingId;
      readonly certain: boolean;
    };

/** What a member tells the others while a membership is being agreed. */
export interface Info {
  readonly id: MemberId;
  readonly life: number;
  /** Changes with everything below: a proposal made from older information is refused. */
  readonly version: number;
  /** Does it want a place in the ring? A leaver and a peer without its server vote only. */
  readonly wantsIn: boolean;
  readonly promised: RingId;
  readonly primary: View | null;
  readonly ambiguous: readonly View[];
  readonly history: readonly HistoryEntry[];
  readonly data: DataInfo;
  /** Voters that the operator declared dead: they are not waited for. */
  readonly dead: readonly Voter[];
  readonly control: ControlLog;
}

/** Who gives what to whom before the view begins. */
export interface Give {
  readonly to: MemberId;
  readonly from: MemberId;
  /** The receiver holds this many changes now. */
  readonly after: number;
  readonly upTo: number;
}

/** A membership that its leader asks the voters to attest. */
export interface Proposal {
  readonly view: View;
  readonly base: View;
  /** Older attempts that may exist and stay to be reckoned with. */
  readonly unresolved: readonly View[];
  readonly history: readonly HistoryEntry[];
  readonly gives: readonly Give[];
  readonly control: ControlLog;
  /** The information it was made from: voter, version. */
  readonly versions: readonly { readonly id: MemberId; readonly version: number }[];
}

/** The permission to commit. */
export interface Token {
  readonly ringId: RingId;
  /** Increases with every pass: a copy of an older pass is recognised. */
  readonly number: number;
  /** Increases each time the first member of the view gets it. */
  readonly rotation: number;
  /** Last number of the total order of changes, and the member that made it. */
  readonly sequence: number;
  readonly by: MemberId;
  /** Per member, in ring order. */
  readonly received: readonly number[];
  readonly applied: readonly number[];
  readonly controlSeen: readonly number[];
  readonly controlDelivered: readonly number[];
  /** Bit per member, in ring order: who waits to commit or to say something. */
  readonly wants: number;
  /** Control entries that not everybody has seen. */
  readonly control: readonly ControlEntry[];
}

/** Why a holder keeps the token. */
export type HoldReason = 'parked' | 'waiting' | 'committing' | 'storing';

/** Why a peer that asks to join is not let in. */
export type RefusalReason = 'needs-copy' | 'needs-catch-up';

export type RingMessage =
  | { readonly kind: 'join'; readonly info: Info; readonly sees: readonly MemberId[] }
  | { readonly kind: 'propose'; readonly proposal: Proposal }
  | { readonly kind: 'recovering'; readonly ringId: RingId; readonly received: number }
  | { readonly kind: 'attest'; readonly ringId: RingId }
  | { readonly kind: 'install'; readonly ringId: RingId }
  | { readonly kind: 'token'; readonly ringId: RingId; readonly token: Token }
  | {
      readonly kind: 'pulse';
      readonly ringId: RingId;
      readonly number: number;
      readonly sequence: number;
      readonly safe: number;
      /** What enough members have received, as far as the holder knows. */
      readonly acknowledged: number;
      readonly why: HoldReason;
      /** Longest time that the sender stood still lately, milliseconds: patience with it is due. */
      readonly stalledMs: number;
    }
  /** `number` is the probe's own: `here` repeats it, so that an old answer is not taken for one to a new question. */
  | { readonly kind: 'probe'; readonly ringId: RingId; readonly number: number }
  | {
      readonly kind: 'here';
      readonly ringId: RingId;
      /** Number of the last token seen. */
      readonly number: number;
      /** Number of the probe that this answers; 0 for an answer to anything else. */
      readonly answers: number;
      readonly stalledMs: number;
      readonly holding: boolean;
      readonly received: number;
      readonly applied: number;
      readonly wants: boolean;
    }
  | { readonly kind: 'want'; readonly ringId: RingId }
  | { readonly kind: 'report'; readonly ringId: RingId; readonly received: number; readonly applied: number }
  | { readonly kind: 'outdated'; readonly ringId: RingId }
  | { readonly kind: 'refuse'; readonly ringId: RingId; readonly reason: RefusalReason };

/** What can happen to a peer. Times are milliseconds of its own monotonic clock, given beside the event. */
export type RingEvent =
  /** The process starts with what its store holds. `tailCertain`: nothing that was written can have been lost. */
  | { readonly kind: 'start'; readonly durable: Durable; readonly tailCertain: boolean }
  | { readonly kind: 'tick' }
  /** The `persist` of this number and all before it are on disk. */
  | { readonly kind: 'stored'; readonly number: number }
  | {
      readonly kind: 'message';
      readonly from: Voter;
      readonly network: number;
      readonly message: RingMessage;
    }
  /** The transport lost its last connection to this peer on all networks. */
  | { readonly kind: 'disconnected'; readonly peer: MemberId }
  /** The node's log moved. */
  | { readonly kind: 'position'; readonly received: number; readonly applied: number }
  /** Answer to `fence`: receiving and committing have stopped, and this is where the node stands. */
  | { readonly kind: 'fenced'; readonly fence: number; readonly received: number; readonly applied: number }
  | { readonly kind: 'server'; readonly up: boolean; readonly tailCertain: boolean }
  /** The data were replaced by a copy (or caught up outside the ring) taken from a member of ring `lineage`. */
  | { readonly kind: 'copied'; readonly lineage: RingId; readonly received: number }
  /** So many transactions wait for the token here. */
  | { readonly kind: 'queue'; readonly length: number }
  /** Answer to `commit`: the last number used, and how many transactions wait now. */
  | {
      readonly kind: 'committed';
      readonly ringId: RingId;
      readonly upTo: number;
      readonly waiting: number;
    }
  | { readonly kind: 'submit'; readonly payload: string }
  | { readonly kind: 'leave' }
  | { readonly kind: 'rejoin' }
  /** The operator says that these will not come back with anything: quorum without them. */
  | { readonly kind: 'declare-dead'; readonly voters: readonly Voter[] };

/** Why a peer looks for a new view. */
export const gatherReasons = {
  started: 'this peer started',
  disconnected: 'the connection to a member was lost',
  silent: 'a member did not answer on any network',
  stalled: 'this peer was stopped, and too few others told in time that they did not go on without it',
  'disk-stuck': 'the disk of this peer takes no promise',
  'token-lost': 'everybody answers and nobody has the token',
  'member-gathers': 'a member of the ring looks for a new view',
  'member-restarted': 'a member came back as somebody else',
  'join-request': 'a peer asks to join',
  'ring-over': 'the others went on without this peer',
  'attempt-failed': 'the last attempt at a view failed',
  'newer-proposal': 'another leader proposes',
  'server-lost': 'the database server of this node went away',
  'server-back': 'the database server of this node is back',
  leave: 'this peer leaves on purpose',
  rejoin: 'this peer was told to come back',
  copied: 'the data of this node were renewed',
  'operator-decided': 'the operator declared members dead',
  voted: 'this peer voted for a view without itself',
} as const;
export type GatherReason = keyof typeof gatherReasons;

/** Why an event or a message changed nothing. */
export type IgnoreReason =
  | 'not-started'
  | 'left'
  | 'stale-ring'
  | 'newer-ring'
  | 'old-life'
  | 'not-a-member'
  | 'duplicate-token'
  | 'old-information'
  | 'promised-higher'
  | 'nothing-to-do'
  | 'too-many'
  | 'cooling-down'
  | 'not-for-us';

/**
 * What the world must do, in this order: everything after a `persist` waits until it is on the disk, but for the messages
 * that may overtake it (outbox.ts). The world answers with `stored`.
 */
export type RingAction =
  | { readonly kind: 'persist'; readonly number: number; readonly durable: Durable }
  | {
      readonly kind: 'send';
      readonly to: MemberId;
      /** Which network; -1 for every one. */
      readonly network: number;
      readonly message: RingMessage;
    }
  /** Stop receiving changes and start no commit; answer with `fenced` and this number. */
  | { readonly kind: 'fence'; readonly fence: number; readonly reason: GatherReason }
  /** Bring the node to `upTo` from that member, outside of the ring; report by `position`. */
  | { readonly kind: 'fetch'; readonly from: MemberId; readonly after: number; readonly upTo: number }
  /**
   * The view begins: follow the ring predecessor (null: alone or an arbiter), and serve no other follower than the
   * successor: a server left over from an older view must not acknowledge (semi-sync) in the place of a member, nor
   * take changes of a view that its own peer does not know.
   */
  | { readonly kind: 'begin'; readonly view: View; readonly predecessor: MemberId | null }
  /** Close sessions, set read-only: this peer is in no primary component. */
  | { readonly kind: 'outside'; readonly reason: GatherReason }
  /**
   * Commit up to `max` of the queue, numbers from `after + 1`; answer with `committed`. Each transaction names its number
   * (`gtid_seq_no`, strict mode), so that the server refuses when it has moved on without its peer; then nothing counts.
   */
  | { readonly kind: 'commit'; readonly ringId: RingId; readonly after: number; readonly max: number }
  /** Changes up to here survive every later view: OK may be sent. */
  | { readonly kind: 'acknowledge'; readonly ringId: RingId; readonly upTo: number }
  /** Every member has applied up to here. */
  | { readonly kind: 'safe'; readonly upTo: number }
  | { readonly kind: 'deliver'; readonly entry: ControlEntry }
  /** Control entries `from` to `to` are no longer kept by anybody here: take the state from another member. */
  | { readonly kind: 'control-gap'; readonly from: number; readonly to: number }
  /** The ring does not take this node before its data are renewed (`needs-copy`) or caught up. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason }
  /** The orderly leave is complete; false when the others could not be asked and will still count this peer. */
  | { readonly kind: 'left'; readonly agreed: boolean }
  | { readonly kind: 'ignored'; readonly reason: IgnoreReason };

/** One cluster's timings and bounds. All durations in milliseconds. */
export interface RingSettings {
  /** Token silence after which a member is probed. Lower finds failures sooner and sends more. Default 10. */
  readonly probeAfterMs: number;
  /** Silence in spite of probes after which a member is expelled. Default 250; 150 to 10,000 are sensible. */
  readonly expelAfterMs: number;
  /** How often a holder that keeps the token says so. Default 0.4 of `expelAfterMs`. */
  readonly pulseMs: number;
  /** How often a peer without a view calls. Default a tenth of `expelAfterMs`; grows to `expelAfterMs`. */
  readonly joinMs: number;
  /** How long a leader waits for peers that may still answer. Default a fifth of `expelAfterMs`. */
  readonly settleMs: number;
  /** How long a holder that wants to commit waits for its applier before it lets others go first. Default 50. */
  readonly applyWaitMs: number;
  /** Lateness of an own timer that counts as a stall of this process. Default 5. */
  readonly stallMs: number;
  /** A node further behind than this catches up outside the ring first. Changes. Default 10,000. */
  readonly joinGapMax: number;
  /** Largest group that one hold commits. Transactions. Default 256. */
  readonly groupMax: number;
  /** The slowest applier may be so far behind the end of the order. Changes. Default 256. */
  readonly lagStop: number;
}

/** The defaults, from the one number that operators change. */
export function ringSettings(expelAfterMs = 250): RingSettings {
  return {
    probeAfterMs: 10,
    expelAfterMs,
    pulseMs: Math.round(expelAfterMs * 0.4),
    joinMs: Math.round(expelAfterMs / 10),
    settleMs: Math.round(expelAfterMs / 5),
    applyWaitMs: 50,
    stallMs: 5,
    joinGapMax: 10_000,
    groupMax: 256,
    lagStop: 256,
  };
}

/** Control entries kept for members that come back. */
export const controlTailMax = 32;
/** Control entries that may be under way on the token. */
export const controlPendingMax = 8;
/** Own control messages that may wait for the token. */
export const controlOutboxMax = 64;
/** Largest control message, UTF-16 units. */
export const controlPayloadMax = 1024;
/** View starts kept: a member that slept through more gets a full copy. */
export const historyMax = 64;
/** Attempts that may stay unresolved: one for each absent leader is possible. */
export const ambiguousMax = 32;

/** A store's first content. `founders`: the agreed membership of a new cluster; null for a peer that joins one. */
export function newDurable(life: number, founders: readonly Member[] | null): Durable {
  const first: View | null = founders && {
    ringId: 1,
    members: founders,
    voters: founders.map(({ id, life: voterLife }) => ({ id, life: voterLife })),
    start: 0,
    base: 0,
  };
  return {
    life,
    boot: 0,
    promised: first ? 1 : 0,
    primary: first,
    ambiguous: [],
    history: first ? [{ ringId: 1, start: 0 }] : [],
    lineage: first ? 1 : 0,
    tailUncertain: false,
    left: false,
    control: { last: 0, tail: [], delivered: 0, lineage: first ? 1 : 0 },
  };
}
