/**
 * What a group of peers agrees on, as one pure function of what each of them told: may they form a primary view, on
 * which base, who is in it, where it starts, and who gives what to whom first.
 *
 * Safety rests on three things. (1) The voters hold a majority of the last primary view and of every later attempt that
 * may exist, and each attests durably, so primary views form a chain. (2) A view's start is the highest position among
 * witnesses of whom every acknowledging set must have one. (3) Data members attest a view only when they hold its start,
 * so a majority of the new view holds what a majority of the old one acknowledged.
 */
import type {
  ControlLog,
  DataInfo,
  Give,
  HistoryEntry,
  Info,
  Member,
  MemberId,
  RefusalReason,
  View,
  Voter,
} from './model.js';
import { historyMax, membersMax } from './model.js';
import { includesVoter, type PositionWitness } from './quorum.js';
import type { Rules } from './rules.js';

/** Why a group cannot form a view. Texts are for operators. */
export const waitReasons = {
  'no-history': 'nobody here ever belonged to a primary view',
  'no-quorum': 'fewer than half of the last agreed membership are here',
  'attempt-unresolved': 'fewer than half of a membership that may have been agreed are here',
  'positions-unknown': 'somebody absent may hold changes that were acknowledged',
  'no-data': 'nobody here has a running database server',
} as const;
export type WaitReason = keyof typeof waitReasons;

export interface Agreement {
  readonly kind: 'agreed';
  readonly base: View;
  readonly unresolved: readonly View[];
  readonly history: readonly HistoryEntry[];
  readonly members: readonly Member[];
  readonly voters: readonly Voter[];
  readonly start: number;
  readonly gives: readonly Give[];
  readonly control: ControlLog;
  /** Peers that want in and cannot yet. */
  readonly refused: readonly { readonly id: MemberId; readonly reason: RefusalReason }[];
}

export type Verdict = Agreement | { readonly kind: 'wait'; readonly why: WaitReason };

type ReadyData = Extract<DataInfo, { kind: 'ready' }>;

/** The history with one more view. */
export function extendHistory(history: readonly HistoryEntry[], view: View): readonly HistoryEntry[] {
  return [...history, { ringId: view.ringId, start: view.start }].slice(-historyMax);
}

/** The last primary view that anybody here knows. */
export function baseOf(infos: readonly Info[]): { base: View; history: readonly HistoryEntry[] } | null {
  let best: Info | null = null;
  for (const info of infos) {
    if (info.primary && (!best?.primary || info.primary.ringId > best.primary.ringId)) best = info;
  }
  return best?.primary ? { base: best.primary, history: best.history } : null;
}

/** The control order to go on with: the log that was made equal last, and the longest of those. */
function longestControl(infos: readonly Info[]): ControlLog {
  const logs = infos.map((info) => info.control);
  return logs.reduce((best, log) => {
    if (log.lineage !== best.lineage) return log.lineage > best.lineage ? log : best;
    return log.last > best.last ? log : best;
  });
}

/** Everybody below `start` gets the rest from the nearest upstream that has it; a leaver may be the only one. */
function givesFor(
  members: readonly Member[],
  received: ReadonlyMap<MemberId, number>,
  start: number,
): Give[] {
  const data = members.filter((member) => !member.arbiter).map(({ id }) => id);
  const leaver = [...received.keys()].find((id) => received.get(id) === start && !data.includes(id));
  const gives: Give[] = [];
  data.forEach((to, index) => {
    const after = received.get(to) ?? 0;
    if (after >= start) return;
    const upstream = [...data.slice(0, index).reverse(), ...data.slice(index + 1).reverse()];
    const from = upstream.find((id) => (received.get(id) ?? 0) >= start) ?? leaver;
    if (from !== undefined) gives.push({ to, from, after, upTo: start });
  });
  return gives;
}

interface Candidates {
  readonly staying: readonly { readonly info: Info; readonly data: ReadyData }[];
  readonly refused: Agreement['refused'];
  readonly start: number;
  /** Positions of all sound data here, leavers included: they give before they go. */
  readonly received: ReadonlyMap<MemberId, number>;
}

