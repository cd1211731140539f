/** Servers and peers that die under load: until somebody notices, and until the sessions of the survivors commit again. */
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { delay, systemClock, waitFor } from '../app/base/clock.js';
import { silentLog } from '../app/base/log.js';
import { raisePriority } from '../app/peer/priority.js';
import { type Clients, startClients } from './clients.js';
import type { ClientOrder, Done } from './clients-process.js';
import {
  type Failure,
  failures,
  frontEndPort,
  GaleraSubject,
  OurSubject,
  type Seen,
  type Subject,
} from './failover-subjects.js';
import { startGalera } from './galera.js';
import { startLab } from './lab-cluster.js';
import { machineMs } from './machine-clock.js';
import { needPackages } from './needs.js';
import { longest, resumedAfterMs } from './outage.js';
import { type Bench, type BenchContext, type BenchResult, below, versionOf } from './report.js';
import { benchAccount, inBenchFolder } from './server.js';
import { percentile } from './statistics.js';
import type { SysbenchTarget } from './sysbench.js';

const firstLabPort = 27_000;
const firstGaleraPort = 27_500;
const members = 3;
const clients = 64;
/** A client waits so long on average before its next transaction: the machine is busy, not overloaded. Milliseconds. */
const pauseMs = 150;
const rows = 10_000;
const detectionGoalMs = 10;
const commitGoalMs = 150;
/** Every member has acknowledged this many changes within one look before something fails. */
const warmChanges = 5;
const warmLookMs = 500;
/** How long survivors are looked at after the failure at least, and at most. Milliseconds. */
const watchMs = 1_500;
const watchMaxMs = 60_000;
const reportEveryMs = 100;
/** An outage begins within this time after the failure, or after the survivors know of it. Milliseconds. */
const outageBeginsWithinMs = 250;
const knownBeginsMs = 100;

const words: Readonly<Record<Failure, string>> = {
  server: 'server killed',
  stop: 'server stopped (SIGSTOP)',
  peer: 'peer killed',
  both: 'server and peer killed',
};

/** One failure of one cluster. */
interface Round extends Seen {
  /** Until changes were acknowledged again by every surviving member. */
  readonly resumedMs: number;
  /** The longest answer that a session of a survivor waited for. */
  readonly longestMs: number;
}

/** A cluster with its clients. */
interface Contestant {
  readonly subject: Subject;
  readonly clients: Clients;
  readonly target: SysbenchTarget;
  readonly serverPorts: () => readonly number[];
  readonly rounds: Map<Failure, Round[]>;
}

export const failoverBench: Bench = {
  about: 'servers and peers that die under 64 clients: until noticed, until commits go on; against Galera',
  roundsDefault: 20,
  async run(context) {
    const { say } = context;
    await needPackages(['mariadb-server', 'galera-4', 'rsync', 'socat'], say);
    // Whoever observes must not wait for the processor longer than the peers that tell the news.
    raisePriority(silentLog());
    return await inBenchFolder(async (folder, ends) => {
      say('Starting both clusters...');
      const contestants = [await ours(folder, ends), await galera(folder, ends)];
      for (const failure of failures)
        for (let round = 0; round < context.rounds; round++)
          await playRound(contestants, failure, round, context);
      const lost = await Promise.all(contestants.map(lostChanges));
      return {
        versions: { mariadb: versionOf('mariadbd'), galera: versionOf('dpkg-query', ['-W', 'galera-4']) },
        results: [
          ...contestants.flatMap(lines),
          ...contestants.map(({ subject }, index) =>
            below(`acknowledged changes lost, ${subject.name}`, '', [lost[index] ?? 0], 1),
          ),
        ],
      };
    });
  },
};

type Ends = (() => Promise<void>)[];

