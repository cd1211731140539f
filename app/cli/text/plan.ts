/** Plans as lines: before they run, while they run, and what came of them. */
import { formatSeconds } from '../../base/format.js';
import { stateInWords } from '../../model/node-state.js';
import { hasEnded, type Plan, type PlanStep, type StepState } from '../../model/plan.js';
import {
  elapsedSeconds,
  planPercent,
  planStateWords,
  progressWords,
  rateWords,
  stepFraction,
} from '../../model/plan-words.js';
import { tableLines } from './table.js';

const marks: Readonly<Record<StepState, string>> = {
  waiting: '·',
  running: '▸',
  done: '✓',
  failed: '✗',
  skipped: '–',
  undone: '↶',
};

const change = (now: string, after: string): string =>
  now === after || now === '' ? after : `${now} → ${after}`;

/** What a proposed plan would do: what changes, each step, and what to know before saying yes. */
export function proposalLines(plan: Plan): string[] {
  const facts = [
    [plan.node, change(plan.from, plan.target)],
    ...plan.effects.map((effect) => [effect.label, change(effect.now, effect.after)]),
  ];
  if (plan.donor) facts.push(['Donor', `${plan.donor.name}, ${plan.donor.why}`]);
  if (plan.expectedSeconds !== null) facts.push(['Expected time', formatSeconds(plan.expectedSeconds)]);
  if (plan.abortNote !== null) facts.push(['If stopped', plan.abortNote]);
  const steps = plan.steps.map((step, index) => [`${index + 1}.`, step.title, step.detail]);
  const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`);
  return [
    plan.title,
    '',
    ...indented(tableLines(facts)),
    '',
    ...indented(tableLines(steps, new Set([0]))),
    ...(plan.warnings.length > 0 ? ['', ...plan.warnings.map((warning) => `! ${warning}`)] : []),
  ];
}

/** "1.28 GB of 2.01 GB, 118 MB/s, 64 %, 6.2 s left". */
function movingWords(step: PlanStep): string {
  const { progress } = step;
  if (!progress) return '';
  const fraction = stepFraction(step);
  return [
    progressWords(progress),
    rateWords(progress),
    fraction === null ? null : `${Math.floor(fraction * 100)} %`,
    progress.etaSeconds === null ? null : `${formatSeconds(progress.etaSeconds)} left`,
  ]
    .filter((words) => words !== null)
    .join(', ');
}

function stepLine(step: PlanStep, nowMs: number): string {
  const seconds = elapsedSeconds(step, nowMs);
  const words = step.state === 'running' ? movingWords(step) : (step.outcome ?? step.error?.text ?? '');
  const took = seconds === null ? '' : `(${formatSeconds(seconds)})`;
  return [marks[step.state], step.title, words, took].filter((part) => part !== '').join('  ');
}

/** A plan that runs, to be painted over and over. */
export function runningLines(plan: Plan, nowMs: number): string[] {
  return [
    `${plan.title}: ${planStateWords[plan.state].toLowerCase()}, ${planPercent(plan)} %`,
    ...plan.steps.map((step) => `  ${stepLine(step, nowMs)}`),
  ];
}

/** What is new in a plan since it was looked at before: a line for each step that began or ended, for plain output. */
export function stepNews(before: Plan | null, plan: Plan, nowMs: number): string[] {
  return plan.steps.flatMap((step, index) => {
    const known = before?.steps[index]?.state ?? 'waiting';
    if (step.state === known) return [];
    return [step.state === 'running' ? `${marks.running}  ${step.title}` : stepLine(step, nowMs)];
  });
}

/** What came of a plan; with the remedy when it did not succeed. */
export function outcomeLines(plan: Plan): string[] {
  if (!hasEnded(plan)) return [];
  const seconds = elapsedSeconds(plan, plan.endedAtMs ?? 0);
  const took = seconds === null ? '' : ` after ${formatSeconds(seconds)}`;
  if (plan.state === 'done') return [`${plan.node} is ${stateInWords(plan.target)}${took}.`];
  const opening = `${plan.title}: ${planStateWords[plan.state].toLowerCase()}${took}.`;
  return plan.error ? [opening, plan.error.text, plan.error.remedy] : [opening];
}
