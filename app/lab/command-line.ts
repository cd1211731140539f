/** Opens the console of a lab to the command line: its socket, before the gate that windows pass too. */
import type { Log } from '../base/log.js';
import { commandLineUser } from '../contract/command-line.js';
import type { RequestGate } from '../coordinator/gate/request-gate.js';
import { ConsoleServer } from '../io/console/server.js';
import { consoleSocketPath } from './folders.js';
import { makeFolder } from './lab-files.js';

/**
 * Answers command lines for the lab in `folder`.
 * @throws RingmasterError `console.taken` when another console answers for this lab, `host.path-denied`
 */
export async function answerCommandLine(folder: string, gate: RequestGate, log: Log): Promise<ConsoleServer> {
  await makeFolder(folder);
  return ConsoleServer.listen(
    consoleSocketPath(folder),
    (name, { payload, user, confirmed }) =>
      gate({ fromOwner: true, by: commandLineUser(user), name, payload, confirmed }),
    log,
  );
}
