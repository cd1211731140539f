/** MariaDB servers for benchmarks: with the configuration that a node gets, and only in what is compared different. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Connection, createConnection } from 'mysql2/promise';
import { systemClock, waitFor } from '../app/base/clock.js';
import { messageOf } from '../app/base/errors.js';
import type { PeerSettings } from '../app/contract/control.js';
import { serverConfiguration } from '../app/io/mariadb/configuration.js';
import { type NodeFolder, nodeFolder } from '../app/io/mariadb/node-folder.js';
import { serverId } from '../app/model/ids.js';
import { findProgram, isRoot } from '../scripts/support/run.js';
import { atUsualPriority, endsWithUs } from './child.js';
import { unlessInterrupted } from './interrupt.js';

const run = promisify(execFile);

/** The account that the load uses. */
export const benchAccount = { user: 'bench', password: 'bench', database: 'sbtest' } as const;
/** As a node of the lab has. */
const bufferPoolMegabytes = 64;
const startTimeoutMs = 60_000;

export interface BenchServer {
  readonly port: number;
  readonly pid: number;
  readonly folder: NodeFolder;
  /** A connection as root, which the caller ends. */
  connect(): Promise<Connection>;
  /** Ends it at once: nothing of it is needed any more. */
  stop(): Promise<void>;
}

export interface BenchServerOptions {
  /** A folder of `inBenchFolder`. */
  readonly folder: string;
  readonly name: string;
  readonly port: number;
  /** Number of the server in its group, from 1. */
  readonly serverId: number;
  /** Lines that come after those of a node and win over them: `read_only = OFF`. */
  readonly lines: readonly string[];
  /** Further options of the command line. */
  readonly commandLine?: readonly string[];
  /** How long it may take until it answers. Milliseconds. */
  readonly withinMs?: number;
  /** An empty folder is to become a database; otherwise the server fetches one itself. */
  readonly initialise: boolean;
}

/** User and group that servers run as: `mysql` when we are root, because MariaDB's own scripts refuse to be root. */
async function serverIds(): Promise<{ uid: number; gid: number } | undefined> {
  if (!isRoot) return undefined;
  const [uid, gid] = await Promise.all([run('id', ['-u', 'mysql']), run('id', ['-g', 'mysql'])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

/**
 * Makes a new folder that the servers' user can reach, and removes it when `use` is done or a signal asks the benchmark to
 * end, after it called what was put into `ends`, the last first.
 */
export async function inBenchFolder<Result>(
  use: (folder: string, ends: (() => Promise<void>)[]) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(isRoot ? '/var/lib' : tmpdir(), 'ringmaster-bench-'));
  const ends: (() => Promise<void>)[] = [];
  try {
    await chmod(folder, 0o755);
    return await unlessInterrupted(use(folder, ends));
  } finally {
    // All of them, whatever one of them says.
    for (const end of ends.reverse())
      await end().catch((error: unknown) => console.error(`Something did not end well: ${messageOf(error)}`));
    await rm(folder, { recursive: true, force: true });
  }
}

function settingsOf({ name, port, serverId: id }: BenchServerOptions, root: string): PeerSettings {
  return {
    node: name,
    serverId: serverId(id),
    folder: root,
    sql: { host: '127.0.0.1', port },
    admin: { user: 'root', password: '' },
    replication: { user: '', password: '' },
    application: benchAccount,
    controlSocket: join(root, 'control'),
    runAs: isRoot ? 'mysql' : null,
    bufferPoolMegabytes,
    cpuQuotaCores: null,
    logFile: join(root, 'log', 'peer.log'),
    endsWithParent: true,
    ring: null,
    frontEnd: null,
  };
}

async function makeFolders(folder: NodeFolder, ids: Awaited<ReturnType<typeof serverIds>>): Promise<void> {
  for (const path of [folder.root, folder.run, folder.log, folder.temporary, folder.data]) {
    await mkdir(path, { recursive: true });
    if (ids) await chown(path, ids.uid, ids.gid);
  }
}

/** Starts a server and resolves when it answers. @throws Error with the place of its log */
export async function startServer(options: BenchServerOptions): Promise<BenchServer> {
  const ids = await serverIds();
  const folder = nodeFolder(join(options.folder, options.name));
  await makeFolders(folder, ids);
  const configuration = serverConfiguration(settingsOf(options, folder.root), folder);
  await writeFile(folder.configuration, `${configuration}${options.lines.join('\n')}\n`);
  const defaults = `--defaults-file=${folder.configuration}`;
  if (options.initialise) {
    const install = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'];
    await run('mariadb-install-db', [defaults, ...install, '--wsrep-on=OFF'], { ...ids });
  }
  const program = findProgram('mariadbd') ?? 'mariadbd';
  const child = spawn(program, [defaults, ...(options.commandLine ?? [])], { ...ids, stdio: 'ignore' });
  atUsualPriority(child);
  const stop = endsWithUs(child);
  const connect = () => createConnection({ socketPath: folder.socket, user: 'root' });
  if (await untilAnswering(child, connect, options.withinMs ?? startTimeoutMs))
    return { port: options.port, pid: child.pid ?? 0, folder, connect, stop };
  await stop();
  throw new Error(`${options.name} did not start; its log is ${folder.serverLog}`);
}

async function untilAnswering(
  child: ChildProcess,
  connect: () => Promise<Connection>,
  timeoutMs: number,
): Promise<boolean> {
  const answered = await waitFor(
    systemClock,
    async () => {
      if (child.exitCode !== null || child.signalCode !== null) return false;
      try {
        const connection = await connect();
        await connection.end();
        return true;
      } catch {
        return undefined;
      }
    },
    { everyMs: 100, timeoutMs },
  );
  return answered === true;
}

/** Makes the account and the database of the load. */
export async function makeAccount(server: BenchServer): Promise<void> {
  const root = await server.connect();
  await root.query(`CREATE USER ${benchAccount.user}@'%' IDENTIFIED BY '${benchAccount.password}'`);
  await root.query(`GRANT ALL ON *.* TO ${benchAccount.user}@'%'`);
  await root.query(`CREATE DATABASE ${benchAccount.database}`);
  await root.end();
}

/** What a server outside of any ring has different from a node. */
const aloneLines = ['read_only = OFF'] as const;

/** One server by itself, with the load's account. */
export async function startAlone(folder: string, name: string, port: number): Promise<BenchServer> {
  const server = await startServer({ folder, name, port, serverId: 1, lines: aloneLines, initialise: true });
  await makeAccount(server);
  return server;
}
