/** Starts the coordinator as a utility process: database work never blocks windows, and a crash of it never ends them. */
import { utilityProcess } from 'electron';
import type { CoordinatorProcess } from './coordinator-keeper.js';
import type { FromCoordinator } from './coordinator-messages.js';
import type { CoordinatorSettings } from './coordinator-settings.js';

/** How much of what the process said last is kept to explain its end, characters. */
const lastWordsMax = 4000;

/** The line of a stack trace or message that says most: the last one that names an error, else the last one. */
function lastWordsOf(text: string): string | null {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.findLast((line) => /\b\w*(Error|Exception|FATAL)\b/.test(line)) ?? lines.at(-1) ?? null;
}

/**
 * @param script the built bundle of main/coordinator-process.ts
 * @returns the process, whose line works at once: messages wait until it listens
 */
export function forkCoordinator(script: string, settings: CoordinatorSettings): CoordinatorProcess {
  const child = utilityProcess.fork(script, [JSON.stringify(settings)], {
    serviceName: 'Ringmaster coordinator',
    execArgv: ['--max-semi-space-size=2'],
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let said = '';
  let pid: number | undefined;
  child.once('spawn', () => {
    pid = child.pid;
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-lastWordsMax);
    process.stderr.write(chunk);
  });
  return {
    line: {
      post: (message) => child.postMessage(message),
      onMessage(listener) {
        const receive = (message: unknown) => listener(message as FromCoordinator);
        child.on('message', receive);
        return () => void child.off('message', receive);
      },
    },
    onExit(listener) {
      child.once('exit', (code) => {
        const words = lastWordsOf(said);
        listener(`exit code ${code}${words ? `, ${words}` : ''}`);
      });
    },
    kill() {
      // child.kill() asks politely, and the coordinator leaves signals to the main process.
      if (pid === undefined) child.kill();
      else process.kill(pid, 'SIGKILL');
    },
  };
}
