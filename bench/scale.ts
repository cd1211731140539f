/** What a second and a third active node bring, when each node has a processor quota of its own. */
import { join } from 'node:path';
import { type Contestant, contest, roundsOf } from './contest.js';
import { startLab } from './lab-cluster.js';
import { needPackages } from './needs.js';
import { type Bench, type BenchResult, compared, type RatioGoal, versionOf } from './report.js';
import { inBenchFolder } from './server.js';
import { runSysbench } from './sysbench.js';
import { makeTables } from './tables.js';

const tables = { tables: 4, rows: 25_000 };
const firstPort = 6600;
const portsPerLab = 40;
/** So little that three nodes, their peers and the load have processors left on a machine with two. */
const quotaCores = 0.15;
const clients = 24;
const seconds = 4;
const warmUpSeconds = 2;

/** sysbench's own nine reads (five by key, four ranges of a hundred rows), and updates to make up the mix. */
const mixes = [
  { words: 'reads only', updates: { index: 0, other: 0 }, goals: [null, null] },
  {
    words: '90/10',
    updates: { index: 1, other: 0 },
    goals: [{ atLeast: 1.9 }, { atLeast: 2.8 }],
  },
  { words: '50/50', updates: { index: 5, other: 4 }, goals: [null, null] },
] as const satisfies readonly {
  words: string;
  updates: { index: number; other: number };
  goals: readonly [RatioGoal | null, RatioGoal | null];
}[];

const optionsOf = ({ index, other }: (typeof mixes)[number]['updates']): string[] => [
  '--point-selects=5',
  '--simple-ranges=1',
  '--sum-ranges=1',
  '--order-ranges=1',
  '--distinct-ranges=1',
  `--index-updates=${index}`,
  `--non-index-updates=${other}`,
  '--delete-inserts=0',
  // Each statement by itself: a transaction of reads and writes would make all of it a write.
  '--skip-trx=on',
];

export const scaleBench: Bench = {
  about: 'one, two and three active nodes with processor quotas, reads and mixes',
  roundsDefault: 5,
  async run({ rounds, say }) {
    await needPackages(['mariadb-server', 'sysbench'], say);
    return await inBenchFolder(async (folder, ends) => {
      const labs = [];
      for (const nodes of [1, 2, 3]) {
        say(`Starting ${nodes} node${nodes === 1 ? '' : 's'}...`);
        const lab = await startLab({
          folder: join(folder, `lab${nodes}`),
          nodes,
          active: nodes,
          firstPort: firstPort + (nodes - 1) * portsPerLab,
        });
        ends.push(lab.stop);
        await makeTables(lab.address, tables, lab.servers);
        await lab.setQuota(quotaCores);
        labs.push({ nodes, lab });
      }
      const results: BenchResult[] = [];
      for (const { words, updates, goals } of mixes) {
        const contestants = labs.map(
          ({ nodes, lab }): Contestant => ({
            name: `${nodes}`,
            run: (forSeconds) =>
              runSysbench(lab.address, tables, {
                script: 'oltp_read_write',
                threads: clients,
                seconds: forSeconds,
                options: optionsOf(updates),
              }),
          }),
        );
        const reports = await contest(words, contestants, { rounds, seconds, warmUpSeconds, say });
        const rate = (nodes: number) =>
          roundsOf(reports, `${nodes}`, (report) => report.transactionsPerSecond);
        results.push(
          compared(`${words}, two nodes against one`, '1/s', rate(2), rate(1), goals[0]),
          compared(`${words}, three nodes against one`, '1/s', rate(3), rate(1), goals[1]),
        );
      }
      return { versions: { mariadb: versionOf('mariadbd'), sysbench: versionOf('sysbench') }, results };
    });
  },
};
