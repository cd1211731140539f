/**
 * Runs the token protocol in the simulator: `npm run sim -- --seeds 20000 --json`, or one seed with its trace:
 * `npm run sim -- --seed 4711`. Exit code 1 when a rule was broken; each broken seed names the command that replays it.
 */
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Command, InvalidArgumentError } from 'commander';
import type { SeedResult } from '../app/sim/run.js';
import type { RangeResult, SeedRange } from '../app/sim/worker.js';
import { bundle } from './support/bundle.js';

/** Seeds that a thread gets at once. */
const rangeSize = 50;

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('not a whole number');
  return value;
};

const options = new Command('sim')
  .option('--seeds <count>', 'how many seeds to run', wholeNumber, 2_000)
  .option('--from <seed>', 'the first seed', wholeNumber, 1)
  .option('--seed <seed>', 'run this seed alone and print what happens', wholeNumber)
  .option('--threads <count>', 'threads to use', wholeNumber, availableParallelism())
  .option('--json', 'print one JSON object as the last line')
  .parse()
  .opts<{ seeds: number; from: number; seed?: number; threads: number; json?: boolean }>();

function tell({ seed, violations }: SeedResult): void {
  for (const { rule, text, atMs } of violations) {
    console.log(`seed ${seed}: broken at ${(atMs / 1000).toFixed(3)} s: ${rule}: ${text}`);
  }
  console.log(`  replay it: npm run sim -- --seed ${seed}`);
}

async function replay(program: string, seed: number): Promise<SeedResult> {
  const { runSeed } = (await import(pathToFileURL(program).href)) as {
    runSeed: (seed: number, rules: undefined, trace: (line: string) => void) => SeedResult;
  };
  return runSeed(seed, undefined, (line) => console.log(line));
}

/** Hands ranges to the threads until all seeds are done. */
async function runAll(program: string): Promise<RangeResult> {
  const total = { seeds: 0, views: 0, crashes: 0, partitions: 0, commits: 0 };
  const failed: SeedResult[] = [];
  const end = options.from + options.seeds;
  let next = options.from;
  const runThread = (): Promise<void> =>
    new Promise((done, fail) => {
      // Messages live for microseconds: a large young generation saves most of the collector's work.
      const worker = new Worker(program, {
        resourceLimits: { maxYoungGenerationSizeMb: 64 },
      });
      const give = (): void => {
        if (next >= end) {
          void worker.terminate().then(() => done());
          return;
        }
        const range: SeedRange = { first: next, count: Math.min(rangeSize, end - next) };
        next += range.count;
        worker.postMessage(range);
      };
      worker.on('error', fail);
      worker.on('message', (result: RangeResult) => {
        total.seeds += result.seeds;
        total.views += result.views;
        total.crashes += result.crashes;
        total.partitions += result.partitions;
        total.commits += result.commits;
        for (const one of result.failed) {
          failed.push(one);
          tell(one);
        }
        if (!options.json && total.seeds % 1_000 < rangeSize) console.log(`${total.seeds} seeds`);
        give();
      });
      give();
    });
  await Promise.all(Array.from({ length: Math.max(1, options.threads) }, runThread));
  return { ...total, failed };
}

// Half as fast through a loader.
const [worker = '', run = ''] = await bundle('sim', 'app/sim/worker.ts', 'app/sim/run.ts');
if (options.seed !== undefined) {
  const result = await replay(run, options.seed);
  tell(result);
  process.exitCode = result.violations.length > 0 ? 1 : 0;
} else {
  const startMs = performance.now();
  const { failed, ...total } = await runAll(worker);
  const seconds = (performance.now() - startMs) / 1000;
  const summary = {
    seeds: total.seeds,
    violations: failed.length,
    views: total.views,
    crashes: total.crashes,
    partitions: total.partitions,
    commits: total.commits,
    seedsPerSecond: Math.round((total.seeds / seconds) * 10) / 10,
  };
  if (options.json) console.log(JSON.stringify(summary));
  else for (const [name, value] of Object.entries(summary)) console.log(`${name}: ${value}`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}
