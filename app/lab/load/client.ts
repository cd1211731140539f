/** The load generator as the lab and the coordinator hold it: a process that is started again when it dies. */
import { type ChildProcess, fork } from 'node:child_process';
import { setPriority } from 'node:os';
import {
  createMessageConnection,
  IPCMessageReader,
  IPCMessageWriter,
  type MessageConnection,
  type RequestType,
  ResponseError,
} from 'vscode-jsonrpc/node';
import type { Clock, Timer } from '../../base/clock.js';
import { type ErrorView, fromErrorView, messageOf, RingmasterError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { LoadSettings, LoadView } from '../../model/cluster.js';
import * as contract from './contract.js';

/** A generator that died is started again after this long, doubled each time it dies soon, up to the maximum. */
const restartMs = 500;
const restartMsMax = 30_000;
/** One that lived this long has recovered: the next pause is short again. */
const healthyMs = 60_000;
/** How much the generator gives way to everything else on this machine (nice(1)). */
const loadNiceness = 5;
/** How long a generator that was asked to stop may live. */
const stopMs = 8_000;

export interface LoadClientOptions {
  /** The bundled generator, `out/load/load.cjs`; or its source together with a loader in `execArgv`. */
  readonly programPath: string;
  /** The program that runs it; this process's own when left out. Under Electron it then runs as plain Node. */
  readonly execPath?: string;
  readonly execArgv?: readonly string[];
  readonly login: { readonly user: string; readonly password: string; readonly database: string };
  readonly settings: LoadSettings;
  readonly clock: Clock;
  readonly log: Log;
}

interface Child {
  readonly process: ChildProcess;
  readonly connection: MessageConnection;
  readonly startedAtMs: number;
}

/** Starts, steers and watches the load generator. */
export class LoadClient {
  private child: Child | null = null;
  private state: LoadView['state'] = 'stopped';
  private settings: LoadSettings;
  private targets: contract.LoadTargets = { writers: [], readers: [] };
  private stats: contract.LoadStats | null = null;
  /** Counts of generators that died, so that totals never go down. */
  private earlier = { transactions: 0, failedTransactions: 0, retriedTransactions: 0, unknownOutcomes: 0 };
  private problem: string | null = null;
  private pauseMs = restartMs;
  private restart: Timer | null = null;
  private wanted = false;
  private readonly listeners = new Set<(view: LoadView) => void>();

  constructor(private readonly options: LoadClientOptions) {
    this.settings = options.settings;
  }

  /** Starts the process. @throws RingmasterError load.failed when it cannot be started */
  async start(): Promise<void> {
    if (this.wanted) return;
    this.wanted = true;
    this.state = 'starting';
    this.tell();
    await this.spawn();
  }

  /**
   * Moves the load to these nodes; sessions elsewhere end their transaction and leave.
   * Resolves when none is left elsewhere and no write is in flight on an old writer. While the process is down
   * there is nothing to wait for, and the next one starts with these targets.
   */
  async setTargets(targets: contract.LoadTargets): Promise<void> {
    this.targets = targets;
    await this.request(contract.setTargetsRequest, targets);
  }

  /** Changes connections, share of writes and rate at once. */
  async setSettings(settings: LoadSettings): Promise<void> {
    this.settings = settings;
    await this.request(contract.setSettingsRequest, settings);
    this.tell();
  }

  /**
   * Makes the bank's tables and rows on this writer, if they are missing. To be called before the first targets are
   * set: sessions begin to work on targets at once.
   * @throws RingmasterError load.schema-failed, load.failed
   */
  async prepareSchema(writer: contract.LoadAddress): Promise<contract.SchemaReport> {
    const report = await this.request(contract.prepareSchemaRequest, { writer });
    if (!report) throw new RingmasterError('load.failed', { cause: this.problem ?? 'it is not running' });
    return report;
  }

  view(): LoadView {
    const { stats, earlier } = this;
    return {
      state: this.state,
      settings: this.settings,
      connected: stats?.connected ?? 0,
      transactions: earlier.transactions + (stats?.transactions ?? 0),
      failedTransactions: earlier.failedTransactions + (stats?.failedTransactions ?? 0),
      lastError: this.problem ?? stats?.lastError ?? null,
      sample: stats?.sample ?? null,
    };
  }

  /** What the view leaves out: retries, unknown outcomes and sessions per server. Null before the first second. */
  details(): Pick<contract.LoadStats, 'retriedTransactions' | 'unknownOutcomes' | 'sessions'> | null {
    if (!this.stats) return null;
    return {
      retriedTransactions: this.earlier.retriedTransactions + this.stats.retriedTransactions,
      unknownOutcomes: this.earlier.unknownOutcomes + this.stats.unknownOutcomes,
      sessions: this.stats.sessions,
    };
  }

  /** The generator's process; undefined while there is none. */
  get processId(): number | undefined {
    return this.child?.process.pid;
  }

  /** Calls `listener` each second and whenever the state changes, until the returned function is called. */
  onView(listener: (view: LoadView) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Ends all sessions, each after its transaction, and the process. */
  async stop(): Promise<void> {
    this.wanted = false;
    this.restart?.cancel();
    const { child } = this;
    if (child) {
      const ended = new Promise<void>((resolve) => child.process.once('exit', () => resolve()));
      const lastResort = this.options.clock.after(stopMs, () => child.process.kill('SIGKILL'));
      await this.request(contract.stopRequest, {}).catch(() => undefined);
      if (child.process.connected) child.process.disconnect();
      await ended;
      lastResort.cancel();
    }
    this.state = 'stopped';
    this.tell();
  }

  private async spawn(): Promise<void> {
    const { options } = this;
    const childProcess = fork(options.programPath, [], {
      ...(options.execPath === undefined ? {} : { execPath: options.execPath }),
      execArgv: [...(options.execArgv ?? [])],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    // The window must stay smooth beside it: the load gives way, on a machine that is not free it counts less.
    if (childProcess.pid !== undefined) setPriority(childProcess.pid, loadNiceness);
    const connection = createMessageConnection(
      new IPCMessageReader(childProcess),
      new IPCMessageWriter(childProcess),
    );
    connection.onError(([error]) => options.log.warn({ error: error.message }, 'load channel'));
    connection.onNotification(contract.statsNotification, (stats) => this.heard(stats));
    connection.listen();
    const child: Child = { process: childProcess, connection, startedAtMs: options.clock.monotonicMs() };
    this.child = child;
    let lastWords = '';
    childProcess.stderr?.on('data', (chunk: Buffer) => {
      lastWords = (lastWords + chunk.toString()).slice(-2_000);
    });
    childProcess.on('error', (error) => this.ended(child, messageOf(error)));
    childProcess.on('exit', (code, signal) => {
      this.ended(child, lastLine(lastWords) ?? (signal ? `killed by ${signal}` : `exit code ${code}`));
    });
    await this.request(contract.startRequest, { login: options.login, settings: this.settings });
    if (this.child !== child) throw new RingmasterError('load.failed', { cause: this.problem ?? 'it ended' });
    await this.request(contract.setTargetsRequest, this.targets);
    this.state = 'running';
    this.problem = null;
    this.tell();
  }

  /** Sends a request. @returns undefined when the process is not there (any more) to answer it */
  private async request<Params extends object, Reply>(
    type: RequestType<Params, Reply, ErrorView>,
    params: Params,
  ): Promise<Reply | undefined> {
    const { child } = this;
    if (!child) return undefined;
    try {
      return await child.connection.sendRequest<Reply>(type.method, params);
    } catch (error) {
      if (error instanceof ResponseError && error.data !== undefined) throw fromErrorView(error.data);
      if (this.child !== child) return undefined;
      throw new RingmasterError('load.failed', { cause: messageOf(error) }, { cause: error });
    }
  }

  private heard(stats: contract.LoadStats): void {
    this.stats = stats;
    this.tell();
  }

  private ended(child: Child, cause: string): void {
    if (this.child !== child) return;
    this.child = null;
    child.connection.dispose();
    if (this.stats) {
      this.earlier = {
        transactions: this.earlier.transactions + this.stats.transactions,
        failedTransactions: this.earlier.failedTransactions + this.stats.failedTransactions,
        retriedTransactions: this.earlier.retriedTransactions + this.stats.retriedTransactions,
        unknownOutcomes: this.earlier.unknownOutcomes + this.stats.unknownOutcomes,
      };
      this.stats = null;
    }
    if (!this.wanted) return;
    this.state = 'failed';
    this.problem = new RingmasterError('load.failed', { cause }).message;
    this.options.log.error({ cause }, 'load generator ended');
    this.tell();
    const { clock } = this.options;
    if (clock.monotonicMs() - child.startedAtMs > healthyMs) this.pauseMs = restartMs;
    this.restart = clock.after(this.pauseMs, () => {
      this.state = 'starting';
      this.tell();
      this.spawn().catch((error) => this.options.log.error({ error: messageOf(error) }, 'load generator'));
    });
    this.pauseMs = Math.min(this.pauseMs * 2, restartMsMax);
  }

  private tell(): void {
    const view = this.view();
    for (const listener of this.listeners) listener(view);
  }
}

const lastLine = (text: string): string | undefined =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .at(-1);
