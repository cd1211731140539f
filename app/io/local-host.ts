/** This machine as a Host: child processes and files through Node. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import {
  access,
  chown,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { availableParallelism, getPriority, setPriority, constants as system } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Clock } from '../base/clock.js';
import { messageOf, RingmasterError } from '../base/errors.js';
import type { Host, ProcessEnd, RunningCommand, RunOptions, RunResult } from '../model/ports.js';

/** Servers live in sbin folders, which are not in everybody's PATH. */
const serverFolders = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/local/mysql/bin',
  '/opt/homebrew/bin',
];
const stderrBytesMax = 64 * 1024;
/** How long a command may take to end after it was asked to. */
const stopPatienceMs = 5_000;

interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

const hasCode = (thrown: unknown, ...codes: string[]): boolean =>
  thrown instanceof Error && 'code' in thrown && codes.includes(String(thrown.code));

/** A peer goes before other programs (app/peer/priority.ts); the programs that it starts need not. */
function lowerToUsual(pid: number): void {
  const usual = system.priority.PRIORITY_NORMAL;
  try {
    if (getPriority() < usual) setPriority(pid, usual);
  } catch {
    // It has ended already.
  }
}

export class LocalHost implements Host {
  readonly name = 'this machine';
  readonly #clock: Clock;
  readonly #users = new Map<string, UserIds>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async findCommand(names: readonly string[]): Promise<string | undefined> {
    const folders = [...(process.env.PATH ?? '').split(delimiter), ...serverFolders].filter(
      (folder) => folder !== '',
    );
    for (const name of names) {
      for (const folder of folders) {
        const path = join(folder, name);
        const usable = await access(path, constants.X_OK).then(
          () => true,
          () => false,
        );
        if (usable) return path;
      }
    }
    return undefined;
  }

  async run(command: readonly string[], options: RunOptions): Promise<RunResult> {
    const running = await this.stream(command, options);
    running.stdin.end();
    const chunks: Buffer[] = [];
    running.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    const end = await running.ended;
    options.signal?.throwIfAborted();
    return {
      exitCode: end.exitCode ?? 128,
      stdout: Buffer.concat(chunks).toString('utf8'),
      stderr:
        end.signal === null ? running.stderrTail() : `${running.stderrTail()}\nended by ${end.signal}`.trim(),
    };
  }

  async stream(command: readonly string[], { runAs, signal }: RunOptions): Promise<RunningCommand> {
    signal?.throwIfAborted();
    const child = await this.#spawn(command, runAs, { stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdin, stdout, stderr, pid } = child;
    if (!stdin || !stdout || !stderr || pid === undefined)
      throw new RingmasterError('defect', { cause: 'a child without pipes' });
    let said = '';
    stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-stderrBytesMax);
    });
    // A command that ends early closes its input; the exit code tells the story, not the broken pipe.
    stdin.on('error', () => undefined);
    const ended = whenEnded(child, 'close');
    let over = false;
    const stop = () => {
      if (over) return;
      child.kill('SIGTERM');
      this.#clock.after(stopPatienceMs, () => {
        if (!over) child.kill('SIGKILL');
      });
    };
    signal?.addEventListener('abort', stop, { once: true });
    void ended.then(() => {
      over = true;
      signal?.removeEventListener('abort', stop);
    });
    return { pid, stdin, stdout, stderrTail: () => said.trim(), ended, stop };
  }

  async startDetached(
    command: readonly string[],
    { runAs, logFile }: { readonly runAs: string | null; readonly logFile: string },
  ) {
    const log = await open(logFile, 'a', 0o640).catch((thrown: unknown) => this.#refusePath(logFile, thrown));
    try {
      if (runAs !== null) {
        const { uid, gid } = await this.#idsOf(runAs);
        await log.chown(uid, gid);
      }
      const child = await this.#spawn(command, runAs, { detached: true, stdio: ['ignore', log.fd, log.fd] });
      child.unref();
      if (child.pid === undefined)
        throw new RingmasterError('defect', { cause: 'a child without a process id' });
      return { pid: child.pid, ended: whenEnded(child, 'exit') };
    } finally {
      await log.close();
    }
  }

  async signal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<boolean> {
    try {
      process.kill(pid, signal);
      return true;
    } catch (thrown) {
      if (hasCode(thrown, 'ESRCH')) return false;
      throw new RingmasterError(
        'host.command-failed',
        { command: `kill ${pid}`, exitCode: 1, output: messageOf(thrown), host: this.name },
        { cause: thrown },
      );
    }
  }

  async commandLine(pid: number): Promise<readonly string[] | undefined> {
    // Without a process file system (macOS) ps tells the same.
    if (process.platform !== 'linux') {
      const listed = await this.run(['ps', '-o', 'command=', '-p', String(pid)], { runAs: null });
      return listed.exitCode === 0 ? listed.stdout.trim().split(' ') : undefined;
    }
    const text = await this.readText(`/proc/${pid}/cmdline`).catch(() => undefined);
    // A zombie has an empty command line.
    return text === undefined || text === '' ? undefined : text.split('\0').filter((part) => part !== '');
  }

  async stat(path: string) {
    try {
      const found = await stat(path);
      const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
      return { kind, bytes: found.size } as const;
    } catch (thrown) {
      if (hasCode(thrown, 'ENOENT', 'ENOTDIR')) return undefined;
      return this.#refusePath(path, thrown);
    }
  }

  async readText(path: string): Promise<string | undefined> {
    try {
      return await readFile(path, 'utf8');
    } catch (thrown) {
      // ESRCH: the process behind a file of /proc ended between open and read.
      if (hasCode(thrown, 'ENOENT', 'ESRCH', 'ENOTDIR')) return undefined;
      return this.#refusePath(path, thrown);
    }
  }

  async readTail(path: string, bytes: number): Promise<string> {
    const size = (await this.stat(path))?.bytes ?? 0;
    const length = Math.min(size, bytes);
    return Buffer.from(await this.readBytes(path, size - length, length)).toString('utf8');
  }

  async readBytes(path: string, offset: number, length: number): Promise<Uint8Array> {
    const file = await open(path, 'r').catch(() => undefined);
    if (!file) return new Uint8Array();
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  async writeText(
    path: string,
    text: string,
    { mode, owner }: { readonly mode: number; readonly owner: string | null },
  ) {
    const temporary = `${path}.new`;
    try {
      await rm(temporary, { force: true });
      await writeFile(temporary, text, { mode, flag: 'wx' });
      if (owner !== null) {
        const { uid, gid } = await this.#idsOf(owner);
        await chown(temporary, uid, gid);
      }
      await rename(temporary, path);
    } catch (thrown) {
      await this.#refusePath(path, thrown);
    }
  }

  async writeInPlace(path: string, text: string): Promise<void> {
    await writeFile(path, text, { flag: 'r+' }).catch((thrown: unknown) => this.#refusePath(path, thrown));
  }

  async makeFolder(path: string, { mode, owner }: { readonly mode: number; readonly owner: string | null }) {
    try {
      await mkdir(path, { recursive: true, mode });
      if (owner !== null) {
        const { uid, gid } = await this.#idsOf(owner);
        await chown(path, uid, gid);
      }
    } catch (thrown) {
      await this.#refusePath(path, thrown);
    }
  }

  async removeEmptyFolder(path: string): Promise<void> {
    await rmdir(path).catch((thrown: unknown) =>
      hasCode(thrown, 'ENOENT') ? undefined : this.#refusePath(path, thrown),
    );
  }

  async remove(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch((thrown: unknown) =>
      this.#refusePath(path, thrown),
    );
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(from, to).catch((thrown: unknown) => this.#refusePath(from, thrown));
  }

  async list(path: string): Promise<readonly string[]> {
    return readdir(path).catch((thrown: unknown) =>
      hasCode(thrown, 'ENOENT') ? [] : this.#refusePath(path, thrown),
    );
  }

  async freeBytes(path: string): Promise<number> {
    return (await this.disk(path)).freeBytes;
  }

  async disk(path: string): Promise<{ freeBytes: number; totalBytes: number }> {
    const system = await statfs(path).catch((thrown: unknown) => this.#refusePath(path, thrown));
    return { freeBytes: system.bavail * system.bsize, totalBytes: system.blocks * system.bsize };
  }

  portFree(host: string, port: number): Promise<boolean> {
    return new Promise((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
    });
  }

  async processorCores(): Promise<number> {
    return availableParallelism();
  }

  async #spawn(
    command: readonly string[],
    runAs: string | null,
    options: SpawnOptions,
  ): Promise<ChildProcess> {
    const [program = '', ...rest] = command;
    const ids = runAs === null ? {} : await this.#idsOf(runAs);
    // The root folder can be reached by whoever runs the command; our own working folder perhaps not.
    const child = spawn(program, rest, { cwd: '/', ...options, ...ids });
    if (child.pid !== undefined) lowerToUsual(child.pid);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) =>
        reject(
          new RingmasterError(
            hasCode(cause, 'ENOENT') ? 'host.command-missing' : 'host.command-failed',
            {
              command: program,
              host: this.name,
              install: `apt-get install ${program}`,
              exitCode: 127,
              output: cause.message,
            },
            { cause },
          ),
        ),
      );
    });
    return child;
  }

  /** Ids of a user by name. */
  async #idsOf(user: string): Promise<UserIds> {
    const known = this.#users.get(user);
    if (known) return known;
    // `id` asks the same sources as login does (files, LDAP); parsing /etc/passwd would not.
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (flag) => {
        const answer = await this.run(['id', flag, user], { runAs: null });
        if (answer.exitCode !== 0)
          throw new RingmasterError('host.command-failed', {
            command: `id ${flag} ${user}`,
            exitCode: answer.exitCode,
            output: answer.stderr,
            host: this.name,
          });
        return Number(answer.stdout.trim());
      }),
    );
    const ids = { uid: uid ?? 0, gid: gid ?? 0 };
    this.#users.set(user, ids);
    return ids;
  }

  /** Turns a failure of the file system into an error of the table. */
  async #refusePath(path: string, thrown: unknown): Promise<never> {
    if (thrown instanceof RingmasterError) throw thrown;
    if (hasCode(thrown, 'ENOSPC', 'EDQUOT'))
      throw new RingmasterError(
        'host.disk-full',
        { path, host: this.name, freeMegabytes: 0, neededMegabytes: 'some' },
        { cause: thrown },
      );
    throw new RingmasterError(
      'host.path-denied',
      { path, host: this.name, cause: messageOf(thrown) },
      { cause: thrown },
    );
  }
}

/** Resolves at the end of a child; 'close' waits for its pipes too. */
function whenEnded(child: ChildProcess, event: 'exit' | 'close'): Promise<ProcessEnd> {
  return new Promise((resolve) => {
    child.once(event, (exitCode: number | null, signal: string | null) => resolve({ exitCode, signal }));
  });
}
