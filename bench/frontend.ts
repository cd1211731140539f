/** What our front end costs a reader, against HAProxy in its place, and against no proxy at all. */
import { contest, roundsOf } from './contest.js';
import { type Bench, type BenchResult, compared } from './report.js';
import { threeWays } from './three-ways.js';

const firstPort = 6200;
const seconds = 3;
const warmUpSeconds = 2;

const loads = [
  { script: 'oltp_point_select', words: 'point selects' },
  { script: 'oltp_read_only', words: 'read-only transactions' },
] as const;
const threadCounts = [16, 64] as const;

type Comparison = (load: (typeof loads)[number], threads: number) => Promise<readonly BenchResult[]>;

async function compareAll(compare: Comparison): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const load of loads)
    for (const threads of threadCounts) results.push(...(await compare(load, threads)));
  return results;
}

export const frontendBench: Bench = {
  about: 'sysbench reads through the front end, against HAProxy (TCP, one thread) and against no proxy',
  roundsDefault: 5,
  run: (context) =>
    threeWays(firstPort, context, (contestant) =>
      compareAll(async ({ script, words }, threads) => {
        const what = `${words}, ${threads} threads`;
        const load = { script, threads };
        const ways = (['front end', 'HAProxy', 'direct'] as const).map((way) => contestant(way, load));
        const reports = await contest(what, ways, { ...context, seconds, warmUpSeconds });
        const rate = (name: string) => roundsOf(reports, name, (report) => report.transactionsPerSecond);
        const p95 = (name: string) => roundsOf(reports, name, (report) => report.p95Ms);
        return [
          compared(`${what}, against HAProxy`, '1/s', rate('front end'), rate('HAProxy'), { atLeast: 1 }),
          compared(`${what}, p95, against HAProxy`, 'ms', p95('front end'), p95('HAProxy'), { atMost: 1 }),
          compared(`${what}, against no proxy`, '1/s', rate('front end'), rate('direct'), null),
        ];
      }),
    ),
};