/** Sorts those who want in into those who can stay and those who must renew or catch up their data first. */
function sortCandidates(
  infos: readonly Info[],
  history: readonly HistoryEntry[],
  joinGapMax: number,
  rules: Rules,
): Candidates {
  const refused: { id: MemberId; reason: RefusalReason }[] = [];
  const wanting: { info: Info; data: ReadyData }[] = [];
  const received = new Map<MemberId, number>();
  for (const info of infos) {
    if (info.data.kind !== 'ready') continue;
    if (!rules.hasDiverged(info.data, history)) {
      received.set(info.id, info.data.received);
      if (info.wantsIn) wanting.push({ info, data: info.data });
    } else if (info.wantsIn) refused.push({ id: info.id, reason: 'needs-copy' });
  }
  const best = Math.max(0, ...wanting.map(({ data }) => data.received));
  const staying = wanting.filter(({ info, data }) => {
    if (best - data.received <= joinGapMax) return true;
    refused.push({ id: info.id, reason: 'needs-catch-up' });
    return false;
  });
  return { staying, refused, start: rules.startOf([...received.values()]), received };
}

function witnessesOf(
  infos: readonly Info[],
  history: readonly HistoryEntry[],
  rules: Rules,
): PositionWitness[] {
  const witnesses: PositionWitness[] = [];
  for (const info of infos) {
    const { data } = info;
    if (data.kind !== 'ready') continue;
    const diverged = rules.hasDiverged(data, history);
    const certain = rules.isCertain(data) && !diverged;
    witnesses.push({ id: info.id, life: info.life, certain });
  }
  return witnesses;
}

/**
 * Judges a group. `infos` must come from peers that have stopped receiving (or have no data to count), each at most
 * once.
 * @param joinGapMax changes that a member may miss and still be taken in
 */
export function judge(infos: readonly Info[], joinGapMax: number, rules: Rules): Verdict {
  const known = baseOf(infos);
  if (!known) return { kind: 'wait', why: 'no-history' };
  const { base, history } = known;
  const dead = infos.flatMap((info) => info.dead);
  const unresolved = rules.unresolvedAttempts(infos, base.ringId);
  if (!rules.hasMajority(base, infos, dead)) return { kind: 'wait', why: 'no-quorum' };
  if (!unresolved.every((view) => rules.hasMajority(view, infos, dead))) {
    return { kind: 'wait', why: 'attempt-unresolved' };
  }
  const { staying, refused, start, received } = sortCandidates(infos, history, joinGapMax, rules);
  if (staying.length === 0) return { kind: 'wait', why: 'no-data' };
  const witnesses = witnessesOf(infos, history, rules);
  if (![base, ...unresolved].every((view) => rules.positionKnown(view, witnesses, dead))) {
    return { kind: 'wait', why: 'positions-unknown' };
  }
  const members: Member[] = infos
    .filter(
      (info) => (info.data.kind === 'arbiter' && info.wantsIn) || staying.some((one) => one.info === info),
    )
    .map((info) => ({ id: info.id, life: info.life, arbiter: info.data.kind === 'arbiter' }))
    .sort((one, other) => one.id - other.id)
    .slice(0, membersMax);
  // Whoever's word was used must attest too: what it said may be outdated, and then it refuses.
  const attempts = infos.flatMap((info) => info.ambiguous.flatMap((view) => view.voters));
  const concerned: Voter[] = [...base.members, ...attempts];
  const givers = givesFor(members, received, start);
  const voters: Voter[] = infos
    .filter(
      (info) =>
        includesVoter(members, info) ||
        includesVoter(concerned, info) ||
        givers.some(({ from }) => from === info.id),
    )
    .map(({ id, life }) => ({ id, life }));
  return {
    kind: 'agreed',
    base,
    unresolved,
    history,
    members,
    voters,
    start,
    gives: givers,
    control: longestControl(infos.filter((info) => includesVoter(voters, info))),
    refused,
  };
}
