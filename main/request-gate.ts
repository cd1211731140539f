/** The gate between windows and the coordinator: sender, name, payload, guard, audit, in this order. */
import { type ErrorView, messageOf, RingmasterError } from '../app/base/errors.js';
import type { Log } from '../app/base/log.js';
import {
  isRequestName,
  type ReplyEnvelope,
  type RequestName,
  windowRequests,
} from '../app/contract/window.js';
import type { Audit, AuditOutcome } from './audit.js';
import { guardRequest } from './guard.js';

/** Whoever carries out requests; answers failures as values. */
export interface Coordinator {
  request(name: RequestName, payload: unknown): Promise<ReplyEnvelope<unknown>>;
}

/** What arrived from a window, nothing of it trusted yet. */
export interface IncomingRequest {
  /** Does it come from the main frame of one of our windows, showing our page? */
  readonly fromOwnPage: boolean;
  readonly name: unknown;
  readonly payload: unknown;
  readonly userActivated: unknown;
}

const refusal = (error: RingmasterError): ReplyEnvelope<never> => ({ ok: false, error: error.view() });

const outcomeOf = (error: ErrorView): AuditOutcome =>
  error.category === 'refused' || error.category === 'input' ? 'refused' : 'failed';

/**
 * Makes the function that answers each request of a window. It never throws: every failure is an envelope.
 * A change that cannot be written to the audit log is not made.
 */
export function createRequestGate(coordinator: Coordinator, audit: Audit, log: Log) {
  const audited = async (name: RequestName, payload: unknown, refused: RingmasterError | null) => {
    let id: number;
    try {
      id = audit.asked(name, payload);
    } catch (thrown) {
      return refusal(new RingmasterError('audit.unwritable', { name, cause: messageOf(thrown) }));
    }
    const envelope = refused ? refusal(refused) : await coordinator.request(name, payload);
    const outcome = envelope.ok ? 'done' : outcomeOf(envelope.error);
    try {
      audit.ended(id, name, payload, outcome, envelope.ok ? null : envelope.error.code);
    } catch (thrown) {
      log.error({ name, id, outcome, cause: messageOf(thrown) }, 'the outcome could not be audited');
    }
    return envelope;
  };

  return async (incoming: IncomingRequest): Promise<ReplyEnvelope<unknown>> => {
    const name = incoming.name;
    if (!incoming.fromOwnPage) {
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
    const verdict = guardRequest({
      name,
      payload: parsed.data,
      userActivated: incoming.userActivated === true,
    });
    if (!verdict.allowed) return audited(name, parsed.data, verdict.error);
    return verdict.audited ? audited(name, parsed.data, null) : coordinator.request(name, parsed.data);
  };
}
