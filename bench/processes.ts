/** Memory and processor time of a program with everything it started, from /proc. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** One process at one moment. */
export interface ProcessSample {
  readonly pid: number;
  readonly command: string;
  /** Proportional set size: memory that it has in RAM, shared pages divided among those who share them. */
  readonly pssBytes: number;
  /** User and system time so far. */
  readonly cpuSeconds: number;
}

/** Ticks per second of /proc/<pid>/stat: USER_HZ, 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Fields of /proc/<pid>/stat after the command, which may itself contain spaces and brackets. */
function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function sampleOf(pid: number): ProcessSample {
  const fields = statOf(pid);
  const pss = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  return {
    pid,
    command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim(),
    pssBytes: Number(pss?.[1] ?? 0) * 1024,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
  };
}

/** What could be read of a process; undefined when it ended meanwhile. */
function ifAlive<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** `root` and all its descendants. Processes that end while they are looked at are left out. */
export function processTree(root: number): ProcessSample[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const parent = ifAlive(() => Number(statOf(pid)[1]));
    if (parent !== undefined) parents.set(pid, parent);
  }
  const belongs = (pid: number): boolean => {
    for (let current: number | undefined = pid; current; current = parents.get(current)) {
      if (current === root) return true;
    }
    return false;
  };
  return [...parents.keys()].filter(belongs).flatMap((pid) => ifAlive(() => sampleOf(pid)) ?? []);
}
