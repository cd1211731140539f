/** What must not enter the ring: replayed, foreign and oversized things, each turned away with its reason. */
import { beforeEach, expect, test } from 'vitest';
import { seededRandom } from '../base/random.js';
import type { SimNode, World } from '../sim/cluster.js';
import { enqueue, pauseNode, startNode } from '../sim/lifecycle.js';
import { drawOptions } from '../sim/options.js';
import { createWorld } from '../sim/world.js';
import {
  controlOutboxMax,
  controlPayloadMax,
  type IgnoreReason,
  type RingEvent,
  type RingMessage,
  ringSettings,
  type Token,
  type Voter,
} from './model.js';
import { soundRules } from './rules.js';
import type { Operational } from './state.js';

let world: World;
let lines: string[];

/** Three members in one ring; member 2 holds the token after a commit. */
beforeEach(() => {
  lines = [];
  const options = {
    ...drawOptions(seededRandom(1)),
    members: 3,
    arbiters: [],
    networks: 1,
    settings: ringSettings(),
    delayMs: 1,
    jitterMs: 0,
    loss: 0,
    doubles: 0,
    clockRates: [1, 1, 1],
  };
  world = createWorld(1, options, soundRules, (line) => lines.push(line.trim()));
  for (const node of world.nodes) startNode(world, node);
  world.agenda.runUntil(300, () => false);
  enqueue(world, member(2), 1);
  world.agenda.runUntil(400, () => false);
});

const member = (id: number): SimNode => world.nodes[id - 1] as SimNode;

function operational(id: number): Operational {
  const { state } = member(id).ring;
  if (state.kind !== 'operational') throw new Error(`member ${id} is in ${state.kind}`);
  return state;
}

function outcome(id: number, event: RingEvent): string[] {
  lines.length = 0;
  world.handle(member(id), event);
  return lines.slice(1);
}

const from = (sender: Voter, message: RingMessage): RingEvent => ({
  kind: 'message',
  from: sender,
  network: 0,
  message,
});

const token = (change: Partial<Token> = {}): RingMessage => {
  const { view, number } = operational(3);
  const inner: Token = {
    ringId: view.ringId,
    number: number + 1,
    rotation: 1,
    sequence: 1,
    by: 2,
    received: [1, 1, 1],
    applied: [1, 1, 1],
    controlSeen: [0, 0, 0],
    controlDelivered: [0, 0, 0],
    wants: 0,
    control: [],
    ...change,
  };
  return { kind: 'token', ringId: inner.ringId, token: inner };
};

const ignored = (reason: IgnoreReason): string => `ignored: ${reason}`;

test('the ring stands, and exactly one member holds the token', () => {
  expect([1, 2, 3].map((id) => operational(id).grip.kind)).toEqual(['away', 'parked', 'away']);
});

test('a token is taken once: its replay is answered and ignored', () => {
  const pass = token();
  outcome(3, from({ id: 2, life: 1 }, pass));
  expect(operational(3).grip.kind).toBe('parked');
  expect(outcome(3, from({ id: 2, life: 1 }, pass))).toContain(ignored('duplicate-token'));
});

test('a token of an older ring changes nothing, and its sender is told', () => {
  const answer = outcome(3, from({ id: 2, life: 1 }, token({ ringId: 1, number: 99 })));
  expect(answer).toEqual([expect.stringContaining('outdated'), ignored('stale-ring')]);
  expect(operational(3).grip.kind).toBe('away');
});

test('a message of a newer ring ends the own one', () => {
  const answer = outcome(3, from({ id: 2, life: 1 }, token({ ringId: 99 * 1024 + 2 })));
  expect(answer).toContain(ignored('newer-ring'));
  expect(member(3).ring.state.kind).toBe('gather');
});

test.each([
  ['a stranger', { id: 9, life: 1 }],
  ['a member whose store is not the one that joined', { id: 2, life: 8 }],
])('%s gives no token', (_, sender) => {
  expect(outcome(3, from(sender, token()))).toEqual([ignored('not-a-member')]);
});

test('answers about an attempt that is not under way are ignored', () => {
  const { ringId } = operational(3).view;
  for (const kind of ['attest', 'install'] as const) {
    expect(outcome(3, from({ id: 1, life: 1 }, { kind, ringId }))).toEqual([ignored('nothing-to-do')]);
  }
});

test('a commit that was asked for in another ring does not count', () => {
  expect(outcome(2, { kind: 'committed', ringId: 1, upTo: 50, waiting: 0 })).toEqual([ignored('stale-ring')]);
  expect(operational(2).sequence).toBe(1);
});

test('control messages are bounded in size and number', () => {
  expect(outcome(3, { kind: 'submit', payload: 'x'.repeat(controlPayloadMax + 1) })).toEqual([
    ignored('too-many'),
  ]);
  member(3).ring.outbox.push(...Array.from({ length: controlOutboxMax }, () => 'waiting'));
  expect(outcome(3, { kind: 'submit', payload: 'one more' })).toEqual([ignored('too-many')]);
});

const answer = (answers: number): RingMessage => ({
  kind: 'here',
  ringId: operational(2).view.ringId,
  number: operational(2).number,
  answers,
  stalledMs: 0,
  holding: false,
  received: 1,
  applied: 1,
  wants: false,
});

test('after a long stall nothing is done with the token before a majority answers what was asked since', () => {
  for (const other of [1, 3]) world.network.block(other, 2, -1, true);
  const before = operational(2).view.ringId;
  pauseNode(world, member(2), ringSettings().expelAfterMs + 50);
  enqueue(world, member(2), 1);
  world.agenda.runUntil(world.agenda.nowMs + ringSettings().expelAfterMs + 51, () => false);
  const { doubt } = operational(2);
  if (!doubt) throw new Error('no doubt after a long stall');
  expect(member(2).commit).toBe(null);
  // What lay in the buffers from before the stall, and the answer to an older probe.
  outcome(2, from({ id: 1, life: 1 }, answer(0)));
  outcome(2, from({ id: 1, life: 1 }, answer(doubt.fromProbe - 1)));
  expect(operational(2).doubt).not.toBe(null);
  expect(outcome(2, from({ id: 1, life: 1 }, answer(doubt.fromProbe)))).toContain(
    'commit after 1, at most 255',
  );
  expect(operational(2)).toMatchObject({ doubt: null, view: { ringId: before } });
});

test('nobody answers after a stall: the view is over for this member', () => {
  for (const other of [1, 3]) world.network.block(other, 2, -1, true);
  pauseNode(world, member(2), 300);
  world.agenda.runUntil(world.agenda.nowMs + 2_000, () => false);
  expect(member(2).ring.state).toMatchObject({ kind: 'gather', reason: 'silent' });
});

test('a member that stood still is not given up as soon as others', () => {
  const { expelAfterMs } = ringSettings();
  const { ringId } = operational(1).view;
  pauseNode(world, member(3), 200);
  world.agenda.runUntil(world.agenda.nowMs + 1_000, () => false);
  for (const other of [1, 2])
    expect(member(other).ring.peers.get(3)?.told.stalledMs).toBeGreaterThan(expelAfterMs / 2);
  // Longer than the others wait for a member that never stood still.
  pauseNode(world, member(3), 2 * expelAfterMs - 20);
  world.agenda.runUntil(world.agenda.nowMs + 2_000, () => false);
  for (const each of [1, 2, 3]) expect(operational(each).view.ringId).toBe(ringId);
});
