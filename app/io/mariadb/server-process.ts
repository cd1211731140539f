/**
 * The MariaDB server of one node as a process: made, started, adopted, stopped, and its end noticed at once.
 *
 *   no-data --initialise--> stopped --start--> starting --> running --stop--> stopping --> stopped
 *                              ^                  |            |
 *                              +---- failed ------+            +-- ended by itself --> stopped (unexpected)
 */
import { join } from 'node:path';
import { type Clock, delay, waitFor } from '../../base/clock.js';
import { RingmasterError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { PeerSettings, ServerStatus } from '../../contract/control.js';
import type { Host, ProcessEnd } from '../../model/ports.js';
import { accountsSql } from './accounts.js';
import { Admin, textOf } from './admin.js';
import { serverConfiguration } from './configuration.js';
import type { NodeFolder } from './node-folder.js';
import { OwnOptions } from './own-options.js';
import { endInWords, logTailBytes, startFailure } from './server-log.js';

/** Space for the system tablespaces, the redo log and a few binlogs. */
const freeBytesMin = 300_000_000;
/** How long a start may take as long as nothing moves in its log. Crash recovery of large data writes as it goes. */
const startStallMs = 60_000;
/** How often a server that is not our child is looked at; its connection tells sooner. */
const adoptedPollMs = 500;

/** What recovery says when it could not drop the tail of the binlog. */
const keptTail = /Cannot truncate the binary log/;

interface Live {
  readonly pid: number;
  /** Resolves when it ended. */
  readonly ended: Promise<ProcessEnd>;
}

interface Watched extends Live {
  /** Resolves when it ended and the status says so. */
  readonly buried: Promise<void>;
}

export class ServerProcess {
  readonly ownOptions: OwnOptions;
  readonly #settings: PeerSettings;
  readonly #folder: NodeFolder;
  readonly #host: Host;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #changed: () => void;
  readonly #died: () => void;
  #status: ServerStatus = { kind: 'no-data' };
  #live: Watched | null = null;
  #killedBecause: string | null = null;

  /** @param tools `died`: it ended by itself, and nobody knows yet why; the status follows when its log is read */
  constructor(
    settings: PeerSettings,
    folder: NodeFolder,
    tools: { host: Host; clock: Clock; log: Log; changed: () => void; died: () => void },
  ) {
    this.#settings = settings;
    this.#folder = folder;
    this.#host = tools.host;
    this.ownOptions = new OwnOptions(settings, folder, tools.host);
    this.#clock = tools.clock;
    this.#log = tools.log;
    this.#changed = tools.changed;
    this.#died = tools.died;
  }

  get status(): ServerStatus {
    return this.#status;
  }

  /** The process id while there is a process. */
  get pid(): number | null {
    return this.#live?.pid ?? null;
  }

  /** Finds out how things stand when the peer starts: a server that went on without us is adopted. */
  async discover(): Promise<void> {
    await this.#makeFolders();
    if (!(await this.hasData())) return this.#become({ kind: 'no-data' });
    const pid = await this.#runningPid();
    if (pid === undefined) {
      const wanted = (await this.#host.stat(this.#folder.wantedFile)) !== undefined;
      return this.#become({
        kind: 'stopped',
        unexpected: wanted,
        reason: wanted ? 'it was found dead when its peer started' : 'it was stopped',
      });
    }
    void this.#watch({ pid, ended: this.#pollEnd(pid) });
    this.#become({ kind: 'starting' });
    await this.#becomeRunning();
    this.#log.info({ pid }, 'adopted a running server');
  }

  /** Is there a database? A half-made one counts as none: initialise removes it. */
  async hasData(): Promise<boolean> {
    return (await this.#host.stat(join(this.#folder.data, 'ibdata1'))) !== undefined;
  }

  /** After data came or went under a stopped server. */
  async dataChanged(): Promise<void> {
    if (this.#live) return;
    this.#become(
      (await this.hasData())
        ? { kind: 'stopped', unexpected: false, reason: 'its data was replaced' }
        : { kind: 'no-data' },
    );
  }

  /**
   * Makes an empty database with our accounts; does nothing when there is one. In a folder of its own and renamed at the
   * end, so that a half-made database never looks like one.
   * @throws host.command-missing, host.disk-full, host.path-denied, host.command-failed
   */
  async initialise(signal?: AbortSignal): Promise<void> {
    if (await this.hasData()) return;
    await this.#preflight();
    const install = await this.#command(['mariadb-install-db', 'mysql_install_db']);
    const { runAs } = this.#settings;
    const making = join(this.#folder.root, 'data.new');
    const accounts = join(this.#folder.run, 'accounts.sql');
    await this.#host.remove(making);
    await this.#host.makeFolder(making, { mode: 0o750, owner: runAs });
    await this.#writeConfiguration();
    await this.#host.writeText(accounts, accountsSql(this.#settings), { mode: 0o600, owner: runAs });
    try {
      const result = await this.#host.run(
        [
          install,
          `--defaults-file=${this.#folder.configuration}`,
          `--datadir=${making}`,
          '--auth-root-authentication-method=normal',
          '--skip-test-db',
          '--skip-name-resolve',
          `--extra-file=${accounts}`,
          // Thousands of small waits for the disk. A machine that loses power within the next half minute loses a
          // database in which nothing was written yet.
          '--loose-innodb-flush-method=nosync',
          '--loose-debug-no-sync',
        ],
        { runAs, signal },
      );
      if (result.exitCode !== 0) throw await this.#installFailure(install, result.exitCode, result.stderr);
      await this.#host.remove(this.#folder.data);
      await this.#host.rename(making, this.#folder.data);
    } finally {
      await this.#host.remove(accounts);
      await this.#host.remove(making);
    }
    this.#become({ kind: 'stopped', unexpected: false, reason: 'it was never started' });
  }

  /**
   * Starts the server and resolves when it answers. Nothing happens when it runs.
   * @throws server.no-data, host.port-in-use, host.disk-full, host.path-denied, server.start-failed, server.start-slow
   */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.#status.kind === 'running') return;
    if (!(await this.hasData())) throw new RingmasterError('server.no-data', { node: this.#settings.node });
    await this.#preflight();
    const program = await this.#command(['mariadbd', 'mysqld']);
    const { sql, runAs } = this.#settings;
    if (!(await this.#host.portFree(sql.host, sql.port)))
      throw new RingmasterError('host.port-in-use', { port: sql.port, host: this.#host.name });
    await this.#writeConfiguration();
    await this.#host.remove(this.#folder.temporary);
    await this.#host.makeFolder(this.#folder.temporary, { mode: 0o750, owner: runAs });
    await this.#host.writeText(this.#folder.wantedFile, 'running\n', { mode: 0o644, owner: null });
    try {
      await this.#launch(program, [], signal).catch(async (thrown: unknown) => {
        // A DDL behind changes in doubt keeps recovery from dropping the tail of the binlog. Then all of it is kept, and
        // the coordinator compares it with the ring as it does after every crash.
        if (!keptTail.test(await this.readLog())) throw thrown;
        this.#log.warn('the binlog cannot be truncated; its tail is kept');
        await this.#launch(program, ['--init-rpl-role=MASTER'], signal);
      });
      await this.#becomeRunning();
    } catch (thrown) {
      await this.#host.remove(this.#folder.wantedFile);
      this.#become({ kind: 'stopped', unexpected: false, reason: 'it did not start' });
      throw thrown;
    }
  }

  /** Starts the process and resolves when it answers; when it does not, ends it. */
  async #launch(program: string, more: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    // What this start says begins here: an old complaint must not explain a new failure.
    const logFrom = (await this.#host.stat(this.#folder.serverLog))?.bytes ?? 0;
    this.#become({ kind: 'starting' });
    const live = await this.#host.startDetached(
      [program, `--defaults-file=${this.#folder.configuration}`, ...more],
      { runAs: this.#settings.runAs, logFile: this.#folder.serverLog },
    );
    const buried = this.#watch(live);
    try {
      await this.#untilAnswering(live, logFrom, signal);
    } catch (thrown) {
      if (this.#live) {
        this.#become({ kind: 'stopping' });
        await this.#host.signal(live.pid, 'SIGTERM');
      }
      await buried;
      throw thrown;
    }
  }

  /**
   * Stops the server cleanly, however long its last writes take. Never ends it by force: a clean stop keeps everything,
   * and an operator can see that it is stopping.
   */
  async stop(): Promise<void> {
    await this.#host.remove(this.#folder.wantedFile);
    const live = this.#live;
    if (!live) {
      if (this.#status.kind === 'stopped')
        this.#become({ kind: 'stopped', unexpected: false, reason: 'it was stopped' });
      return;
    }
    this.#become({ kind: 'stopping' });
    await this.#host.signal(live.pid, 'SIGTERM');
    await live.buried;
  }

  /** Ends it at once, as a crash does. @param why what is told of its end */
  async kill(why: string): Promise<void> {
    const live = this.#live;
    if (!live) return;
    this.#killedBecause = why;
    await this.#host.signal(live.pid, 'SIGKILL');
    await live.buried;
  }

  /** Reads again whether the server is read-only. */
  async refresh(admin: Admin): Promise<void> {
    const live = this.#live;
    const row = await admin.one('SELECT VERSION() AS version, @@global.read_only AS readOnly');
    // It may have begun to stop, or ended, while the answer was on its way.
    const { kind } = this.#status;
    if (!live || live !== this.#live || (kind !== 'running' && kind !== 'starting')) return;
    const status: ServerStatus = {
      kind: 'running',
      pid: live.pid,
      version: textOf(row, 'version').replace(/-MariaDB.*$/, ''),
      readOnly: textOf(row, 'readOnly') === '1',
    };
    if (JSON.stringify(status) !== JSON.stringify(this.#status)) this.#become(status);
  }

  /** The end of the server's log, for error messages. */
  readLog(): Promise<string> {
    return this.#host.readTail(this.#folder.serverLog, logTailBytes);
  }

  /** @throws server.not-running unless it runs */
  requireRunning(): void {
    if (this.#status.kind !== 'running')
      throw new RingmasterError('server.not-running', { node: this.#settings.node });
  }

  #become(status: ServerStatus): void {
    this.#status = status;
    this.#changed();
  }

  async #becomeRunning(): Promise<void> {
    const admin = await Admin.local(this.#settings, this.#folder);
    try {
      await this.refresh(admin);
    } finally {
      await admin.close();
    }
  }

  /** Answers a promise of its end that resolves when the status tells it. */
  #watch(live: Live): Promise<void> {
    const buried = live.ended.then(async (end) => {
      if (this.#status.kind === 'running') this.#died();
      const log = await this.readLog().catch(() => '');
      const wanted = this.#status.kind !== 'stopping';
      this.#live = null;
      const reason = wanted ? (this.#killedBecause ?? endInWords(end, log)) : 'it was stopped';
      this.#killedBecause = null;
      this.#log[wanted ? 'warn' : 'info']({ end, reason }, 'the server ended');
      this.#become({ kind: 'stopped', unexpected: wanted, reason });
    });
    this.#live = { ...live, buried };
    return buried;
  }

  /** The end of a process that is not our child. */
  async #pollEnd(pid: number): Promise<ProcessEnd> {
    while ((await this.#host.commandLine(pid)) !== undefined) await delay(this.#clock, adoptedPollMs);
    return { exitCode: null, signal: null };
  }

  /** The process that runs our data, by its pid file; undefined when that process is gone or another. */
  async #runningPid(): Promise<number | undefined> {
    const pid = Number((await this.#host.readText(this.#folder.pidFile))?.trim());
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    const command = await this.#host.commandLine(pid);
    return command?.some((part) => part.includes(this.#folder.configuration)) ? pid : undefined;
  }

  async #untilAnswering(live: Live, logFrom: number, signal?: AbortSignal): Promise<void> {
    let end: ProcessEnd | undefined;
    void live.ended.then((how) => {
      end = how;
    });
    let logBytes = logFrom;
    for (;;) {
      const answered = await waitFor(
        this.#clock,
        async () => {
          if (end) return true;
          return Admin.local(this.#settings, this.#folder).then(
            (admin) => admin.close().then(() => true as const),
            (thrown: unknown) => {
              if (thrown instanceof RingmasterError && thrown.code === 'server.not-running') return undefined;
              throw thrown;
            },
          );
        },
        { everyMs: 40, timeoutMs: startStallMs, signal },
      );
      if (end) {
        const bytes = (await this.#host.stat(this.#folder.serverLog))?.bytes ?? 0;
        const log = await this.#host.readTail(
          this.#folder.serverLog,
          Math.min(logTailBytes, Math.max(0, bytes - logFrom)),
        );
        throw startFailure(this.#settings, {
          end,
          log,
          logFile: this.#folder.serverLog,
          host: this.#host.name,
        });
      }
      if (answered) return;
      const bytes = (await this.#host.stat(this.#folder.serverLog))?.bytes ?? 0;
      if (bytes === logBytes)
        throw new RingmasterError('server.start-slow', {
          node: this.#settings.node,
          seconds: startStallMs / 1000,
          logFile: this.#folder.serverLog,
        });
      logBytes = bytes;
    }
  }

  async #preflight(): Promise<void> {
    await this.#makeFolders();
    const free = await this.#host.freeBytes(this.#folder.root);
    if (free < freeBytesMin)
      throw new RingmasterError('host.disk-full', {
        path: this.#folder.root,
        host: this.#host.name,
        freeMegabytes: Math.floor(free / 1e6),
        neededMegabytes: freeBytesMin / 1e6,
      });
    const { runAs } = this.#settings;
    if (runAs === null) return;
    // A folder can belong to the user and still be out of its reach, below somebody's closed home.
    const reach = await this.#host.run(['test', '-w', this.#folder.run], { runAs });
    if (reach.exitCode !== 0)
      throw new RingmasterError('host.path-denied', {
        path: this.#folder.root,
        host: this.#host.name,
        cause: `the user ${runAs} cannot write there`,
      });
  }

  async #makeFolders(): Promise<void> {
    const owner = this.#settings.runAs;
    for (const path of [this.#folder.root, this.#folder.run, this.#folder.log, this.#folder.temporary])
      await this.#host.makeFolder(path, { mode: 0o750, owner });
  }

  async #writeConfiguration(): Promise<void> {
    await this.#host.writeText(
      this.#folder.configuration,
      serverConfiguration(this.#settings, this.#folder, await this.ownOptions.load()),
      {
        mode: 0o640,
        owner: this.#settings.runAs,
      },
    );
  }

  async #command(names: readonly [string, ...string[]]): Promise<string> {
    const path = await this.#host.findCommand(names);
    if (path === undefined)
      throw new RingmasterError('host.command-missing', {
        command: names[0],
        host: this.#host.name,
        install: 'apt-get install mariadb-server mariadb-backup',
      });
    return path;
  }

  async #installFailure(command: string, exitCode: number, stderr: string): Promise<RingmasterError> {
    const log = await this.readLog();
    const failure = startFailure(this.#settings, {
      end: { exitCode, signal: null },
      log,
      logFile: this.#folder.serverLog,
      host: this.#host.name,
    });
    if (failure.code !== 'server.start-failed') return failure;
    return new RingmasterError('host.command-failed', {
      command,
      exitCode,
      output: stderr.split('\n').slice(-5).join(' ').trim() || endInWords({ exitCode, signal: null }, log),
      host: this.#host.name,
    });
  }
}
