/**
 * A server process that is stopped (SIGSTOP, a debugger) keeps its connections open and answers nobody: its predecessor's
 * commits wait for its acknowledgement, and the ring waits for them. One that does not go on is ended, which is a crash as
 * any other: the others go on without it, its sessions are moved, and when it is back its data are compared. Ended rather
 * than left alone, because a server that goes on later would commit what it was in the middle of, past the ring.
 */
import type { Clock, Timer } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Host } from '../model/ports.js';

const lookEveryMs = 50;
/** So many looks one after the other must find it stopped: a peer that stood still itself has not looked. */
const looksMin = 4;

export interface StoppedWatchOptions {
  readonly host: Pick<Host, 'readText'>;
  readonly clock: Clock;
  readonly log: Log;
  /** The process of the server while others depend on it; null while nobody does. */
  readonly pid: () => number | null;
  /** How long a server may stand still. */
  readonly patienceMs: number;
  /** Ends the server. */
  readonly end: (why: string) => Promise<void>;
}

export class StoppedWatch {
  readonly #options: StoppedWatchOptions;
  #looking = false;
  #found: { readonly pid: number; readonly sinceMs: number; readonly looks: number } | null = null;

  constructor(options: StoppedWatchOptions) {
    this.#options = options;
  }

  /** Looks until the timer is cancelled. */
  begin(): Timer {
    return this.#options.clock.every(lookEveryMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      await this.#judge();
    } catch (thrown) {
      this.#options.log.warn({ cause: messageOf(thrown) }, 'the state of the server process is not known');
    } finally {
      this.#looking = false;
    }
  }

  async #judge(): Promise<void> {
    const { host, clock, pid: current, patienceMs, end, log } = this.#options;
    const pid = current();
    const text = pid === null ? undefined : await host.readText(`/proc/${pid}/stat`);
    const nowMs = clock.monotonicMs();
    if (pid === null || text === undefined || !isStopped(text) || pid !== current()) {
      this.#found = null;
      return;
    }
    const before = this.#found?.pid === pid ? this.#found : { pid, sinceMs: nowMs, looks: 0 };
    this.#found = { ...before, looks: before.looks + 1 };
    const stoodMs = nowMs - before.sinceMs;
    if (stoodMs < patienceMs || this.#found.looks < looksMin) return;
    this.#found = null;
    log.error({ pid, stoodMs }, 'the server process is stopped: ended, so that the others go on');
    await end(`its process was stopped (SIGSTOP) and did not go on within ${patienceMs} ms`);
  }
}

/**
 * `1234 (mariadbd) T 1 ...`: by a signal (T) or a debugger (t). The name may itself contain brackets.
 * Source: proc(5), /proc/pid/stat.
 */
export function isStopped(stat: string): boolean {
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  return state === 'T' || state === 't';
}
