/** Changes on three nodes through our front ends, against a Galera cluster behind HAProxy and without it. */
import { join } from 'node:path';
import { freePorts } from '../app/lab/ports.js';
import { type Contestant, contest, type Reports, roundsOf } from './contest.js';
import { startGalera } from './galera.js';
import { startHaproxy } from './haproxy.js';
import { startLab } from './lab-cluster.js';
import { needPackages } from './needs.js';
import { type Bench, type BenchContext, type BenchResult, below, compared, versionOf } from './report.js';
import { benchAccount, inBenchFolder } from './server.js';
import { runSysbench, type SysbenchTarget } from './sysbench.js';
import { makeTables } from './tables.js';

const tables = { tables: 4, rows: 25_000 };
const firstHaproxyPort = 6390;
const firstLabPort = 6500;
const seconds = 4;
const warmUpSeconds = 2;
const scripts = ['oltp_insert', 'oltp_update_index', 'oltp_read_write'] as const;
const clientCounts = [1, 30, 120] as const;

/** What runs, by the name that the results give it. */
interface Clusters {
  readonly ours: SysbenchTarget;
  readonly 'Galera behind HAProxy': SysbenchTarget;
  readonly 'Galera direct': SysbenchTarget;
}

export const writesBench: Bench = {
  about: 'sysbench changes on three nodes, against Galera behind HAProxy and direct',
  roundsDefault: 5,
  async run(context) {
    const { say } = context;
    await needPackages(['mariadb-server', 'sysbench', 'haproxy', 'galera-4', 'rsync', 'socat'] as const, say);
    return await inBenchFolder(async (folder, ends) => {
      say('Starting both clusters...');
      const galera = await startGalera({ folder });
      ends.push(galera.stop);
      const [haproxyPort = 0] = await freePorts(firstHaproxyPort, 1, '127.0.0.1');
      ends.push(
        await startHaproxy({ folder, port: haproxyPort, servers: galera.servers, balance: 'leastconn' }),
      );
      const lab = await startLab({
        folder: join(folder, 'lab'),
        nodes: 3,
        active: 3,
        firstPort: firstLabPort,
      });
      ends.push(lab.stop);
      const clusters: Clusters = {
        ours: lab.address,
        'Galera behind HAProxy': { ports: [haproxyPort], ...benchAccount },
        'Galera direct': { ports: galera.servers.map(({ port }) => port), ...benchAccount },
      };
      await makeTables(clusters.ours, tables, lab.servers);
      await makeTables(clusters['Galera behind HAProxy'], tables, clusters['Galera direct'].ports);
      return {
        versions: {
          mariadb: versionOf('mariadbd'),
          galera: versionOf('dpkg-query', ['-W', 'galera-4']),
          sysbench: versionOf('sysbench'),
          haproxy: versionOf('haproxy', ['-v']),
        },
        results: await compareAll(clusters, context),
      };
    });
  },
};

async function compareAll(clusters: Clusters, { rounds, say }: BenchContext): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const script of scripts) {
    for (const clients of clientCounts) {
      const what = `${script}, ${clients} client${clients === 1 ? '' : 's'}`;
      const contestants = Object.entries(clusters).map(
        ([name, target]): Contestant => ({
          name,
          run: (forSeconds) => runSysbench(target, tables, { script, threads: clients, seconds: forSeconds }),
        }),
      );
      const reports = await contest(what, contestants, { rounds, seconds, warmUpSeconds, say });
      results.push(...lines(what, clients, reports));
    }
  }
  return results;
}

/** One client asks how long a change takes; many ask how many there are. */
function lines(what: string, clients: number, reports: Reports): BenchResult[] {
  const rate = (name: keyof Clusters) => roundsOf(reports, name, (report) => report.transactionsPerSecond);
  const middle = (name: keyof Clusters) => roundsOf(reports, name, (report) => report.medianMs);
  const retries = (name: keyof Clusters) => roundsOf(reports, name, (report) => report.retriesPerSecond);
  const others = ['Galera behind HAProxy', 'Galera direct'] as const;
  return [
    ...others.map((other) =>
      clients === 1
        ? compared(`${what}, median, against ${other}`, 'ms', middle('ours'), middle(other), { atMost: 1.5 })
        : compared(`${what}, against ${other}`, '1/s', rate('ours'), rate(other), { atLeast: 1 }),
    ),
    below(`${what}, run again after a conflict, ours`, '1/s', retries('ours'), null),
    below(`${what}, run again after a conflict, Galera direct`, '1/s', retries('Galera direct'), null),
  ];
}
