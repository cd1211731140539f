/** What a benchmark answers, and how it is printed. */
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { median, spread } from './statistics.js';

/** One line of a benchmark. Numbers are rounded to four significant digits. */
export interface BenchResult {
  readonly what: string;
  readonly unit: string;
  /** Median over the rounds. */
  readonly ours: number;
  /** The same for what we compare with; null when nothing is compared. */
  readonly theirs: number | null;
  /** ours / theirs. */
  readonly ratio: number | null;
  /** (highest - lowest) / median: of the rounds' ratios where something is compared, of our rounds otherwise. */
  readonly spread: number;
  /** What `ours`, or the ratio, must stay below (or above, for rates); null when it is told for information. */
  readonly goal: number | null;
  readonly met: boolean | null;
}

/** What a benchmark is given. */
export interface BenchContext {
  readonly rounds: number;
  /** How much data a node that joins has to get. */
  readonly gigabytes: number;
  /** Where profiles of our own processes are written; null for none. */
  readonly profileFolder: string | null;
  /** Tells a person how it goes. */
  readonly say: (sentence: string) => void;
}

/** What one benchmark came to, with the versions of what took part. */
export interface BenchReport {
  readonly versions: Record<string, string>;
  readonly results: readonly BenchResult[];
}

/** One benchmark. */
export interface Bench {
  /** One sentence for the list of benchmarks. */
  readonly about: string;
  readonly roundsDefault: number;
  run(context: BenchContext): Promise<BenchReport>;
}

/** A line whose value must stay below `goal`, or is only told when `goal` is null. */
export function below(
  what: string,
  unit: string,
  rounds: readonly number[],
  goal: number | null,
): BenchResult {
  const ours = fourDigits(median(rounds));
  return {
    what,
    unit,
    ours,
    theirs: null,
    ratio: null,
    spread: fourDigits(spread(rounds)),
    goal,
    met: goal === null ? null : ours < goal,
  };
}

/** What a comparison must come to. */
export interface RatioGoal {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/**
 * A line that compares round by round: round n of ours with round n of theirs, which ran next to it.
 * @param goal for the ratio of the medians; null when it is told for information
 */
export function compared(
  what: string,
  unit: string,
  ours: readonly number[],
  theirs: readonly number[],
  goal: RatioGoal | null,
): BenchResult {
  const ratio = fourDigits(median(ours) / median(theirs));
  const ratios = ours.map((value, round) => value / (theirs[round] as number));
  const { atLeast, atMost } = goal ?? {};
  const met = ratio >= (atLeast ?? Number.NEGATIVE_INFINITY) && ratio <= (atMost ?? Number.POSITIVE_INFINITY);
  return {
    what,
    unit,
    ours: fourDigits(median(ours)),
    theirs: fourDigits(median(theirs)),
    ratio,
    spread: fourDigits(spread(ratios)),
    goal: atLeast ?? atMost ?? null,
    met: goal === null ? null : met,
  };
}

const fourDigits = (value: number): number => Number(value.toPrecision(4));

/** The machine in one line. */
export function machine(): string {
  const cores = cpus();
  return `${cores.length} x ${cores[0]?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 1e9)} GB, ${process.platform} ${release()}`;
}

/** The first line that a program says about its version; "missing" when it cannot be asked. */
export function versionOf(program: string, args: readonly string[] = ['--version']): string {
  try {
    return execFileSync(program, [...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .trim()
      .split('\n')[0] as string;
  } catch {
    return 'missing';
  }
}

/** A result as a line for people. */
export function inWords({ what, unit, ours, theirs, ratio, spread: apart, goal, met }: BenchResult): string {
  const against = theirs === null ? '' : ` against ${theirs} ${unit}, ${ratio} x`;
  const verdict =
    met === null ? '' : `, goal ${goal}${theirs === null ? ` ${unit}` : ' x'}: ${met ? 'met' : 'MISSED'}`;
  return `${what}: ${ours} ${unit}${against} (rounds within ${Math.round(apart * 100)} %)${verdict}`;
}
