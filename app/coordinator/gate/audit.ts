/**
 * The audit log: one JSON line when somebody asks for a change and one when its outcome is known, so that a request
 * that was cut off by a crash is still seen. Lines are appended and never rewritten.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.js';
import type { ErrorCode } from '../../base/errors.js';
import { isoTime } from '../../base/format.js';
import type { RequestName } from '../../contract/window.js';

/** What became of a request. */
export type AuditOutcome = 'asked' | 'done' | 'refused' | 'failed';

/** A request as it is audited. */
export interface AuditedRequest {
  /** Operating-system user at this console, or "command line, user NAME". */
  readonly who: string;
  readonly request: RequestName;
  readonly payload: unknown;
}

export interface AuditLine extends AuditedRequest {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Joins the two lines of one request; counts from 1 in each run of the program `run`. */
  readonly id: number;
  readonly run: string;
  readonly outcome: AuditOutcome;
  readonly error: ErrorCode | null;
}

export interface Audit {
  /** Numbers a new request and notes that it was asked for. */
  asked(request: AuditedRequest): number;
  /** Notes what became of request `id`. */
  ended(id: number, request: AuditedRequest, outcome: AuditOutcome, error: ErrorCode | null): void;
}

/**
 * @param write appends one line, without its line end, somewhere durable
 * @param run distinguishes runs of the program: see `auditRun`
 */
export function createAudit(clock: Clock, run: string, write: (line: string) => void): Audit {
  let last = 0;
  const note = (line: Omit<AuditLine, 'at' | 'run'>) => {
    const whole: AuditLine = { at: isoTime(clock.wallMs()), run, ...line };
    write(JSON.stringify(whole));
  };
  return {
    asked(request) {
      const id = ++last;
      note({ id, ...request, outcome: 'asked', error: null });
      return id;
    },
    ended(id, request, outcome, error) {
      note({ id, ...request, outcome, error });
    },
  };
}

/** A name for this run of the program: when it started, and its process. */
export const auditRun = (clock: Clock): string => `${isoTime(clock.wallMs())}/${process.pid}`;

/** Appends lines to a file that only its owner can read, and makes the folder when needed. */
export function auditFile(path: string): (line: string) => void {
  return (line) => {
    mkdirSync(dirname(path), { recursive: true });
    appendFileSync(path, `${line}\n`, { mode: 0o600 });
  };
}
