/** Structured logs: one JSON line each, to standard error or a file, named after the process that writes them. */
import pino from 'pino';

export type Log = pino.Logger;

/**
 * @param name the process or part that speaks, such as `peer.db1`
 * @param file where lines go; standard error when left out
 */
export function createLog(name: string, file?: string): Log {
  const level = process.env.RINGMASTER_LOG_LEVEL ?? 'info';
  const destination = pino.destination({ dest: file ?? 2, sync: true, mkdir: file !== undefined });
  return pino({ name, level, base: { name, pid: process.pid } }, destination);
}

/** A log that says nothing, for tests. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
