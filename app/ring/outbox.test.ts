/** What may leave before the disk has everything that was promised. */
import { expect, test } from 'vitest';
import { type Durable, newDurable, type RingId, type RingMessage, ringIdOf, type View } from './model.js';
import { mayOvertake } from './outbox.js';

const founders = [1, 2, 3].map((id) => ({ id, life: 1, arbiter: false }));
const empty = newDurable(1, founders);
const ring = ringIdOf(8, 1);
const view: View = { ringId: ring, members: founders, voters: founders, start: 0, base: 1 };
const attested: Durable = { ...empty, promised: ring, ambiguous: [view] };
const formed: Durable = { ...attested, primary: view, ambiguous: [] };
const promised: Durable = { ...empty, promised: ring };

const leader = 1;
const follower = 2;
const here = (ringId: RingId): RingMessage => ({
  kind: 'here',
  ringId,
  number: 1,
  answers: 0,
  stalledMs: 0,
  holding: false,
  received: 0,
  applied: 0,
  wants: false,
});
const probe = (ringId: RingId): RingMessage => ({ kind: 'probe', ringId, number: 1 });
const propose: RingMessage = {
  kind: 'propose',
  proposal: {
    view,
    base: view,
    unresolved: [],
    history: [],
    gives: [],
    control: empty.control,
    versions: [],
  },
};
const recovering: RingMessage = { kind: 'recovering', ringId: ring, received: 0 };
const join = (durable: Durable): RingMessage => ({
  kind: 'join',
  info: {
    ...durable,
    id: follower,
    version: 1,
    wantsIn: true,
    data: { kind: 'fencing' },
    dead: [],
  },
  sees: [],
});
const attest: RingMessage = { kind: 'attest', ringId: ring };
const install: RingMessage = { kind: 'install', ringId: ring };

test.each<[string, RingMessage, Durable, number, boolean]>([
  ['a follower that attested speaks in the ring', here(ring), attested, follower, true],
  ['a follower that forgot the ring in a crash does not', here(ring), promised, follower, false],
  ['a leader that only attested would abandon the ring', probe(ring), attested, leader, false],
  ['a leader that stored the view speaks in it', probe(ring), formed, leader, true],
  ['another ring is another matter', here(ringIdOf(9, 1)), formed, follower, false],
  ['a proposal whose number is promised is repeated', propose, promised, leader, true],
  ['a proposal whose number could be given twice is not', propose, empty, leader, false],
  ['who fetches promises nothing', recovering, empty, follower, true],
  ['who learned that the view exists calls', join(formed), attested, follower, true],
  ['a call that promises more than the disk holds waits', join(promised), empty, follower, false],
  ['an attestation is the promise itself', attest, formed, follower, false],
  ['nor does an installation go ahead', install, formed, leader, false],
])('%s', (_, message, stored, self, may) => {
  expect(mayOvertake(message, stored, self)).toBe(may);
});
