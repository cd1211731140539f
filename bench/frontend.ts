/** What our front end costs a reader, against HAProxy in its place, and against no proxy at all. */
import { freePorts } from '../app/lab/ports.js';
import { type Contestant, contest, roundsOf } from './contest.js';
import { startFrontEnd } from './front-ends.js';
import { startHaproxy } from './haproxy.js';
import { needPackages } from './needs.js';
import { type Bench, type BenchResult, compared, versionOf } from './report.js';
import { benchAccount, makeBenchFolder, removeBenchFolder, startAlone } from './server.js';
import { runSysbench } from './sysbench.js';
import { makeTables } from './tables.js';

/** All of it fits into the buffer pool: the disk is not measured. */
const tables = { tables: 4, rows: 25_000 };
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
  async run({ rounds, say, profileFolder }) {
    await needPackages(['mariadb-server', 'sysbench', 'haproxy'], say);
    const folder = await makeBenchFolder();
    const ends: (() => Promise<void>)[] = [() => removeBenchFolder(folder)];
    try {
      const [serverPort = 0, haproxyPort = 0] = await freePorts(firstPort, 2, '127.0.0.1');
      const server = await startAlone(folder, 'alone', serverPort);
      ends.push(server.stop);
      ends.push(await startHaproxy({ folder, port: haproxyPort, servers: [server], balance: 'leastconn' }));
      const frontEnd = await startFrontEnd(serverPort, profileFolder);
      ends.push(frontEnd.stop);
      say('Making the tables...');
      await makeTables({ ports: [serverPort], ...benchAccount }, tables);
      const results = await compareAll(async ({ script, words }, threads) => {
        const through = (name: string, port: number): Contestant => ({
          name,
          run: (forSeconds) =>
            runSysbench({ ports: [port], ...benchAccount }, tables, { script, threads, seconds: forSeconds }),
        });
        const reports = await contest(
          `${words}, ${threads} threads`,
          [
            through('front end', frontEnd.port),
            through('HAProxy', haproxyPort),
            through('direct', serverPort),
          ],
          { rounds, seconds, warmUpSeconds, say },
        );
        const rate = (name: string) => roundsOf(reports, name, (report) => report.transactionsPerSecond);
        const p95 = (name: string) => roundsOf(reports, name, (report) => report.p95Ms);
        const what = `${words}, ${threads} threads`;
        return [
          compared(`${what}, against HAProxy`, '1/s', rate('front end'), rate('HAProxy'), { atLeast: 1 }),
          compared(`${what}, p95, against HAProxy`, 'ms', p95('front end'), p95('HAProxy'), { atMost: 1 }),
          compared(`${what}, against no proxy`, '1/s', rate('front end'), rate('direct'), null),
        ];
      });
      return {
        versions: {
          mariadb: versionOf('mariadbd'),
          sysbench: versionOf('sysbench'),
          haproxy: versionOf('haproxy', ['-v']),
        },
        results,
      };
    } finally {
      for (const end of ends.reverse()) await end();
    }
  },
};