async function ours(folder: string, ends: Ends): Promise<Contestant> {
  const labFolder = join(folder, 'lab');
  const cluster = await startLab({
    folder: labFolder,
    nodes: members,
    active: members,
    firstPort: firstLabPort,
  });
  ends.push(cluster.stop);
  const { snapshot } = await cluster.lab.handlers['cluster.open']({});
  const names = snapshot.nodes.map(({ name }) => name);
  const subject = new OurSubject(cluster, labFolder, names);
  ends.push(async () => subject.release());
  const ports = await Promise.all(names.map((name) => frontEndPort(labFolder, name)));
  return await withClients(subject, { ...cluster.address, ports }, () => cluster.servers, ends);
}

async function galera(folder: string, ends: Ends): Promise<Contestant> {
  const cluster = await startGalera({ folder, firstPort: firstGaleraPort });
  ends.push(cluster.stop);
  const ports = cluster.servers.map(({ port }) => port);
  return await withClients(new GaleraSubject(cluster), { ports, ...benchAccount }, () => ports, ends);
}

async function withClients(
  subject: Subject,
  target: SysbenchTarget,
  serverPorts: () => readonly number[],
  ends: Ends,
): Promise<Contestant> {
  await makeRows(target);
  const order: ClientOrder = {
    ...target,
    clients,
    pauseMs,
    rows,
    read: 'SELECT n FROM failover WHERE id = ?',
    change: 'UPDATE failover SET n = n + 1 WHERE id = ?',
  };
  const started = await startClients(order);
  ends.push(started.stop);
  return { subject, clients: started, target, serverPorts, rounds: new Map() };
}

async function makeRows({ ports, ...account }: SysbenchTarget): Promise<void> {
  const connection = await createConnection({ host: '127.0.0.1', port: ports[0] ?? 0, ...account });
  await connection.query('CREATE TABLE failover (id INT PRIMARY KEY, n INT NOT NULL)');
  await connection.query(`INSERT INTO failover SELECT seq, 0 FROM seq_1_to_${rows}`);
  await connection.end();
}

/** Each cluster fails by itself, one after the other; they are mended at the same time. */
async function playRound(
  contestants: readonly Contestant[],
  failure: Failure,
  round: number,
  { say }: BenchContext,
): Promise<void> {
  const playing = contestants.filter(({ subject }) => subject.failures.includes(failure));
  const turn = round % 2 === 0 ? playing : [...playing].reverse();
  const told: string[] = [];
  for (const contestant of turn) {
    const measured = await measure(contestant, failure, round % members);
    const before = contestant.rounds.get(failure) ?? [];
    contestant.rounds.set(failure, [...before, measured]);
    told.push(`${contestant.subject.name} ${roundWords(measured)}`);
  }
  say(`${words[failure]}, round ${round + 1}: ${told.join('; ')}.`);
  await Promise.all(playing.map(({ subject }) => subject.mend()));
}

const ms = (value: number | null): string => (value === null ? 'never' : `${value.toFixed(1)} ms`);

const roundWords = ({ noticedMs, knownMs, agreedMs, resumedMs, longestMs }: Round): string =>
  `noticed ${ms(noticedMs)}, known ${ms(knownMs)}, agreed ${ms(agreedMs)}, commits after ${ms(resumedMs)}, longest answer ${ms(longestMs)}`;

