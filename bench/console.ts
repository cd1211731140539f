/** How light the console is: frames, long tasks, start, memory and idle processor time, with a real lab beside it. */
import { delay, systemClock } from '../app/base/clock.js';
import { buildAll } from '../scripts/build.js';
import { prepareOrExit } from '../scripts/prepare.js';
import { benchFolder, openConsole, type RunningConsole, traceWindow } from './console-app.js';
import { type ProcessSample, processTree } from './processes.js';
import { type Bench, type BenchContext, type BenchResult, below, versionOf } from './report.js';
import { percentile } from './statistics.js';
import { mainThreadWork } from './trace.js';

const connections = 350;
const frontEndPort = Number(process.env.RINGMASTER_BENCH_PORT ?? 6233);
/** After the start, before anything is measured: windows settle, programs are compiled. */
const settleMs = 10_000;
const traceMs = 60_000;
const idleMs = 20_000;
const megabyte = 1e6;

/** The goals of the console (README, "Speed"). */
const goals = { frameMs: 4, taskMs: 50, firstGlyphMs: 3_000, memoryMegabytes: 300, idlePercent: 5 } as const;

/** Whose process it is: Electron's own, a peer, the load generator, or a server with its tools. */
type Part = 'console' | 'peers' | 'load' | 'servers';

function partOf({ command }: ProcessSample): Part {
  if (/mariadbd|mariadb-|mariabackup|mbstream/.test(command)) return 'servers';
  if (command.includes('peer.cjs')) return 'peers';
  if (command.includes('load.cjs')) return 'load';
  return 'console';
}

const memoryOf = (processes: readonly ProcessSample[], ...parts: Part[]): number =>
  processes
    .filter((sample) => parts.includes(partOf(sample)))
    .reduce((sum, { pssBytes }) => sum + pssBytes / megabyte, 0);

/** Percent of one core that each part used while `waiting` lasted. */
async function cpuPercent(root: number, waiting: () => Promise<void>): Promise<Record<Part, number>> {
  const before = new Map(processTree(root).map((sample) => [sample.pid, sample.cpuSeconds]));
  const beganMs = performance.now();
  await waiting();
  const seconds = (performance.now() - beganMs) / 1000;
  const used: Record<Part, number> = { console: 0, peers: 0, load: 0, servers: 0 };
  for (const sample of processTree(root)) {
    used[partOf(sample)] += ((sample.cpuSeconds - (before.get(sample.pid) ?? 0)) / seconds) * 100;
  }
  return used;
}

/** Everything that one round measures. */
interface Round {
  readonly firstGlyphMs: number;
  readonly frameMsP95: number;
  readonly frameProcessorMsP95: number;
  readonly busyMsP95: number;
  readonly frames: number;
  readonly longestTaskMs: number;
  readonly longestTaskProcessorMs: number;
  readonly consoleMegabytes: number;
  readonly labMegabytes: number;
  readonly idlePercent: number;
  readonly idlePeersPercent: number;
}

/** A trace has more tasks than a call may have arguments. */
const longest = (valuesMs: readonly number[]): number =>
  valuesMs.reduce((most, value) => Math.max(most, value), 0);

async function underLoad(running: RunningConsole) {
  await running.allActive();
  await delay(systemClock, settleMs);
  // Before the trace: its buffer would count.
  const processes = processTree(running.processId);
  const events = await traceWindow(running.page, () => delay(systemClock, traceMs));
  const work = mainThreadWork(events, 'wall');
  const undisturbed = mainThreadWork(events, 'processor');
  return {
    frameMsP95: percentile(work.frameMs, 95),
    frameProcessorMsP95: percentile(undisturbed.frameMs, 95),
    busyMsP95: percentile(work.frameBusyMs, 95),
    frames: work.frameMs.length,
    longestTaskMs: longest(work.taskMs),
    longestTaskProcessorMs: longest(undisturbed.taskMs),
    consoleMegabytes: memoryOf(processes, 'console'),
    labMegabytes: memoryOf(processes, 'peers', 'load'),
  };
}

async function idle(running: RunningConsole) {
  await running.allActive();
  await delay(systemClock, settleMs);
  const used = await cpuPercent(running.processId, () => delay(systemClock, idleMs));
  return { idlePercent: used.console, idlePeersPercent: used.peers };
}

/** Runs `measure` on a console that is closed afterwards, whatever happens. */
async function withConsole<T>(
  folder: string,
  load: number,
  context: BenchContext,
  measure: (running: RunningConsole) => Promise<T>,
): Promise<T> {
  const running = await openConsole(folder, load, frontEndPort, context.say);
  try {
    return await measure(running);
  } finally {
    await running.close();
  }
}

async function oneRound(folder: string, context: BenchContext): Promise<Round> {
  const loaded = await withConsole(folder, connections, context, async (running) => ({
    firstGlyphMs: running.firstGlyphMs,
    ...(await underLoad(running)),
  }));
  const resting = await withConsole(folder, 0, context, idle);
  return { ...loaded, ...resting };
}

function resultsOf(rounds: readonly Round[]): BenchResult[] {
  const each = (field: keyof Round) => rounds.map((round) => round[field]);
  return [
    below('script, style and layout per frame, 95 %', 'ms', each('frameMsP95'), goals.frameMs),
    below(
      'script, style and layout per frame, 95 %, processor time',
      'ms',
      each('frameProcessorMsP95'),
      goals.frameMs,
    ),
    below('all work of the main thread per frame, 95 %', 'ms', each('busyMsP95'), null),
    below('frames of the main thread in the trace', 'frames', each('frames'), null),
    below('longest task after start-up', 'ms', each('longestTaskMs'), goals.taskMs),
    below('longest task after start-up, processor time', 'ms', each('longestTaskProcessorMs'), goals.taskMs),
    below('from start to first glyphs', 'ms', each('firstGlyphMs'), goals.firstGlyphMs),
    below('memory of the console (PSS)', 'MB', each('consoleMegabytes'), goals.memoryMegabytes),
    below('memory of peers and load generator (PSS)', 'MB', each('labMegabytes'), null),
    below('idle console, of one core', '%', each('idlePercent'), goals.idlePercent),
    below('idle peers, of one core', '%', each('idlePeersPercent'), null),
  ];
}

export const consoleBench: Bench = {
  about: 'the console with three nodes under load: frames, long tasks, start, memory, idle time',
  roundsDefault: 1,
  async run(context) {
    await prepareOrExit('tests');
    await buildAll();
    const folder = benchFolder();
    try {
      context.say('Making a lab of three nodes ...');
      const electron = await withConsole(folder.path, 0, context, async (running) => {
        await running.allActive();
        return running.electronVersion;
      });
      const rounds: Round[] = [];
      for (let round = 1; round <= context.rounds; round++) {
        context.say(`Round ${round} of ${context.rounds}: a minute under load, then at rest ...`);
        rounds.push(await oneRound(folder.path, context));
      }
      return { versions: { electron, mariadb: versionOf('mariadbd') }, results: resultsOf(rounds) };
    } finally {
      folder.remove();
    }
  },
};
