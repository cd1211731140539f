/** Clients of applications that a benchmark watches from outside: who got which answer when, on the machine's own clock. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { bundle } from '../scripts/support/bundle.js';
import { atUsualPriority } from './child.js';
import type { ClientOrder, ClientRequest, ClientsReport } from './clients-process.js';

export interface Clients {
  /** Lets them work, each at its own address again, or rest. */
  run(on: boolean): void;
  report(): Promise<ClientsReport>;
  stop(): Promise<void>;
}

/** Starts the process; its clients rest until they are told to run. */
export async function startClients(order: ClientOrder): Promise<Clients> {
  const [program = ''] = await bundle('bench/clients-process', 'bench/clients-process.ts');
  const child: ChildProcess = fork(program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  atUsualPriority(child);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  // What is asked of a process that is ending is told to nobody.
  child.on('error', () => undefined);
  child.send(order);
  const ask = (request: ClientRequest) => child.send(request);
  return {
    run: (on) => ask({ kind: 'run', on }),
    report: async () => {
      const answer = once(child, 'message') as Promise<[ClientsReport]>;
      ask({ kind: 'report' });
      const [report] = await Promise.race([
        answer,
        ended.then((code) => {
          throw new Error(`the clients ended with ${code}`);
        }),
      ]);
      return report;
    },
    stop: async () => {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
