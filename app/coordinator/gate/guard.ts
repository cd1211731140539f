/** The one guard that every request of a window or of the command line passes before the coordinator sees it. */
import { RingmasterError } from '../../base/errors.js';
import { type RequestName, windowRequests } from '../../contract/window.js';

/** What the guard is told about a request. */
export interface RequestFacts {
  readonly name: RequestName;
  /** Parsed already. */
  readonly payload: unknown;
  /** Had the operator clicked or typed in that window within the last seconds, or said yes on the command line? */
  readonly confirmed: boolean;
}

/** Allowed or not; what changes something is audited either way. */
export type Verdict =
  | { readonly allowed: true; readonly audited: boolean }
  | { readonly allowed: false; readonly audited: true; readonly error: RingmasterError };

const typedConfirmation = (payload: unknown): boolean =>
  typeof payload === 'object' &&
  payload !== null &&
  'confirmation' in payload &&
  typeof payload.confirmation === 'string' &&
  payload.confirmation.trim() !== '';

/**
 * May this request go on to the coordinator? Danger grows with the act: what changes nothing passes; safe changes
 * pass and are audited; disruptive ones need a gesture or a yes of the operator, which a script in the page cannot make up;
 * destructive ones need typed words too, which the coordinator compares with the name of what they destroy.
 */
export function guardRequest({ name, payload, confirmed }: RequestFacts): Verdict {
  const danger = windowRequests[name].changes;
  const refused: Verdict = {
    allowed: false,
    audited: true,
    error: new RingmasterError('request.forbidden', { name }),
  };
  switch (danger) {
    case null:
      return { allowed: true, audited: false };
    case 'safe':
      return { allowed: true, audited: true };
    case 'disruptive':
      return confirmed ? { allowed: true, audited: true } : refused;
    case 'destructive':
      return confirmed && typedConfirmation(payload) ? { allowed: true, audited: true } : refused;
  }
}
