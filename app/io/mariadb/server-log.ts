/** What a server says about its troubles, turned into errors of the table. */
import { RingmasterError } from '../../base/errors.js';
import type { PeerSettings } from '../../contract/control.js';
import type { ProcessEnd } from '../../model/ports.js';

/** How much of the end of the log is read for a cause, bytes. */
export const logTailBytes = 32 * 1024;

/** "2026-11-22  1:42:37 0 [ERROR] Aborting" -> "Aborting" */
const errorLine = /^\S+\s+\S+\s+\d+ \[ERROR\] (.*)$/;

/** Lines that follow every failure and explain none. */
const hollow =
  /^(Aborting|.*Failed to initialize plugins|Plugin '\w+' init function returned error|Plugin '\w+' registration as a STORAGE ENGINE failed|Unknown\/unsupported storage engine: InnoDB)/;

/** The last line of a log that names a cause; undefined when there is none. */
export function lastErrorLine(log: string): string | undefined {
  const errors = log
    .split('\n')
    .map((line) => errorLine.exec(line)?.[1]?.trim())
    .filter((line): line is string => line !== undefined && line !== '');
  return errors.filter((line) => !hollow.test(line)).at(-1) ?? errors.at(-1);
}

/** How a server ended, in words that fit after "the server went away:". */
export function endInWords(end: ProcessEnd, log: string): string {
  if (end.signal !== null) return `killed by ${end.signal}`;
  const cause = lastErrorLine(log);
  if (end.exitCode !== null) return `exited with code ${end.exitCode}${cause ? `: ${cause}` : ''}`;
  // Not our child: nobody told us how it ended.
  return cause ? `it ended; its log says: ${cause}` : 'it ended without a word in its log';
}

/** The error for a start that failed, from what the log says. */
export function startFailure(
  settings: PeerSettings,
  facts: { end: ProcessEnd; log: string; logFile: string; host: string },
): RingmasterError {
  const { end, log, logFile, host } = facts;
  if (
    /Bind on TCP\/IP port.*Address already in use|Do you already have another server running on port/.test(
      log,
    )
  )
    return new RingmasterError('host.port-in-use', { port: settings.sql.port, host });
  if (/No space left on device|Disk is full/i.test(log))
    return new RingmasterError('host.disk-full', {
      path: settings.folder,
      host,
      freeMegabytes: 0,
      neededMegabytes: 'some',
    });
  if (/Permission denied|Errcode: 13\b/.test(log))
    return new RingmasterError('host.path-denied', {
      path: settings.folder,
      host,
      cause: lastErrorLine(log) ?? 'permission denied',
    });
  return new RingmasterError('server.start-failed', {
    node: settings.node,
    cause: endInWords(end, log),
    logFile,
  });
}
