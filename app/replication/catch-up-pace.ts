/** Whether a node that follows will ever be there: how fast it applies against how fast changes arrive. Pure. */
import { countOf, formatCount, formatSeconds } from '../base/format.js';

/** One look at a node that catches up. */
export interface CatchUpRound {
  readonly seconds: number;
  /** Changes that it applied meanwhile. */
  readonly applied: number;
  /** Changes that the ring ordered meanwhile. */
  readonly arrived: number;
  /** What is missing now. */
  readonly missing: number;
}

/** Seconds until nothing is missing, at these rates; null when that never comes. */
export function catchUpSeconds({ seconds, applied, arrived, missing }: CatchUpRound): number | null {
  if (missing <= 0) return 0;
  const gainPerSecond = (applied - arrived) / Math.max(seconds, 0.001);
  return gainPerSecond > 0 ? missing / gainPerSecond : null;
}

/** "catching up, 812 changes behind, 4.0 s left", or that it will not and what happens then. */
export function catchUpWords(round: CatchUpRound): string {
  const { missing, seconds, applied, arrived } = round;
  const behind = `catching up, ${countOf(missing, 'change')} behind`;
  const left = catchUpSeconds(round);
  if (left !== null) return `${behind}, ${formatSeconds(left)} left`;
  const perSecond = (changes: number) => formatCount(Math.round(changes / Math.max(seconds, 0.001)));
  return `${behind}: will not catch up at this write rate (applies ${perSecond(applied)}, gets ${perSecond(arrived)} per second)`;
}
