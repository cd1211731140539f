/** Real peer processes with real servers, for integration tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { systemClock, waitFor } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { PeerControl, PeerSettings } from '../../contract/control.js';
import { connectToPeer } from '../../io/control/client.js';
import { serverId } from '../../model/ids.js';
import type { StepProgress } from '../../model/plan.js';

const root = process.getuid?.() === 0;
/** The mysql user cannot enter everybody's temporary folder, but it can enter this one. */
const parent = root ? '/var/lib' : tmpdir();

export interface TestPeer {
  readonly settings: PeerSettings;
  readonly control: PeerControl;
  readonly process: ChildProcess;
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(parent, 'ringmaster-test-peer-'));
  await chmod(folder, 0o755);
  return folder;
}

/** The peers of one test file: made on demand, ended and erased together. */
export class TestPeers {
  readonly #peers: TestPeer[] = [];
  readonly #connections: Connection[] = [];
  #folder: Promise<string> | null = null;

  /** Starts a peer; a second call with the same number starts it again on the same folder. */
  async start(number: number, changes: Partial<PeerSettings> = {}): Promise<TestPeer> {
    this.#folder ??= makeFolder();
    const place = await this.#folder;
    const folder = join(place, `db${number}`);
    const settings: PeerSettings = {
      node: `db${number}`,
      serverId: serverId(number),
      folder,
      sql: { host: '127.0.0.1', port: 22_100 + number },
      admin: { user: 'ringmaster', password: "secret 'of' #admin" },
      replication: { user: 'replicator', password: 'secret-of-replicator' },
      application: { user: 'bank', password: 'secret-of-bank', database: 'bank' },
      controlSocket: join(place, `db${number}.control`),
      runAs: root ? 'mysql' : null,
      bufferPoolMegabytes: 32,
      cpuQuotaCores: null,
      logFile: join(place, `db${number}.peer.log`),
      endsWithParent: false,
      ring: null,
      frontEnd: null,
      ...changes,
    };
    const file = join(place, `db${number}.json`);
    await writeFile(file, JSON.stringify(settings), { mode: 0o600 });
    const child = spawn(process.execPath, ['--import', 'tsx', resolve('app/peer/main.ts'), file], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const control = await waitFor(
      systemClock,
      () => connectToPeer(settings.node, settings.controlSocket).catch(() => undefined),
      { everyMs: 20, timeoutMs: 20_000 },
    );
    if (!control)
      throw new Error(
        `peer ${settings.node} does not listen; its log: ${await readFile(settings.logFile, 'utf8')}`,
      );
    const peer = { settings, control, process: child };
    this.#peers.push(peer);
    return peer;
  }

  /** An application's connection to a node. */
  async application(peer: TestPeer): Promise<Connection> {
    const { application, sql } = peer.settings;
    const connection = await createConnection({ ...sql, ...application });
    connection.on('error', () => undefined);
    this.#connections.push(connection);
    return connection;
  }

  /** Stops everything and erases it. */
  async end(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    for (const { process: child, control } of this.#peers) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      await control.call('peer.end', { stopServer: true }).catch((thrown: unknown) => {
        process.stderr.write(`peer.end: ${messageOf(thrown)}\n`);
        child.kill('SIGTERM');
      });
      await exited;
      control.close();
    }
    const folder = await this.#folder;
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }
}

/** The value in the first column of the first row. */
export async function valueAt(connection: Connection, statement: string): Promise<string> {
  const [rows] = await connection.query<RowDataPacket[]>(statement);
  return String(Object.values(rows[0] ?? {})[0] ?? '');
}

/** Writes all the time, on several connections, until stopped. */
export class WriteLoad {
  readonly #connections: Connection[];
  readonly #loops: Promise<void>[];
  #running = true;
  #pause: { readonly over: Promise<void>; readonly end: () => void } | null = null;
  #idle = 0;
  commits = 0;
  /** Rows of `entry` whose insertion was acknowledged. */
  inserts = 0;
  failures: string[] = [];

  private constructor(connections: Connection[]) {
    this.#connections = connections;
    this.#loops = connections.map((connection, index) => this.#run(connection, index));
  }

  static async start(peer: TestPeer, connections: number): Promise<WriteLoad> {
    const { application, sql } = peer.settings;
    const open = await Promise.all(
      Array.from({ length: connections }, () => createConnection({ ...sql, ...application })),
    );
    return new WriteLoad(open);
  }

  /** Resolves when no statement is under way any more. */
  async pause(): Promise<void> {
    let end: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#pause = { over, end };
    await waitFor(systemClock, () => (this.#idle === this.#loops.length ? true : undefined), {
      everyMs: 5,
      timeoutMs: 10_000,
    });
  }

  resume(): void {
    const pause = this.#pause;
    this.#pause = null;
    pause?.end();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.resume();
    await Promise.all(this.#loops);
    for (const connection of this.#connections) connection.destroy();
  }

  async #run(connection: Connection, index: number): Promise<void> {
    connection.on('error', () => undefined);
    for (let turn = 0; this.#running; turn++) {
      if (this.#pause) {
        this.#idle++;
        await this.#pause.over;
        this.#idle--;
      }
      try {
        if (turn % 4 === 0) {
          await connection.query('UPDATE account SET balance = balance + 1 WHERE id = ?', [1 + index]);
        } else {
          await connection.query('INSERT INTO entry (account, amount) VALUES (?, ?)', [1 + index, turn]);
          this.inserts++;
        }
        this.commits++;
      } catch (thrown) {
        this.failures.push(messageOf(thrown));
        return;
      }
    }
  }
}

/** The schema of the tests and some rows. */
export async function makeBank(connection: Connection): Promise<void> {
  await connection.query('CREATE TABLE account (id INT PRIMARY KEY, balance BIGINT NOT NULL)');
  await connection.query(
    'CREATE TABLE entry (id BIGINT AUTO_INCREMENT PRIMARY KEY, account INT NOT NULL, amount INT NOT NULL, note VARCHAR(200) NOT NULL DEFAULT (REPEAT("x", 180)))',
  );
  await connection.query('INSERT INTO account SELECT seq, 0 FROM seq_1_to_1000');
  await connection.query('INSERT INTO entry (account, amount) SELECT seq MOD 1000, seq FROM seq_1_to_5000');
}

/** A full copy from `donor`, put in place and started at its position. Answers where it stands. */
export async function copyOnto(
  joiner: TestPeer,
  donor: TestPeer,
  onProgress: (progress: StepProgress) => void,
): Promise<string> {
  const { dataBytes } = await donor.control.call('disk.space', {});
  const { address, token } = await joiner.control.call('copy.receive', { expectedBytes: dataBytes });
  const [{ binlogState }] = await Promise.all([
    donor.control.call('copy.send', { to: address, token, parallel: 2 }),
    joiner.control.call('copy.received', {}, { onProgress }),
  ]);
  const { position } = await joiner.control.call('copy.prepare', {});
  await joiner.control.call('copy.swap', {});
  await joiner.control.call('server.start', {});
  await joiner.control.call('copy.set-position', { position, donorBinlogState: binlogState });
  return position;
}
