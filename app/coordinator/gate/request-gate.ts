/** The gate between whoever asks and the coordinator: sender, name, payload, guard, audit, in this order. */
import { type ErrorView, messageOf, RingmasterError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import {
  isRequestName,
  type ReplyEnvelope,
  type RequestName,
  windowRequests,
} from '../../contract/window.js';
import type { Audit, AuditedRequest, AuditOutcome } from './audit.js';
import { guardRequest } from './guard.js';

/** Whoever carries out requests; answers failures as values. */
export interface RequestTarget {
  /** @param by who asks, as the events and the plan will say */
  request(name: RequestName, payload: unknown, by: string): Promise<ReplyEnvelope<unknown>>;
}

/** What arrived from a window or from the command line, nothing of it trusted yet. */
export interface IncomingRequest {
  /**
   * Does it come from the main frame of one of our windows, showing our page, or over the local socket that only the
   * console's own user can open?
   */
  readonly fromOwner: boolean;
  /** Who asks, as audit and events will say. */
  readonly by: string;
  readonly name: unknown;
  readonly payload: unknown;
  readonly confirmed: unknown;
}

export type RequestGate = (incoming: IncomingRequest) => Promise<ReplyEnvelope<unknown>>;

const refusal = (error: RingmasterError): ReplyEnvelope<never> => ({ ok: false, error: error.view() });

const outcomeOf = (error: ErrorView): AuditOutcome =>
  error.category === 'refused' || error.category === 'input' ? 'refused' : 'failed';

/**
 * Makes the function that answers each request. It never throws: every failure is an envelope.
 * A change that cannot be written to the audit log is not made.
 */
export function createRequestGate(target: RequestTarget, audit: Audit, log: Log): RequestGate {
  const audited = async (asked: AuditedRequest, refused: RingmasterError | null) => {
    const { who, request: name, payload } = asked;
    let id: number;
    try {
      id = audit.asked(asked);
    } catch (thrown) {
      return refusal(new RingmasterError('audit.unwritable', { name, cause: messageOf(thrown) }));
    }
    const envelope = refused ? refusal(refused) : await target.request(name, payload, who);
    const outcome = envelope.ok ? 'done' : outcomeOf(envelope.error);
    try {
      audit.ended(id, asked, outcome, envelope.ok ? null : envelope.error.code);
    } catch (thrown) {
      log.error({ name, id, outcome, cause: messageOf(thrown) }, 'the outcome could not be audited');
    }
    return envelope;
  };

  return async (incoming) => {
    const { name, by } = incoming;
    if (!incoming.fromOwner) {
      log.warn({ name }, 'refused a request that does not come from our page');
      return refusal(new RingmasterError('request.untrusted', { name: String(name) }));
    }
    if (typeof name !== 'string' || !isRequestName(name)) {
      return refusal(new RingmasterError('request.unknown', { name: String(name) }));
    }
    const parsed = windowRequests[name].payload.safeParse(incoming.payload);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const problem = issue ? `${issue.path.join('.') || 'payload'}: ${issue.message}` : 'it cannot be read';
      return refusal(new RingmasterError('request.invalid', { name, problem }));
    }
    const payload = parsed.data;
    const verdict = guardRequest({ name, payload, confirmed: incoming.confirmed === true });
    const asked = { who: by, request: name, payload };
    if (!verdict.allowed) return audited(asked, verdict.error);
    return verdict.audited ? audited(asked, null) : target.request(name, payload, by);
  };
}
