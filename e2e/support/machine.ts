/** What a test sees of the machine: processes, ports, sockets, folders. Linux's /proc is enough for the tests. */
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFree } from '../../app/lab/ports.js';

/** One running process. */
export interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It ended while we looked.
    return '';
  }
};

/** All processes of this machine; those that have ended and only wait for their parent are left out. */
function allProcesses(): RunningProcess[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((name) => {
    // "pid (name) state parent …": the name may contain anything, so what follows the last bracket counts.
    const [state, parent] = textOf(`/proc/${name}/stat`).split(') ').at(-1)?.split(' ') ?? [];
    const command = textOf(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim();
    if (command === '' || state === 'Z') return [];
    return [{ pid: Number(name), parent: Number(parent), command }];
  });
}

/** A process and everything that descends from it. */
export function processTree(root: number): RunningProcess[] {
  const all = allProcesses();
  const tree = all.filter((process) => process.pid === root);
  for (let known = 0; known < tree.length; known++) {
    const parent = tree[known];
    tree.push(...all.filter((process) => process.parent === parent?.pid));
  }
  return tree;
}

/** Processes that were started with this folder in their command line, whoever their parent is now. */
export const processesOf = (folder: string): RunningProcess[] =>
  allProcesses().filter(
    (process) => process.command.includes(folder) && process.pid !== globalThis.process.pid,
  );

/** Those of `processes` that still run; a number that was given to another program does not count. */
export function stillRunning(processes: readonly RunningProcess[]): RunningProcess[] {
  const now = new Map(allProcesses().map((process) => [process.pid, process.command]));
  return processes.filter((process) => now.get(process.pid) === process.command);
}

/**
 * Below the range from which the system draws the near ends of outgoing connections (32768 and up): a server that starts
 * minutes later must not find that one of hundreds of clients got its port meanwhile.
 */
const ports = { first: 24_000, last: 31_900 } as const;
/** The lab takes the ports above the one that it is given. */
const portsOfLab = 12;

/** A port of loopback that nobody listens on now, nor on those above it that a lab takes. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(ports.first, ports.last);
    const wanted = Array.from({ length: portsOfLab }, (_, index) => port + index);
    const free = await Promise.all(wanted.map((each) => isFree(each, '127.0.0.1')));
    if (free.every(Boolean)) return port;
  }
}

/** Ports of loopback, of those given, that somebody listens on. */
export function listening(ports: readonly number[]): number[] {
  const listen = '0A';
  const open = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) =>
      textOf(path)
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields[3] === listen)
        .map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '', 16)),
    ),
  );
  return ports.filter((port) => open.has(port));
}

/** Paths of the local sockets below a folder that some process still holds. */
export const localSockets = (folder: string): string[] =>
  textOf('/proc/net/unix')
    .split('\n')
    .flatMap((line) => line.split(/\s+/).filter((field) => field.startsWith(`${folder}/`)));

/** A new folder that the servers' own user can reach too. */
export async function openFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  await chmod(folder, 0o755);
  return folder;
}
