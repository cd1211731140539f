/** Comparisons: the contestants run in turn, round by round, so that a noisy minute of the machine meets all of them. */
import type { SysbenchReport } from './sysbench.js';

/** One that is measured: runs the load once and says what came out. */
export interface Contestant {
  readonly name: string;
  run(seconds: number): Promise<SysbenchReport>;
}

export interface ContestOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly say: (sentence: string) => void;
}

/** Reports of each contestant, in the order of the rounds. */
export type Reports = ReadonlyMap<string, readonly SysbenchReport[]>;

/**
 * Lets the contestants run, each once a round; who begins changes from round to round.
 * @param what named in what is told on the way: "point selects, 16 threads"
 */
export async function contest(
  what: string,
  contestants: readonly Contestant[],
  { rounds, seconds, warmUpSeconds, say }: ContestOptions,
): Promise<Reports> {
  const reports = new Map<string, SysbenchReport[]>();
  for (const contestant of contestants) {
    reports.set(contestant.name, []);
    await contestant.run(warmUpSeconds);
  }
  for (let round = 0; round < rounds; round++) {
    const told: string[] = [];
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(round + turn) % contestants.length] as Contestant;
      const report = await contestant.run(seconds);
      reports.get(contestant.name)?.push(report);
      told.push(
        `${contestant.name} ${Math.round(report.transactionsPerSecond)}/s p95 ${report.p95Ms.toFixed(2)} ms`,
      );
    }
    say(`${what}, round ${round + 1}: ${told.join('; ')}.`);
  }
  return reports;
}

/** One number of every round. */
export function roundsOf(
  reports: Reports,
  name: string,
  pick: (report: SysbenchReport) => number,
): readonly number[] {
  const found = reports.get(name);
  if (!found) throw new Error(`${name} did not run`);
  return found.map(pick);
}