async function measure(
  { subject, clients: load }: Contestant,
  failure: Failure,
  member: number,
): Promise<Round> {
  load.run(true);
  await untilWarm(load);
  const observed = await subject.fail(failure, member);
  const { failedMs } = observed;
  const done: Done[] = [];
  const survivors = Array.from({ length: members }, (_, index) => index).filter((index) => index !== member);
  const changes = (place: number) =>
    done.filter(([at, change, moved]) => at === place && change === 1 && moved === 0).map((each) => each[4]);
  const back = await waitFor(
    systemClock,
    async () => {
      done.push(...(await load.report()).done);
      const nowMs = machineMs();
      const works = (place: number) =>
        changes(place).filter((atMs) => atMs > nowMs - warmLookMs).length >= warmChanges;
      return nowMs > failedMs + watchMs && survivors.every(works) ? true : undefined;
    },
    { everyMs: reportEveryMs, timeoutMs: watchMaxMs },
  );
  load.run(false);
  const seen = await observed.seen();
  if (!back)
    throw new Error(`${subject.name}, ${words[failure]}: no commits again within ${watchMaxMs / 1000} s`);
  // Members that do not depend on the lost one go on until they hear of it.
  const beginsWithinMs = Math.max(outageBeginsWithinMs, (seen.knownMs ?? 0) + knownBeginsMs);
  const resumedMs = Math.max(
    ...survivors.map((place) => resumedAfterMs(changes(place), failedMs, beginsWithinMs) ?? watchMaxMs),
  );
  const surviving = done.filter(([place, , moved]) => survivors.includes(place) && moved === 0);
  return { ...seen, resumedMs, longestMs: longest(surviving, failedMs).tookMs };
}

async function untilWarm(load: Clients): Promise<void> {
  await load.report();
  const warm = await waitFor(
    systemClock,
    async () => {
      await delay(systemClock, warmLookMs);
      const { done } = await load.report();
      const counts = Array.from(
        { length: members },
        (_, place) => done.filter(([at, change]) => at === place && change === 1).length,
      );
      return counts.every((count) => count >= warmChanges) ? true : undefined;
    },
    { everyMs: 1, timeoutMs: watchMaxMs },
  );
  if (!warm) throw new Error('the clients do not get to work on all members');
}

/** Changes that a client was told of and that are not there; negative when there are more than anybody knows of. */
async function lostChanges({ subject, clients: load, target, serverPorts }: Contestant): Promise<number> {
  const { acknowledged, unknown } = await load.report();
  const sums = new Set<number>();
  for (const port of serverPorts()) {
    const connection = await createConnection({
      host: '127.0.0.1',
      port,
      user: target.user,
      password: target.password,
      database: target.database,
    });
    const [found] = await connection.query('SELECT SUM(n) AS made FROM failover');
    sums.add(Number((found as { made: string }[])[0]?.made));
    await connection.end();
  }
  if (sums.size !== 1)
    throw new Error(`${subject.name}: the members differ: ${[...sums].join(', ')} changes`);
  const [made = 0] = sums;
  if (made > acknowledged + unknown)
    throw new Error(`${subject.name}: ${made} changes, and only ${acknowledged} + ${unknown} were asked for`);
  return Math.max(0, acknowledged - made);
}

function lines({ subject, rounds }: Contestant): BenchResult[] {
  return [...rounds].flatMap(([failure, played]) => {
    const what = `${words[failure]}, ${subject.name}`;
    const known = (pick: (round: Round) => number | null) => played.flatMap((round) => pick(round) ?? []);
    const goals = subject.name === 'ours';
    const detection = goals && failure !== 'stop' ? detectionGoalMs : null;
    return [
      ...both(
        `${what}: first notice`,
        known((round) => round.noticedMs),
        detection,
      ),
      ...both(
        `${what}: all survivors know`,
        known((round) => round.knownMs),
        null,
      ),
      ...both(
        `${what}: new membership`,
        known((round) => round.agreedMs),
        null,
      ),
      ...both(
        `${what}: commits again`,
        known((round) => round.resumedMs),
        goals && failure !== 'stop' ? commitGoalMs : null,
      ),
      ...both(
        `${what}: longest answer of a surviving session`,
        known((round) => round.longestMs),
        null,
      ),
    ];
  });
}

/** The median for information, the 99th percentile against the goal; nothing when nothing was seen. */
function both(what: string, values: readonly number[], goal: number | null): BenchResult[] {
  if (values.length === 0) return [];
  const slowest = percentile(values, 99);
  const line = below(`${what}, p99`, 'ms', [slowest], goal);
  const middle = below(`${what}, p50`, 'ms', values, goal);
  return [middle, { ...line, spread: middle.spread }];
}
