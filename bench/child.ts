/** A program that a benchmark runs beside itself and that must not outlive it. */
import type { ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';

/** @returns the call that ends it at once and resolves when it is gone */
export function endsWithUs(child: ChildProcess): () => Promise<void> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  return async () => {
    process.off('exit', kill);
    kill();
    await ended;
  };
}

/** A benchmark may have raised its own priority to observe well: what is measured runs at the usual one. */
export function atUsualPriority({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_NORMAL);
  } catch {
    // It has ended already: whoever waits for it says so.
  }
}
