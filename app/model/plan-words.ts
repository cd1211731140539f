/** What is said about a plan and its steps, derived: on the plan card and on the command line. */
import { formatBytes, formatCount } from '../base/format.js';
import { type Plan, type PlanStep, planFraction, type StepProgress } from './plan.js';

/** Whole percent of a plan that is done. */
export const planPercent = (plan: Plan): number => Math.floor(planFraction(plan) * 100);

/** Share of a step that is done, 0 to 1; null while it cannot be known. */
export function stepFraction(step: PlanStep): number | null {
  const progress = step.progress;
  if (!progress?.total) return null;
  return Math.min(1, Math.max(0, progress.done / progress.total));
}

/** How long a step has run or took, seconds; null before it starts. */
export function elapsedSeconds(
  timed: { readonly startedAtMs: number | null; readonly endedAtMs: number | null },
  nowMs: number,
): number | null {
  if (timed.startedAtMs === null) return null;
  return Math.max(0, ((timed.endedAtMs ?? nowMs) - timed.startedAtMs) / 1000);
}

/** What a plan is doing, in one word. */
export const planStateWords: Readonly<Record<Plan['state'], string>> = {
  proposed: 'Proposed',
  running: 'Running',
  aborting: 'Stopping',
  done: 'Done',
  failed: 'Failed',
  aborted: 'Stopped',
};

/** "1.28 GB of 2.00 GB", "812 of 2,016 changes". */
export function progressWords(progress: StepProgress): string {
  const amount = (value: number): string =>
    progress.unit === 'bytes' ? formatBytes(value) : formatCount(value);
  const noun = progress.unit === 'bytes' ? '' : ` ${progress.unit}`;
  return progress.total === null
    ? `${amount(progress.done)}${noun}`
    : `${amount(progress.done)} of ${amount(progress.total)}${noun}`;
}

/** "118 MB/s", "812 changes/s"; null while it is not known. */
export const rateWords = (progress: StepProgress): string | null => {
  if (progress.perSecond === null) return null;
  return progress.unit === 'bytes'
    ? `${formatBytes(progress.perSecond)}/s`
    : `${formatCount(progress.perSecond)} ${progress.unit}/s`;
};
