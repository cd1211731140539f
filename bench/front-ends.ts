/** Starts front ends for benchmarks. */
import { fork } from 'node:child_process';
import { bundle } from '../scripts/support/bundle.js';
import type { FrontEndOpened, FrontEndOrder } from './front-end-process.js';

export interface BenchFrontEnd {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const sessionsMax = 4_000;

/**
 * Starts a front end before the server at `nodePort`, with the gate of a node that is alone.
 * @param profileFolder where a profile of its processor time is written when it ends; null for none
 */
export async function startFrontEnd(nodePort: number, profileFolder: string | null): Promise<BenchFrontEnd> {
  const [program = ''] = await bundle('bench/front-end-process', 'bench/front-end-process.ts');
  const execArgv = profileFolder === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  const child = fork(program, { execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const opened = new Promise<FrontEndOpened>((resolve, reject) => {
    child.once('message', (message) => resolve(message as FrontEndOpened));
    child.once('exit', (code) => reject(new Error(`the front end ended with ${code}`)));
  });
  child.send({ nodePort, sessionsMax } satisfies FrontEndOrder);
  const { port } = await opened;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = () => {
    child.disconnect();
    return ended;
  };
  return { port, pid: child.pid ?? 0, stop };
}
