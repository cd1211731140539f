/** One server, reached in three ways: through our front end, through HAProxy, and directly. */
import { freePorts } from '../app/lab/ports.js';
import type { Contestant } from './contest.js';
import { startFrontEnd } from './front-ends.js';
import { startHaproxy } from './haproxy.js';
import { needPackages } from './needs.js';
import { type BenchContext, type BenchReport, type BenchResult, versionOf } from './report.js';
import { benchAccount, inBenchFolder, startAlone } from './server.js';
import { runSysbench, type SysbenchRun } from './sysbench.js';
import { makeTables } from './tables.js';

/** All of it fits into the buffer pool: the disk is not measured. */
const tables = { tables: 4, rows: 25_000 };

type Way = 'front end' | 'HAProxy' | 'direct';

/** Who runs a load, by its way to the server. */
export type ContestantOf = (way: Way, load: Omit<SysbenchRun, 'seconds'>) => Contestant;

/**
 * Starts server and proxies, makes the tables, and ends everything when `measure` has.
 * @param firstPort server and HAProxy take the next free ports from here
 */
export async function threeWays(
  firstPort: number,
  { say, profileFolder }: BenchContext,
  measure: (contestant: ContestantOf) => Promise<readonly BenchResult[]>,
): Promise<BenchReport> {
  await needPackages(['mariadb-server', 'sysbench', 'haproxy'], say);
  return await inBenchFolder(async (folder, ends) => {
    const [serverPort = 0, haproxyPort = 0] = await freePorts(firstPort, 2, '127.0.0.1');
    const server = await startAlone(folder, 'alone', serverPort);
    ends.push(server.stop);
    ends.push(await startHaproxy({ folder, port: haproxyPort, servers: [server], balance: 'leastconn' }));
    const frontEnd = await startFrontEnd(serverPort, profileFolder);
    ends.push(frontEnd.stop);
    say('Making the tables...');
    await makeTables({ ports: [serverPort], ...benchAccount }, tables);
    const ports: Record<Way, number> = {
      'front end': frontEnd.port,
      HAProxy: haproxyPort,
      direct: serverPort,
    };
    const results = await measure((way, load) => ({
      name: way,
      run: (seconds) => runSysbench({ ports: [ports[way]], ...benchAccount }, tables, { ...load, seconds }),
    }));
    return {
      versions: {
        mariadb: versionOf('mariadbd'),
        sysbench: versionOf('sysbench'),
        haproxy: versionOf('haproxy', ['-v']),
      },
      results,
    };
  });
}
