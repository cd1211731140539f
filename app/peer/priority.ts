/**
 * Before everybody else on a busy machine: a peer that waits for a processor keeps the whole ring waiting, and looks dead
 * when it waits for too long. It needs a processor for microseconds at a time. corosync asks for SCHED_RR for the same
 * reason.
 */
import { readdirSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';

/** Linux knows priorities of threads: the collector's helpers keep the main thread waiting too. Numbers of threads. */
function ownThreads(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [process.pid];
  }
}

/**
 * Raises the own priority where that is permitted and nobody chose another one. What the peer starts gets the usual one
 * (app/io/local-host.ts).
 */
export function raisePriority(log: Log): void {
  try {
    if (getPriority() !== constants.priority.PRIORITY_NORMAL) return;
    for (const thread of ownThreads()) setPriority(thread, constants.priority.PRIORITY_ABOVE_NORMAL);
    log.info({ priority: getPriority() }, 'goes before other programs');
  } catch (thrown) {
    log.info({ cause: messageOf(thrown) }, 'waits for processors like every other program');
  }
}
