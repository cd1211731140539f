/**
 * Who is enough: to form a view, to acknowledge a change, and to know the highest position.
 *
 * Sources: S. Jajodia, D. Mutchler, "Dynamic Voting Algorithms for Maintaining the Consistency of a Replicated
 * Database" (1990); E. Yeger Lotem, I. Keidar, D. Dolev, "Dynamic Voting for Consistent Primary Components"
 * (PODC 1997), whose ambiguous sessions are our unresolved attempts.
 */
import type { HistoryEntry, Info, Member, RingId, View, Voter } from './model.js';

/** Smallest number of `size` that is more than half. */
export const majorityOf = (size: number): number => Math.floor(size / 2) + 1;

const sameVoter = (one: Voter, other: Voter): boolean => one.id === other.id && one.life === other.life;

export const includesVoter = (voters: readonly Voter[], voter: Voter): boolean =>
  voters.some((candidate) => sameVoter(candidate, voter));

/** Those of `view` that count: the operator may have declared some dead. */
const counted = (view: View, dead: readonly Voter[]): Member[] =>
  dead.length === 0 ? [...view.members] : view.members.filter((member) => !includesVoter(dead, member));

/** Do `present` voters hold a majority of the agreed membership `view`? Orderly leavers are not in it any more. */
export function hasMajority(view: View, present: readonly Voter[], dead: readonly Voter[]): boolean {
  const members = counted(view, dead);
  const there = members.filter((member) => includesVoter(present, member)).length;
  return there >= majorityOf(members.length);
}

/**
 * Data members that must have received a change before it is acknowledged: a majority of the view, or all of them
 * where arbiters make up the rest. Any later view then contains one of them (see `positionKnown`).
 */
export function acknowledgersNeeded(members: readonly Member[]): number {
  const data = members.filter((member) => !member.arbiter).length;
  return Math.min(majorityOf(members.length), data);
}

/** How far each present voter's data can be trusted. */
export interface PositionWitness extends Voter {
  /** False when the end of its data may be lost or was discarded. */
  readonly certain: boolean;
}

/**
 * Do these witnesses (fenced, with known positions) together hold everything that `view` may have acknowledged?
 * Either so many certain ones that every set of acknowledgers has one among them, or every data member there was.
 */
export function positionKnown(
  view: View,
  witnesses: readonly PositionWitness[],
  dead: readonly Voter[],
): boolean {
  const data = counted(view, dead).filter((member) => !member.arbiter);
  const all = view.members.filter((member) => !member.arbiter).length;
  const there = witnesses.filter((witness) => includesVoter(data, witness));
  const missable = all - acknowledgersNeeded(view.members);
  if (there.filter((witness) => witness.certain).length > missable) return true;
  return there.length === data.length;
}

/**
 * Attempts newer than `baseRingId` that may exist, from everybody's information.
 * An attempt comes into being only when every voter has attested it and its leader stored that. So it never will when
 * one voter promised something later and does not know it as attested: a leader that gives an attempt up promises so
 * (`abandonAttempt`). This stays true once it is true, so it may be concluded from old information. "Its leader is here
 * and has not formed it" may not: the leader may have spoken before it led.
 */
export function unresolvedAttempts(infos: readonly Info[], baseRingId: number): View[] {
  const attempts = new Map<number, View>();
  for (const info of infos) {
    for (const view of info.ambiguous) if (view.ringId > baseRingId) attempts.set(view.ringId, view);
  }
  const neverAttests = (info: Info, view: View): boolean =>
    includesVoter(view.voters, info) &&
    info.promised > view.ringId &&
    !info.ambiguous.some(({ ringId }) => ringId === view.ringId);
  return [...attempts.values()]
    .filter((view) => !infos.some((info) => neverAttests(info, view)))
    .sort((one, other) => one.ringId - other.ringId);
}

/**
 * Does a node that last held the start of view `lineage` and stands at `received` hold changes that the others
 * discarded? True when a later view began below it, or when it slept through more views than are remembered.
 */
export function hasDiverged(
  { lineage, received }: { readonly lineage: RingId; readonly received: number },
  history: readonly HistoryEntry[],
): boolean {
  if (received === 0) return false;
  const oldest = history[0];
  if (oldest !== undefined && lineage < oldest.ringId) return true;
  return history.some((entry) => entry.ringId > lineage && entry.start < received);
}
