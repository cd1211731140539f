/** A real MariaDB server for a test: its own folder, port and socket; gone without a trace afterwards. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import mysql from 'mysql2/promise';
import { systemClock, waitFor } from '../../base/clock.js';
import { runsAsRoot } from '../folders.js';

const run = promisify(execFile);

/** The account that the tests' applications use. */
export const testLogin = { user: 'bank', password: 'open sesame', database: 'bank' } as const;

const find = (program: string): string =>
  ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin', '/opt/homebrew/sbin']
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path)) ?? program;

/** One server; `start` may be called again after `kill`. */
export class TestServer {
  readonly address: { readonly host: string; readonly port: number };
  private child: ChildProcess | null = null;

  private constructor(
    private readonly folder: string,
    port: number,
  ) {
    this.address = { host: '127.0.0.1', port };
  }

  /** Makes a new server with an empty `bank` database and starts it. */
  static async create(port: number, name: string): Promise<TestServer> {
    const parent = runsAsRoot() ? '/var/lib' : tmpdir();
    const folder = mkdtempSync(join(parent, `ringmaster-test-${name}-`));
    if (runsAsRoot()) await run('chown', ['mysql', folder]);
    await run(find('mariadb-install-db'), [
      '--no-defaults',
      `--datadir=${folder}/data`,
      // A starting server erases every #sql file of its temporary folder: a shared one breaks its neighbour's.
      `--tmpdir=${folder}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      ...(runsAsRoot() ? ['--user=mysql'] : []),
    ]);
    const server = new TestServer(folder, port);
    await server.start();
    await server.asRoot(
      `CREATE DATABASE ${testLogin.database}`,
      `CREATE USER ${testLogin.user}@'%' IDENTIFIED BY '${testLogin.password}'`,
      `GRANT ALL ON ${testLogin.database}.* TO ${testLogin.user}@'%'`,
    );
    return server;
  }

  async start(): Promise<void> {
    this.child = spawn(
      find('mariadbd'),
      [
        '--no-defaults',
        `--datadir=${this.folder}/data`,
        `--tmpdir=${this.folder}`,
        `--socket=${this.folder}/sql.sock`,
        `--pid-file=${this.folder}/sql.pid`,
        `--port=${this.address.port}`,
        '--bind-address=127.0.0.1',
        '--innodb-buffer-pool-size=32M',
        '--innodb-log-file-size=16M',
        '--innodb-flush-log-at-trx-commit=2',
        '--max-connections=500',
        '--skip-name-resolve',
        ...(runsAsRoot() ? ['--user=mysql'] : []),
      ],
      { stdio: 'ignore' },
    );
    const answered = await waitFor(
      systemClock,
      async () => {
        try {
          await this.asRoot('SELECT 1');
          return true;
        } catch {
          return undefined;
        }
      },
      { timeoutMs: 30_000 },
    );
    if (!answered) throw new Error(`the test server on port ${this.address.port} did not start`);
  }

  /** Runs statements as the server's root. @returns the rows of the last one */
  async asRoot(...statements: string[]): Promise<Record<string, unknown>[]> {
    const connection = await mysql.createConnection({ socketPath: `${this.folder}/sql.sock`, user: 'root' });
    try {
      let rows: unknown = [];
      for (const statement of statements) [rows] = await connection.query(statement);
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
    } finally {
      connection.destroy();
    }
  }

  /** Sessions of the application account, by the server's own list. */
  async sessions(): Promise<number> {
    const [row] = await this.asRoot(
      `SELECT COUNT(*) AS count FROM information_schema.processlist WHERE user = '${testLogin.user}'`,
    );
    return Number(row?.count);
  }

  /** Ends the server as a crash does. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** Ends the server and erases its folder. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
