/** The built programs as an operator starts them: a lab without a window, and `ringmaster` beside it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { runsAsRoot } from '../../lab/folders.js';

const programs = join(import.meta.dirname, '../../../out/cli');

/** How a run of `ringmaster` ended, and what it said. */
export interface CommandRun {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

/** A run that goes on: to be interrupted. */
export interface CommandUnderWay {
  readonly process: ChildProcess;
  readonly ended: Promise<CommandRun>;
}

/** A new folder that the servers' own user can reach too. */
export const labFolder = (): Promise<string> =>
  mkdtemp(join(runsAsRoot() ? '/var/lib' : tmpdir(), 'ringmaster-test-command-'));

/** Starts `ringmaster` for the lab in `folder`, with nobody at the terminal. */
export function startCommand(folder: string, ...args: readonly string[]): CommandUnderWay {
  const child = spawn(process.execPath, [join(programs, 'ringmaster.cjs'), '--folder', folder, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
    ([[exitCode], out, err]) => ({ exitCode, out, err }),
  );
  return { process: child, ended };
}

/** Runs `ringmaster` to its end. */
export const runCommand = (folder: string, ...args: readonly string[]): Promise<CommandRun> =>
  startCommand(folder, ...args).ended;

/** A lab without a window, in a process of its own. */
export class LabProcess {
  private constructor(
    readonly folder: string,
    private readonly process: ChildProcess,
  ) {}

  /** Resolves when the lab says that it is ready. */
  static async start(folder: string, port: number, nodes: number, active: number): Promise<LabProcess> {
    const options = { folder, port, nodes, active, connections: 0 };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const child = spawn(process.execPath, [join(programs, 'lab.cjs'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const complaints = text(child.stderr);
    const first = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => null)]);
    if (first === null) throw new Error(`the lab did not start: ${await complaints}`);
    return new LabProcess(folder, child);
  }

  /** Stops the lab and its servers. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  async erase(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill(signal);
    await exited;
  }
}
