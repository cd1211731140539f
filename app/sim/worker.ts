/** One thread of `npm run sim`: takes ranges of seeds, sends back what they gave. Bundled by scripts/sim.ts. */
import { parentPort } from 'node:worker_threads';
import { runSeed, type SeedResult } from './run.js';

/** Work for one thread. */
export interface SeedRange {
  readonly first: number;
  readonly count: number;
}

/** What a range gave: sums, and the seeds that broke a rule. */
export interface RangeResult {
  readonly seeds: number;
  readonly views: number;
  readonly crashes: number;
  readonly partitions: number;
  readonly commits: number;
  readonly failed: readonly SeedResult[];
}

/** Runs `count` seeds from `first` on. */
export function runRange({ first, count }: SeedRange): RangeResult {
  const total = { seeds: count, views: 0, crashes: 0, partitions: 0, commits: 0 };
  const failed: SeedResult[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const result = runSeed(seed);
    total.views += result.views;
    total.crashes += result.crashes;
    total.partitions += result.partitions;
    total.commits += result.commits;
    if (result.violations.length > 0) failed.push(result);
  }
  return { ...total, failed };
}

parentPort?.on('message', (range: SeedRange) => parentPort?.postMessage(runRange(range)));
