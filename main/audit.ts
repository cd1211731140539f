/**
 * The audit log: one JSON line when somebody asks for a change and one when its outcome is known, so that a request
 * that was cut off by a crash is still seen. Lines are appended and never rewritten.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../app/base/clock.js';
import type { ErrorCode } from '../app/base/errors.js';
import type { RequestName } from '../app/contract/window.js';

/** What became of a request. */
export type AuditOutcome = 'asked' | 'done' | 'refused' | 'failed';

export interface AuditLine {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Joins the two lines of one request; counts from 1 in each run of the program `run`. */
  readonly id: number;
  readonly run: string;
  /** Operating-system user at this console. */
  readonly who: string;
  readonly request: RequestName;
  readonly payload: unknown;
  readonly outcome: AuditOutcome;
  readonly error: ErrorCode | null;
}

export interface Audit {
  /** Numbers a new request and notes that it was asked for. */
  asked(request: RequestName, payload: unknown): number;
  /** Notes what became of request `id`. */
  ended(
    id: number,
    request: RequestName,
    payload: unknown,
    outcome: AuditOutcome,
    error: ErrorCode | null,
  ): void;
}

/**
 * @param write appends one line, without its line end, somewhere durable
 * @param who operating-system user
 * @param run distinguishes runs of the program, such as its start time and process id
 */
export function createAudit(clock: Clock, who: string, run: string, write: (line: string) => void): Audit {
  let last = 0;
  const note = (line: Omit<AuditLine, 'at' | 'run' | 'who'>) => {
    const whole: AuditLine = { at: new Date(clock.wallMs()).toISOString(), run, who, ...line };
    write(JSON.stringify(whole));
  };
  return {
    asked(request, payload) {
      const id = ++last;
      note({ id, request, payload, outcome: 'asked', error: null });
      return id;
    },
    ended(id, request, payload, outcome, error) {
      note({ id, request, payload, outcome, error });
    },
  };
}

/** Appends lines to a file that only its owner can read, and makes the folder when needed. */
export function auditFile(path: string): (line: string) => void {
  return (line) => {
    mkdirSync(dirname(path), { recursive: true });
    appendFileSync(path, `${line}\n`, { mode: 0o600 });
  };
}
