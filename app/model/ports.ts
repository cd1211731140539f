/** Ports: what the core asks of the world outside. Adapters live in app/io. */
import type { Readable, Writable } from 'node:stream';

/** How a process ended. Exactly one of the two is known, or neither when it was not our child. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  /** At most the last 64 kB. */
  readonly stderr: string;
}

export interface RunOptions {
  /** Operating-system user to run as; null for our own. Needs root when it is another. */
  readonly runAs: string | null;
  readonly signal?: AbortSignal | undefined;
}

/** A command whose bytes flow while it runs. */
export interface RunningCommand {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** What it said on standard error so far, at most the last 64 kB. */
  stderrTail(): string;
  /** Resolves when it ended; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** Asks it to end, and ends it by force when it did not after five seconds. Does nothing when it ended. */
  stop(): void;
}

/** A process that outlives us. */
export interface DetachedProcess {
  readonly pid: number;
  /** Resolves when it ended while we were its parent; never rejects. */
  readonly ended: Promise<ProcessEnd>;
}

export interface FileStat {
  readonly kind: 'file' | 'folder' | 'other';
  readonly bytes: number;
}

/**
 * Everything done on a machine. Paths are absolute paths of that machine. Failures of the operating system reject with
 * an error of the table (`host.*`).
 */
export interface Host {
  /** What people call the machine. */
  readonly name: string;
  /** Where a command is, searched in PATH and in the folders where servers are installed; undefined when missing. */
  findCommand(names: readonly string[]): Promise<string | undefined>;
  /** Runs a command to its end. A non-zero exit code is a result, not an error. */
  run(command: readonly string[], options: RunOptions): Promise<RunResult>;
  /** Starts a command with its streams open. */
  stream(command: readonly string[], options: RunOptions): Promise<RunningCommand>;
  /** Starts a process in its own session, its output appended to `logFile`. */
  startDetached(
    command: readonly string[],
    options: { readonly runAs: string | null; readonly logFile: string },
  ): Promise<DetachedProcess>;
  /** Sends a signal. Answers false when there is no such process. */
  signal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<boolean>;
  /** The command line of a live process; undefined when it does not exist or is only waiting to be buried. */
  commandLine(pid: number): Promise<readonly string[] | undefined>;
  stat(path: string): Promise<FileStat | undefined>;
  /** Text of a file; undefined when there is none. */
  readText(path: string): Promise<string | undefined>;
  /** The last `bytes` of a text file; empty when there is none. */
  readTail(path: string, bytes: number): Promise<string>;
  /** At most `length` bytes of a file from `offset`; fewer at its end, none when there is no file. */
  readBytes(path: string, offset: number, length: number): Promise<Uint8Array>;
  /** Writes a whole file, replacing it in one step. */
  writeText(
    path: string,
    text: string,
    options: { readonly mode: number; readonly owner: string | null },
  ): Promise<void>;
  /** Writes into a file that exists, such as one of the kernel's. */
  writeInPlace(path: string, text: string): Promise<void>;
  /** Makes a folder and its parents. The owner is given to the last one. */
  makeFolder(path: string, options: { readonly mode: number; readonly owner: string | null }): Promise<void>;
  removeEmptyFolder(path: string): Promise<void>;
  /** Removes a file or a whole folder; nothing happens when there is none. */
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  list(path: string): Promise<readonly string[]>;
  freeBytes(path: string): Promise<number>;
  /** The file system that this path is on. */
  disk(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
  /** Is the address free to listen on? */
  portFree(host: string, port: number): Promise<boolean>;
  processorCores(): Promise<number>;
}
