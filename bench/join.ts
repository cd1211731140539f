/** A node that joins a cluster while clients work: how fast its copy is, and what the clients feel of it. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { delay, systemClock } from '../app/base/clock.js';
import { run } from '../scripts/support/run.js';
import { type Clients, startClients } from './clients.js';
import type { ClientsReport } from './clients-process.js';
import { startGalera } from './galera.js';
import { GaleraJoin, type Joined, type JoinSubject, OurJoin } from './join-subjects.js';
import { startLab } from './lab-cluster.js';
import { machineMs } from './machine-clock.js';
import { needPackages } from './needs.js';
import { longest, perSecond } from './outage.js';
import { type Bench, type BenchContext, type BenchResult, below, compared, versionOf } from './report.js';
import { inBenchFolder } from './server.js';
import { median } from './statistics.js';
import type { SysbenchTarget } from './sysbench.js';

const firstLabPort = 27_100;
const firstGaleraPort = 27_600;
const clients = 64;
const pauseMs = 150;
/** Rows that the clients read and change: so few that they stay in memory. */
const hotRows = 10_000;
const rowBytes = 1_000;
const rowsPerStatement = 20_000;
/** What the clients do without a join is counted for so long. Milliseconds. */
const baselineMs = 5_000;
const stallGoalMs = 500;
const joinWithinMs = 900_000;
/** Rolled back and repeated: no failure. */
const repeated = new Set(['1213', '1205', '1020']);

/** One join under load. */
interface Round extends Joined {
  /** Of the data folder, without binlogs. */
  readonly megabytes: number;
  readonly longestMs: number;
  /** When that transaction began, after the join. */
  readonly longestAtSeconds: number;
  /** Transactions in the worst second, of the median second before. */
  readonly dipPercent: number;
  readonly failed: number;
  readonly errors: string;
}

export const joinBench: Bench = {
  about: 'a node that joins under load: the rate of its copy against cp and Galera, and what clients feel',
  roundsDefault: 3,
  async run(context) {
    const { say, gigabytes } = context;
    await needPackages(['mariadb-server', 'mariadb-backup', 'galera-4', 'rsync', 'socat'], say);
    return await inBenchFolder(async (folder, ends) => {
      const subjects = await startBoth(folder, ends);
      for (const subject of subjects) {
        say(`Filling ${subject.name} with ${gigabytes} GB...`);
        await fill(subject.target(1), gigabytes);
      }
      const copies: number[] = [];
      const rounds = new Map<string, Round[]>();
      for (let round = 0; round < context.rounds; round++) {
        copies.push(await copyRate(subjects, folder, context));
        await playRound(subjects, round, rounds, context);
      }
      return {
        versions: {
          mariadb: versionOf('mariadbd'),
          mariabackup: versionOf('mariabackup'),
          galera: versionOf('dpkg-query', ['-W', 'galera-4']),
        },
        results: [1, 2].flatMap((active) => lines(active, rounds, copies)),
      };
    });
  },
};

async function startBoth(
  folder: string,
  ends: (() => Promise<void>)[],
): Promise<readonly [OurJoin, GaleraJoin]> {
  const labFolder = join(folder, 'lab');
  const lab = await startLab({ folder: labFolder, nodes: 3, active: 1, firstPort: firstLabPort });
  ends.push(lab.stop);
  const galera = await startGalera({
    folder,
    firstPort: firstGaleraPort,
    begin: 1,
    transfer: 'mariabackup',
    withinMs: joinWithinMs,
  });
  ends.push(galera.stop);
  return [await OurJoin.of(lab, labFolder), new GaleraJoin(galera, folder)];
}

async function fill({ ports, ...account }: SysbenchTarget, gigabytes: number): Promise<void> {
  const connection = await createConnection({ host: '127.0.0.1', port: ports[0] ?? 0, ...account });
  try {
    await connection.query('CREATE TABLE ballast (id INT PRIMARY KEY, pad VARBINARY(1000) NOT NULL)');
    const rows = Math.ceil((gigabytes * 1e9) / rowBytes);
    for (let from = 1; from <= rows; from += rowsPerStatement) {
      const to = from + rowsPerStatement - 1;
      await connection.query(
        `INSERT INTO ballast SELECT seq, RANDOM_BYTES(${rowBytes}) FROM seq_${from}_to_${to}`,
      );
    }
  } finally {
    await connection.end();
  }
}

/** Bytes of a data folder without its binlogs, in megabytes. */
async function megabytesOf(folder: string): Promise<number> {
  const { stdout } = await run('du', ['-sb', '--exclude=binlog.*', '--exclude=galera.cache', folder]);
  return Number(stdout.split('\t')[0]) / 1e6;
}

/** Reads all of it, so that every copy comes from memory and none pays for being the first. */
async function warm(folder: string): Promise<void> {
  await run('sh', ['-c', 'sync; cat "$1"/*/* "$1"/ib* > /dev/null', 'sh', folder]);
}

