/** A lab in a process of its own, driven over its local socket as the command line does: so it can be killed, too. */
import { type ChildProcess, spawn } from 'node:child_process';
import { userInfo } from 'node:os';
import { type Clock, waitFor } from '../../base/clock.js';
import { type ConsoleClient, connectToConsole } from '../../io/console/client.js';
import { consoleSocketPath } from '../folders.js';

/** How long a lab may take until it answers. */
const answerWithinMs = 30_000;
/** How long it may take to stop its servers in order. */
const stopWithinMs = 90_000;
const saidMax = 4_000;

export interface LabProcessOptions {
  readonly folder: string;
  /** First of the ports that it uses: the address of applications. */
  readonly port: number;
  /** The bundled program, `out/cli/lab.cjs`. */
  readonly program: string;
  /** Settings for the lab beside the usual ones, as arguments. */
  readonly more: readonly string[];
  readonly clock: Clock;
}

export class LabProcess {
  #said = '';

  private constructor(
    private readonly options: LabProcessOptions,
    private readonly child: ChildProcess,
    private client: ConsoleClient | null,
  ) {}

  /** Resolves as soon as it answers requests; its nodes go on starting. @throws Error with its last words */
  static async start(options: LabProcessOptions): Promise<LabProcess> {
    const { folder, port, program, more, clock } = options;
    const child = spawn(
      process.execPath,
      [
        program,
        ...['--folder', folder, '--port', `${port}`, '--nodes', '3', '--active', '3', '--connections', '0'],
        ...more,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const lab = new LabProcess(options, child, null);
    child.stderr?.on('data', (chunk: Buffer) => {
      lab.#said = (lab.#said + chunk.toString('utf8')).slice(-saidMax);
    });
    const client = await waitFor(
      clock,
      async () => {
        if (lab.hasEnded) throw new Error(`the lab ended at once: ${lab.#said.trim()}`);
        return await connectToConsole(consoleSocketPath(folder), { user: userInfo().username, clock });
      },
      { everyMs: 50, timeoutMs: answerWithinMs },
    );
    if (!client) {
      await lab.kill();
      throw new Error(`the lab does not answer: ${lab.#said.trim()}`);
    }
    lab.client = client;
    return lab;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** @throws Error when it was not started to the end */
  get console(): ConsoleClient {
    if (!this.client) throw new Error('the lab does not answer yet');
    return this.client;
  }

  /** Ends it without a chance to clean up. */
  async kill(): Promise<void> {
    this.client?.close();
    if (this.hasEnded) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }

  /** Stops the cluster in order. @returns false when it had to be killed */
  async stop(): Promise<boolean> {
    this.client?.close();
    if (this.hasEnded) return true;
    this.child.kill('SIGTERM');
    const ended = await waitFor(this.options.clock, () => (this.hasEnded ? true : undefined), {
      timeoutMs: stopWithinMs,
    });
    if (!ended) await this.kill();
    return ended === true;
  }
}
