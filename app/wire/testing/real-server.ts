/** A real MariaDB server for integration tests, and a raw client that captures what it says byte by byte. */
import { execFile, spawn } from 'node:child_process';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { systemClock, waitFor } from '../../base/clock.js';

const run = promisify(execFile);

export interface RealServer {
  readonly port: number;
  readonly folder: string;
  stop(): Promise<void>;
  /** Ends it at once, as `kill -9` does; the folder stays until `stop`. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, with what it had. */
  start(): Promise<void>;
}

/** Numeric ids of the `mysql` user: servers do not run as root. Undefined when the tests are not run by root. */
async function mysqlIds(): Promise<{ uid: number; gid: number } | undefined> {
  if (userInfo().uid !== 0) return undefined;
  const [uid, gid] = await Promise.all([run('id', ['-u', 'mysql']), run('id', ['-g', 'mysql'])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

/**
 * Starts a server with an empty database on 127.0.0.1: row-based binlog, no durability, user `app` with password
 * `secret` and all privileges.
 * @param name becomes part of the folder's name
 */
export async function startRealServer(
  port: number,
  name: string,
  settings: readonly string[] = [],
): Promise<RealServer> {
  const parent = userInfo().uid === 0 ? '/var/lib' : (process.env.TMPDIR ?? '/tmp');
  const folder = await mkdtemp(join(parent, `ringmaster-test-wire-${name}-`));
  const ids = await mysqlIds();
  if (ids) await chown(folder, ids.uid, ids.gid);
  const data = join(folder, 'data');
  await run(
    'mariadb-install-db',
    [
      '--no-defaults',
      `--datadir=${data}`,
      // A starting server erases every #sql file of its temporary folder: a shared one breaks its neighbour's.
      `--tmpdir=${folder}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ],
    { ...ids },
  );
  const launch = () =>
    spawn(
      'mariadbd',
      [
        '--no-defaults',
        `--datadir=${data}`,
        `--tmpdir=${folder}`,
        `--socket=${join(folder, 'socket')}`,
        `--pid-file=${join(folder, 'pid')}`,
        `--log-error=${join(folder, 'log')}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        '--log-bin=binlog',
        '--binlog-format=ROW',
        '--server-id=1',
        '--sync-binlog=0',
        '--innodb-flush-log-at-trx-commit=0',
        '--innodb-buffer-pool-size=64M',
        '--innodb-log-file-size=32M',
        '--local-infile=1',
        '--max-allowed-packet=64M',
        `--secure-file-priv=${folder}`,
        ...settings,
      ],
      { ...ids, stdio: 'ignore' },
    );
  let server = launch();
  // A test run that ends early must not leave a server behind.
  const endWithUs = () => server.kill('SIGKILL');
  process.once('exit', endWithUs);
  const kill = async () => {
    const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await ended;
  };
  const stop = async () => {
    process.off('exit', endWithUs);
    await kill();
    await rm(folder, { recursive: true, force: true });
  };
  const socketPath = join(folder, 'socket');
  const start = async () => {
    server = launch();
    await waitUntilReady(socketPath, () => server.exitCode === null, []);
  };
  const ready = await waitUntilReady(socketPath, () => server.exitCode === null, [
    "CREATE USER app@'%' IDENTIFIED BY 'secret'",
    "GRANT ALL ON *.* TO app@'%' WITH GRANT OPTION",
    'CREATE DATABASE shop',
  ]);
  if (!ready) {
    await stop();
    throw new Error(`the test server on port ${port} did not start`);
  }
  return { port, folder, stop, kill, start };
}

/** Runs `statements` as root as soon as the server answers. @returns false when it ended instead */
async function waitUntilReady(
  socketPath: string,
  runs: () => boolean,
  statements: readonly string[],
): Promise<boolean> {
  const ready = await waitFor(
    systemClock,
    async () => {
      try {
        const root = await createConnection({ socketPath, user: 'root' });
        for (const sql of statements) await root.query(sql);
        await root.end();
        return true;
      } catch {
        return runs() ? undefined : false;
      }
    },
    { everyMs: 50, timeoutMs: 30_000 },
  );
  return ready === true;
}

/** A socket that collects all that arrives until a condition holds. */
export class RawClient {
  private received: Buffer[] = [];
  private waiting: (() => void) | undefined;
  closed = false;

  private constructor(readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.received.push(chunk);
      this.waiting?.();
    });
    const close = () => {
      this.closed = true;
      this.waiting?.();
    };
    socket.on('close', close);
    socket.on('error', close);
  }

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port }, () => resolve(new RawClient(socket)));
      socket.once('error', reject);
    });
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** All bytes since the last call, as soon as `enough` accepts them. @throws Error when the server closes first */
  async until(enough: (bytes: Buffer) => boolean): Promise<Buffer> {
    for (;;) {
      const bytes = Buffer.concat(this.received);
      if (enough(bytes)) {
        this.received = [];
        return bytes;
      }
      if (this.closed)
        throw new Error(`the server closed after ${bytes.length} bytes: ${bytes.toString('latin1')}`);
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
  }

  end(): void {
    this.socket.destroy();
  }
}
