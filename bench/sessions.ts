/** What idle sessions cost: memory of a front end's process with two thousand of them, as pools of applications keep them. */
import { readFileSync } from 'node:fs';
import { type Connection, createConnection } from 'mysql2/promise';
import { delay, systemClock } from '../app/base/clock.js';
import { freePorts } from '../app/lab/ports.js';
import { startFrontEnd } from './front-ends.js';
import { needPackages } from './needs.js';
import { type Bench, below, versionOf } from './report.js';
import { benchAccount, inBenchFolder, makeAccount, startServer } from './server.js';

const sessions = 2_000;
const goalMegabytes = 150;
const firstPort = 6240;
/** Logins at the same time. */
const loginsAtOnce = 50;
/** How long the process may take to give back what logging in needed. */
const settleMs = 3_000;

/** Memory of a process that is in RAM, in megabytes. */
function residentMegabytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kilobytes) * 1024) / 1e6;
}

/** A session as an idle one of a pool: it logged in, set something, and keeps a prepared statement. */
async function openSession(port: number): Promise<Connection> {
  const session = await createConnection({ host: '127.0.0.1', port, ...benchAccount });
  await session.query("SET SESSION time_zone = '+00:00'");
  await session.execute('SELECT ? AS one', [1]);
  return session;
}

async function openSessions(port: number): Promise<Connection[]> {
  const opened: Connection[] = [];
  const open = async () => {
    while (opened.length < sessions) {
      // The place is taken before the login, so that no more than wanted are opened.
      const index = opened.push(undefined as never) - 1;
      opened[index] = await openSession(port);
    }
  };
  await Promise.all(Array.from({ length: loginsAtOnce }, open));
  return opened;
}

interface Round {
  readonly empty: number;
  readonly full: number;
}

async function measure(serverPort: number, say: (sentence: string) => void): Promise<Round> {
  const frontEnd = await startFrontEnd(serverPort, null);
  try {
    await delay(systemClock, settleMs);
    const empty = residentMegabytes(frontEnd.pid);
    const opened = await openSessions(frontEnd.port);
    await delay(systemClock, settleMs);
    const full = residentMegabytes(frontEnd.pid);
    say(`${empty.toFixed(0)} MB without sessions, ${full.toFixed(0)} MB with ${opened.length}`);
    for (const session of opened) session.destroy();
    return { empty, full };
  } finally {
    await frontEnd.stop();
  }
}

export const sessionsBench: Bench = {
  about: 'memory of one front end with 2,000 idle sessions',
  roundsDefault: 3,
  async run({ rounds, say }) {
    await needPackages(['mariadb-server'], say);
    return await inBenchFolder(async (folder, ends) => {
      const [port = 0] = await freePorts(firstPort, 1, '127.0.0.1');
      const lines = [
        'read_only = OFF',
        `max_connections = ${sessions + 100}`,
        'max_prepared_stmt_count = 100000',
      ];
      const server = await startServer({ folder, name: 'alone', port, serverId: 1, lines, initialise: true });
      ends.push(server.stop);
      await makeAccount(server);
      const measured: Round[] = [];
      for (let round = 0; round < rounds; round++) measured.push(await measure(port, say));
      const perSession = measured.map(({ empty, full }) => ((full - empty) * 1000) / sessions);
      return {
        versions: { mariadb: versionOf('mariadbd') },
        results: [
          below(
            `memory of a front end with ${sessions} idle sessions`,
            'MB',
            measured.map(({ full }) => full),
            goalMegabytes,
          ),
          below(
            'the same process without sessions',
            'MB',
            measured.map(({ empty }) => empty),
            null,
          ),
          below('each session', 'kB', perSession, null),
        ],
      };
    });
  },
};
