/** The console's door for the command line: the same gate as the windows', behind a local socket. */
import { messageOf } from '../app/base/errors.js';
import type { Log } from '../app/base/log.js';
import type { NamedPush } from '../app/contract/window.js';
import type { RequestGate } from '../app/coordinator/gate/request-gate.js';
import { answerCommandLine } from '../app/lab/command-line.js';

export interface CommandLineDoor {
  /** Passes a push on to whoever follows the cluster on the command line. */
  tell(push: NamedPush): void;
  close(): Promise<void>;
}

/** Opens the door. A console whose socket cannot be opened goes on without it, and its log says why. */
export function openToCommandLine(labFolder: string, gate: RequestGate, log: Log): CommandLineDoor {
  const opening = answerCommandLine(labFolder, gate, log).catch((thrown: unknown) => {
    log.warn({ cause: messageOf(thrown) }, 'the command line cannot reach this console');
    return null;
  });
  return {
    tell: (push) => void opening.then((server) => server?.push(push)),
    close: async () => (await opening)?.close(),
  };
}