/** `cp -r` of the first node's data while its clients work, in megabytes a second. */
async function copyRate(
  [subject]: readonly JoinSubject[],
  folder: string,
  { say }: BenchContext,
): Promise<number> {
  if (!subject) return 0;
  const source = subject.dataFolder(0);
  const target = join(folder, 'copied');
  const load = await startLoad(subject, 1);
  try {
    await warm(source);
    const beganMs = machineMs();
    const { exitCode, stderr } = await run('cp', ['-r', source, target]);
    const seconds = (machineMs() - beganMs) / 1000;
    // A server replaces files while they are listed.
    if (exitCode !== 0 && !/No such file/.test(stderr)) throw new Error(`cp: ${stderr}`);
    const { stdout } = await run('du', ['-sb', target]);
    const megabytes = Number(stdout.split('\t')[0]) / 1e6;
    say(`cp -r: ${megabytes.toFixed(0)} MB in ${seconds.toFixed(1)} s.`);
    return megabytes / seconds;
  } finally {
    await load.stop();
    await rm(target, { recursive: true, force: true });
  }
}

async function startLoad(subject: JoinSubject, active: number): Promise<Clients> {
  const load = await startClients({
    ...subject.target(active),
    clients,
    pauseMs,
    rows: hotRows,
    read: 'SELECT LENGTH(pad) FROM ballast WHERE id = ?',
    change: 'UPDATE ballast SET pad = REVERSE(pad) WHERE id = ?',
  });
  load.run(true);
  return load;
}

/** The second node joins the first, then the third joins both; in each cluster, one after the other. */
async function playRound(
  subjects: readonly JoinSubject[],
  round: number,
  rounds: Map<string, Round[]>,
  { say }: BenchContext,
): Promise<void> {
  const turn = round % 2 === 0 ? subjects : [...subjects].reverse();
  for (const active of [1, 2]) {
    for (const subject of turn) {
      const joined = await measure(subject, active);
      const key = `${subject.name} ${active}`;
      rounds.set(key, [...(rounds.get(key) ?? []), joined]);
      say(roundWords(subject.name, active, joined));
    }
  }
  for (const member of [2, 1]) await Promise.all(subjects.map((subject) => subject.remove(member)));
}

const roundWords = (name: string, active: number, joined: Round): string =>
  `${name}, ${active} active: ${joined.megabytes.toFixed(0)} MB in ${joined.copySeconds.toFixed(1)} s of ${joined.allSeconds.toFixed(1)} s, worst second ${joined.dipPercent.toFixed(0)} %, longest transaction ${joined.longestMs.toFixed(0)} ms at ${joined.longestAtSeconds.toFixed(1)} s, failed ${joined.failed} ${joined.errors} (${joined.words}).`;

async function measure(subject: JoinSubject, active: number): Promise<Round> {
  const megabytes = await megabytesOf(subject.dataFolder(0));
  for (let donor = 0; donor < active; donor++) await warm(subject.dataFolder(donor));
  const load = await startLoad(subject, active);
  try {
    // Logging in belongs to no count.
    await delay(systemClock, baselineMs / 2);
    await load.report();
    const baselineFromMs = machineMs();
    await delay(systemClock, baselineMs);
    const fromMs = machineMs();
    const before = await load.report();
    const joined = await subject.join(active);
    const toMs = machineMs();
    const during = await load.report();
    const usual = median(perSecond(endsOf(before), baselineFromMs, fromMs));
    const worst = Math.min(...perSecond(endsOf(during), fromMs, toMs));
    const { beganMs, tookMs } = longest(during.done, fromMs);
    const failed = during.trouble.filter(([words]) => !repeated.has(words));
    return {
      ...joined,
      megabytes,
      longestMs: tookMs,
      longestAtSeconds: (beganMs - fromMs) / 1000,
      dipPercent: (100 * worst) / usual,
      failed: failed.reduce((sum, [, count]) => sum + count, 0),
      errors: failed.map(([words, count]) => `${count} x ${words}`).join(', '),
    };
  } finally {
    await load.stop();
  }
}

const endsOf = ({ done }: ClientsReport): number[] => done.map(([, , , , endedMs]) => endedMs);

function lines(
  active: number,
  rounds: ReadonlyMap<string, readonly Round[]>,
  copies: readonly number[],
): BenchResult[] {
  const when = active === 1 ? 'one active node' : 'two active nodes';
  const of = (name: string, pick: (round: Round) => number) =>
    (rounds.get(`${name} ${active}`) ?? []).map(pick);
  const rate = (round: Round) => round.megabytes / round.copySeconds;
  const all = (round: Round) => round.megabytes / round.allSeconds;
  const stall = (round: Round) => round.longestMs;
  const [ours, galera] = ['ours', 'Galera'];
  return [
    compared(`copy, ${when}, against Galera`, 'MB/s', of(ours, rate), of(galera, rate), { atLeast: 1 }),
    compared(`copy, ${when}, against cp -r`, 'MB/s', of(ours, rate), copies, null),
    compared(`whole join, ${when}, against Galera`, 'MB/s', of(ours, all), of(galera, all), null),
    below(`longest transaction, ${when}, ours`, 'ms', of(ours, stall), active === 2 ? stallGoalMs : null),
    below(`longest transaction, ${when}, Galera`, 'ms', of(galera, stall), null),
    ...[ours, galera].map((name) =>
      below(
        `worst second, ${when}, ${name}`,
        '% of usual',
        of(name, (round) => round.dipPercent),
        null,
      ),
    ),
    below(
      `failed transactions, ${when}, ours`,
      '',
      of(ours, (round) => round.failed),
      1,
    ),
    below(
      `failed transactions, ${when}, Galera`,
      '',
      of(galera, (round) => round.failed),
      null,
    ),
  ];
}
