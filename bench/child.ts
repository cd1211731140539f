/** A program that a benchmark runs beside itself and that must not outlive it. */
import type { ChildProcess } from 'node:child_process';

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
