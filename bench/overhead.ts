/** What one active node costs through its front end, against the same server without us. */
import { freePorts } from '../app/lab/ports.js';
import { type Contestant, contest, roundsOf } from './contest.js';
import { startFrontEnd } from './front-ends.js';
import { startHaproxy } from './haproxy.js';
import { needPackages } from './needs.js';
import { type Bench, compared, versionOf } from './report.js';
import { benchAccount, makeBenchFolder, removeBenchFolder, startAlone } from './server.js';
import { runSysbench } from './sysbench.js';
import { makeTables } from './tables.js';

const tables = { tables: 4, rows: 25_000 };
const firstPort = 6220;
const threads = 16;
const seconds = 5;
const warmUpSeconds = 2;

export const overheadBench: Bench = {
  about:
    'sysbench read-write transactions through one front end, against the bare server, and HAProxy for comparison',
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
      const through = (name: string, port: number): Contestant => ({
        name,
        run: (forSeconds) =>
          runSysbench({ ports: [port], ...benchAccount }, tables, {
            script: 'oltp_read_write',
            threads,
            seconds: forSeconds,
          }),
      });
      const what = `read-write transactions, ${threads} threads`;
      const reports = await contest(
        what,
        [
          through('front end', frontEnd.port),
          through('bare server', serverPort),
          through('HAProxy', haproxyPort),
        ],
        { rounds, seconds, warmUpSeconds, say },
      );
      const rate = (name: string) => roundsOf(reports, name, (report) => report.transactionsPerSecond);
      const p95 = (name: string) => roundsOf(reports, name, (report) => report.p95Ms);
      return {
        versions: {
          mariadb: versionOf('mariadbd'),
          sysbench: versionOf('sysbench'),
          haproxy: versionOf('haproxy', ['-v']),
        },
        results: [
          compared(what, '1/s', rate('front end'), rate('bare server'), { atLeast: 0.85 }),
          compared(`${what}, against HAProxy`, '1/s', rate('front end'), rate('HAProxy'), null),
          compared(`${what}, p95`, 'ms', p95('front end'), p95('bare server'), null),
        ],
      };
    } finally {
      for (const end of ends.reverse()) await end();
    }
  },
};
