/** What each state does with each message. A cell that does nothing says why. The compiler asks for every cell. */
import { hearAttest, hearInstall, hearJoinDuringAttempt, hearPropose, hearRecovering } from './attempt.js';
import { ignore } from './core.js';
import { enterGather } from './enter.js';
import { bar, hearJoin as gatherHearJoin } from './gather.js';
import type { IgnoreReason, MemberId, RingMessage } from './model.js';
import {
  answerHere,
  hearHere,
  hearPulse,
  hearReport,
  hearToken,
  hearWant,
  hearJoin as operationalHearJoin,
} from './operational.js';
import type { Attest, Ring, State } from './state.js';

type Of<Kind extends RingMessage['kind']> = Extract<RingMessage, { kind: Kind }>;

interface Envelope<Kind extends RingMessage['kind']> {
  readonly from: MemberId;
  readonly network: number;
  readonly message: Of<Kind>;
  readonly nowMs: number;
}

type Handler<S extends State, Kind extends RingMessage['kind']> = (
  ring: Ring,
  state: S,
  envelope: Envelope<Kind>,
) => void;

type Row<S extends State> = { readonly [Kind in RingMessage['kind']]: Handler<S, Kind> };

type Table = { readonly [Kind in State['kind']]: Row<Extract<State, { kind: Kind }>> };

const no =
  (reason: IgnoreReason) =>
  (ring: Ring): void =>
    ignore(ring, reason);

const outOfRing = {
  token: no('not-for-us'),
  pulse: no('not-for-us'),
  probe: no('not-for-us'),
  here: no('not-for-us'),
  want: no('not-for-us'),
  report: no('not-for-us'),
} as const;

const deaf = (reason: IgnoreReason) => ({
  ...outOfRing,
  join: no(reason),
  propose: no(reason),
  recovering: no(reason),
  attest: no(reason),
  install: no(reason),
  outdated: no(reason),
  refuse: no(reason),
});

/** A message of the new ring proves that it exists: enter it, then hear the message. */
const installed = <Kind extends RingMessage['kind']>(
  ring: Ring,
  state: Attest,
  envelope: Envelope<Kind>,
): void => {
  hearInstall(ring, state, envelope.nowMs);
  if (ring.state.kind === 'operational')
    hearMessage(ring, envelope as unknown as Envelope<RingMessage['kind']>);
};

const table: Table = {
  stopped: deaf('not-started'),
  left: deaf('left'),
  gather: {
    ...outOfRing,
    join: (ring, state, { from, message, nowMs }) => gatherHearJoin(ring, state, from, message, nowMs),
    propose: (ring, state, { from, message, nowMs }) =>
      hearPropose(ring, state, from, message.proposal, nowMs),
    recovering: no('nothing-to-do'),
    attest: no('nothing-to-do'),
    install: no('nothing-to-do'),
    outdated: (ring, _state, { message }) => {
      ring.seen = Math.max(ring.seen, message.ringId);
    },
    refuse: (ring, _state, { message }) => bar(ring, message.reason),
  },
  recover: {
    ...outOfRing,
    join: (ring, state, { from, message, nowMs }) =>
      hearJoinDuringAttempt(ring, state, from, message.info, nowMs),
    propose: (ring, state, { from, message, nowMs }) =>
      hearPropose(ring, state, from, message.proposal, nowMs),
    recovering: (ring, state, { from, message, nowMs }) =>
      hearRecovering(ring, state, from, message.received, nowMs),
    attest: (ring, state, { from, nowMs }) => hearAttest(ring, state, from, nowMs),
    install: no('nothing-to-do'),
    outdated: no('nothing-to-do'),
    refuse: no('nothing-to-do'),
  },
  attest: {
    token: installed,
    pulse: installed,
    probe: installed,
    here: installed,
    want: installed,
    report: installed,
    join: (ring, state, { from, message, nowMs }) =>
      hearJoinDuringAttempt(ring, state, from, message.info, nowMs),
    propose: (ring, state, { from, message, nowMs }) =>
      hearPropose(ring, state, from, message.proposal, nowMs),
    recovering: (ring, state, { from, message, nowMs }) =>
      hearRecovering(ring, state, from, message.received, nowMs),
    attest: (ring, state, { from, nowMs }) => hearAttest(ring, state, from, nowMs),
    install: (ring, state, { nowMs }) => hearInstall(ring, state, nowMs),
    outdated: no('nothing-to-do'),
    refuse: no('nothing-to-do'),
  },
  operational: {
    join: (ring, state, { from, message, nowMs }) => operationalHearJoin(ring, state, from, message, nowMs),
    propose: no('old-information'),
    recovering: no('nothing-to-do'),
    attest: no('nothing-to-do'),
    install: no('nothing-to-do'),
    token: (ring, state, { from, network, message, nowMs }) =>
      hearToken(ring, state, from, network, message, nowMs),
    pulse: (ring, state, { from, network, message, nowMs }) =>
      hearPulse(ring, state, from, network, message, nowMs),
    probe: (ring, state, { from, network, message, nowMs }) =>
      answerHere(ring, state, from, network, message.number, nowMs),
    here: (ring, state, { from, message, nowMs }) => hearHere(ring, state, from, message, nowMs),
    want: (ring, state, { from, nowMs }) => hearWant(ring, state, from, nowMs),
    report: (ring, state, { from, message, nowMs }) => hearReport(ring, state, from, message, nowMs),
    outdated: (ring, state, { message, nowMs }) => {
      if (message.ringId <= state.view.ringId) {
        ignore(ring, 'stale-ring');
        return;
      }
      ring.seen = Math.max(ring.seen, message.ringId);
      enterGather(ring, 'ring-over', nowMs);
    },
    refuse: no('nothing-to-do'),
  },
};

type AnyHandler = (ring: Ring, state: State, envelope: Envelope<RingMessage['kind']>) => void;

/** Hands an admitted message to its cell. */
export function hearMessage(ring: Ring, envelope: Envelope<RingMessage['kind']>): void {
  const row = table[ring.state.kind] as unknown as Record<RingMessage['kind'], AnyHandler>;
  row[envelope.message.kind](ring, ring.state, envelope);
}
