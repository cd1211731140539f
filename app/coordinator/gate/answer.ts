/** Requests of the contract, carried out: what a handler answers or throws becomes an envelope. */
import { toRingmasterError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import {
  type ReplyEnvelope,
  type RequestHandlers,
  type RequestName,
  windowRequests,
} from '../../contract/window.js';
import type { RequestTarget } from './request-gate.js';

/** Runs `act` for the request `name`; whatever it throws is answered as a value. Defects are logged. */
export async function envelopeOf(
  name: RequestName,
  log: Log,
  act: () => Promise<unknown>,
): Promise<ReplyEnvelope<unknown>> {
  try {
    return { ok: true, reply: await act() };
  } catch (thrown) {
    const error = toRingmasterError(thrown);
    if (error.category === 'defect') log.error({ err: thrown, name }, 'a request failed');
    return { ok: false, error: error.view() };
  }
}

/** Calls the handler of a request whose payload was parsed by the schema of this very name. */
export function callHandler(
  handlers: RequestHandlers,
  name: RequestName,
  payload: unknown,
  by: string,
): Promise<unknown> {
  const handler = handlers[name] as (payload: unknown, by: string) => Promise<unknown>;
  return handler(payload, by);
}

/** The handlers of a cluster in this process, as the gate sees whoever carries out requests. */
export function targetOf(handlers: RequestHandlers, log: Log): RequestTarget {
  return {
    request: (name, payload, by) => envelopeOf(name, log, () => callHandler(handlers, name, payload, by)),
  };
}

/**
 * The same handlers, but what a change did is published before it is answered: who hears "done" and looks sees it done,
 * never what was before.
 * @param publish sends what changed to everybody who watches
 */
export function publishingFirst(handlers: RequestHandlers, publish: () => void): RequestHandlers {
  const changing = Object.keys(handlers).filter(
    (name) => windowRequests[name as RequestName].changes !== null,
  );
  const wrapped = changing.map((name) => {
    const act = async (payload: unknown, by: string) => {
      try {
        return await callHandler(handlers, name as RequestName, payload, by);
      } finally {
        publish();
      }
    };
    return [name, act];
  });
  return { ...handlers, ...Object.fromEntries(wrapped) };
}
