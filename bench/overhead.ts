/** What one active node costs through its front end, against the same server without us. */
import { contest, roundsOf } from './contest.js';
import { type Bench, compared } from './report.js';
import { threeWays } from './three-ways.js';

const firstPort = 6220;
const threads = 16;
const seconds = 5;
const warmUpSeconds = 2;

export const overheadBench: Bench = {
  about:
    'sysbench read-write transactions through one front end, against the bare server, and HAProxy for comparison',
  roundsDefault: 5,
  run: (context) =>
    threeWays(firstPort, context, async (contestant) => {
      const what = `read-write transactions, ${threads} threads`;
      const load = { script: 'oltp_read_write', threads };
      const ways = (['front end', 'direct', 'HAProxy'] as const).map((way) => contestant(way, load));
      const reports = await contest(what, ways, { ...context, seconds, warmUpSeconds });
      const rate = (name: string) => roundsOf(reports, name, (report) => report.transactionsPerSecond);
      const p95 = (name: string) => roundsOf(reports, name, (report) => report.p95Ms);
      return [
        compared(what, '1/s', rate('front end'), rate('direct'), { atLeast: 0.85 }),
        compared(`${what}, against HAProxy`, '1/s', rate('front end'), rate('HAProxy'), null),
        compared(`${what}, p95`, 'ms', p95('front end'), p95('direct'), null),
      ];
    }),
};
