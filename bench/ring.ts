/** How fast the token travels between three processes on this machine, over TCP with TLS, and what an idle ring costs. */
import { type ChildProcess, fork } from 'node:child_process';
import { delay, systemClock, waitFor } from '../app/base/clock.js';
import { randomHex } from '../app/base/random.js';
import { freePorts } from '../app/lab/ports.js';
import { bundle } from '../scripts/support/bundle.js';
import { type Bench, type BenchResult, below, versionOf } from './report.js';
import type { MemberOrder, MemberReport, MemberRequest } from './ring-member.js';
import { percentile } from './statistics.js';

const memberCount = 3;
/** The members take the next free ports from here. */
const firstPort = 6100;
/** How long one round counts. Milliseconds. */
const contendedMs = 3_000;
const idleMs = 5_000;

type Counted = Extract<MemberReport, { kind: 'counted' }>;

interface Child {
  readonly process: ChildProcess;
  readonly reports: MemberReport[];
}

/** A line whose value must stay above `goal`. */
function above(what: string, unit: string, rounds: readonly number[], goal: number | null): BenchResult {
  const line = below(what, unit, rounds, null);
  return { ...line, goal, met: goal === null ? null : line.ours > goal };
}

async function report<Kind extends MemberReport['kind']>(
  child: Child,
  fits: (report: Extract<MemberReport, { kind: Kind }>) => boolean,
  kind: Kind,
): Promise<Extract<MemberReport, { kind: Kind }>> {
  const is = (one: MemberReport): one is Extract<MemberReport, { kind: Kind }> => one.kind === kind;
  const found = await waitFor(systemClock, () => child.reports.filter(is).find(fits), {
    everyMs: 10,
    timeoutMs: 20_000,
  });
  if (!found) throw new Error(`a member did not say "${kind}"`);
  return found;
}

async function count(
  children: readonly Child[],
  forMs: number,
): Promise<{ counted: Counted[]; seconds: number }> {
  const ask = async (): Promise<Counted[]> => {
    for (const child of children) {
      child.reports.length = 0;
      child.process.send({ kind: 'count' } satisfies MemberRequest);
    }
    return Promise.all(children.map((child) => report(child, () => true, 'counted')));
  };
  await ask();
  const fromMs = systemClock.monotonicMs();
  await delay(systemClock, forMs);
  const seconds = (systemClock.monotonicMs() - fromMs) / 1000;
  return { counted: await ask(), seconds };
}

async function start(program: string): Promise<Child[]> {
  const key = randomHex(32);
  const ports = await freePorts(firstPort, memberCount, '127.0.0.1');
  const children = Array.from({ length: memberCount }, (_, index): Child => {
    const child = fork(program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const reports: MemberReport[] = [];
    child.on('message', (message: MemberReport) => reports.push(message));
    child.send({ id: index + 1, ports, key } satisfies MemberOrder);
    return { process: child, reports };
  });
  await Promise.all(
    children.map((child) => report(child, ({ members }) => members === memberCount, 'began')),
  );
  return children;
}

const load = (children: readonly Child[], on: boolean): void => {
  for (const child of children) child.process.send({ kind: 'load', on } satisfies MemberRequest);
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export const ringBench: Bench = {
  about:
    'token passes per second between three processes over loopback TCP with TLS, and what an idle ring costs',
  roundsDefault: 5,
  async run({ rounds, say }) {
    say('Building the members...');
    const [program = ''] = await bundle('bench/ring-member', 'bench/ring-member.ts');
    const children = await start(program);
    const measured = { passes: [], p50: [], p99: [], cpu: [], idle: [] } as Record<string, number[]>;
    try {
      for (let round = 1; round <= rounds; round++) {
        load(children, true);
        await delay(systemClock, 500);
        const busy = await count(children, contendedMs);
        const passes = sum(busy.counted.map((one) => one.passes));
        const rotationsMs = busy.counted.flatMap((one) => one.rotationsMs);
        measured.passes?.push(passes / busy.seconds);
        measured.p50?.push(percentile(rotationsMs, 50));
        measured.p99?.push(percentile(rotationsMs, 99));
        measured.cpu?.push((sum(busy.counted.map((one) => one.cpuSeconds)) / passes) * 1e6);
        load(children, false);
        await delay(systemClock, 500);
        const idle = await count(children, idleMs);
        measured.idle?.push((Math.max(...idle.counted.map((one) => one.cpuSeconds)) / idle.seconds) * 100);
        say(`Round ${round}: ${Math.round(passes / busy.seconds)} passes per second.`);
      }
    } finally {
      for (const child of children) child.process.disconnect();
    }
    const { passes = [], p50 = [], p99 = [], cpu = [], idle = [] } = measured;
    return {
      versions: { corosync: versionOf('corosync', ['-v']) },
      results: [
        above('token passes under contention', '1/s', passes, 3_000),
        below('rotation of three, median', 'ms', p50, null),
        below('rotation of three, 99th percentile', 'ms', p99, null),
        below('processor time per pass, all members', 'us', cpu, null),
        below('processor of the busiest idle member', '% of a core', idle, 1),
      ],
    };
  },
};
