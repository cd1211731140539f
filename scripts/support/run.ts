/** Running other programs: one place decides how their output, their end and our own interruption are handled. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The project's folder. */
export const projectFolder = resolve(import.meta.dirname, '../..');

/** How a program ended and what it said. `exitCode` is 128 when a signal ended it, as the signal says more. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Added to our own environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Ends the program with SIGTERM after this many milliseconds. */
  readonly timeoutMs?: number;
  /** Where its output goes beside the result: nowhere, or to our own streams as it comes. Default `nowhere`. */
  readonly show?: 'nowhere' | 'stderr' | 'both';
}

/** Runs a program to its end and collects what it says. A program that cannot be started ends with exit code 127. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? projectFolder,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
    });
    let stdout = '';
    let stderr = '';
    const show = options.show ?? 'nowhere';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk;
      if (show !== 'nowhere') (show === 'both' ? process.stdout : process.stderr).write(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk;
      if (show !== 'nowhere') process.stderr.write(chunk);
    });
    child.on('error', (error) => done({ exitCode: 127, stdout, stderr: `${stderr}${error.message}\n` }));
    child.on('close', (code) => done({ exitCode: code ?? 128, stdout, stderr }));
  });
}

/** Path of a program of node_modules/.bin. */
export function toolPath(name: string): string {
  return join(projectFolder, 'node_modules/.bin', name);
}

/** A terminal, npm and tsx may each deliver the same Ctrl-C: repeats within this time count as one. */
const sameSignalMs = 500;

/**
 * Runs a program in our place: it writes to our streams, gets our signals, and its exit code is the result. It stands
 * in a process group of its own, so that a Ctrl-C reaches it through us only, and once.
 */
export function runInOurPlace(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const child = spawn(command, args, {
    cwd: projectFolder,
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: process.platform !== 'win32',
  });
  const lastMs = new Map<NodeJS.Signals, number>();
  const passOn = (signal: NodeJS.Signals) => {
    const nowMs = performance.now();
    if (nowMs - (lastMs.get(signal) ?? Number.NEGATIVE_INFINITY) < sameSignalMs) return;
    lastMs.set(signal, nowMs);
    child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, passOn);
  return new Promise((done) => {
    const end = (exitCode: number) => {
      for (const signal of signals) process.off(signal, passOn);
      done(exitCode);
    };
    child.on('error', (error) => {
      process.stderr.write(`${error.message}\n`);
      end(127);
    });
    child.on('exit', (code, signal) => end(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

/** Folders of programs, those for administrators included, which are often missing from the PATH of a person. */
const programFolders = [
  ...(process.env.PATH ?? '').split(':'),
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
].filter((folder) => folder !== '');

/** Finds the first of these programs. */
export function findProgram(...names: readonly string[]): string | undefined {
  for (const name of names) {
    for (const folder of programFolders) {
      const path = join(folder, name);
      if (existsSync(path)) return path;
    }
  }
  return undefined;
}

/** Are we the administrator of this machine? Then Chromium's sandbox cannot start, and apt needs no sudo. */
export const isRoot = process.getuid?.() === 0;
