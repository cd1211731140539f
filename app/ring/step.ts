/**
 * The protocol: `step(ring, event, now) -> actions`. Deterministic: the same events at the same times give the same
 * actions. No clock, no chance, no socket inside. The table is complete in state and event, and the compiler holds it.
 */

import { refusal } from './admit.js';
import { hearFetched, openWhenStored, tickAttempt } from './attempt.js';
import { heardMs, ignore, peerView, persist } from './core.js';
import { abandonOwn, enterGather, enterLeft, fence } from './enter.js';
import { hearFenced, leadIfMyTurn, tickGather } from './gather.js';
import { hearMessage } from './messages.js';
import type { Durable, IgnoreReason, RingAction, RingEvent, RingSettings } from './model.js';
import { controlOutboxMax, controlPayloadMax, newDurable, ringLeader } from './model.js';
import { beginDoubt, nodeMoved, queueChanged, tellStall, tickOperational } from './operational.js';
import { type Rules, soundRules } from './rules.js';
import type { Attest, Recover, Ring, RingIdentity, State } from './state.js';
import { never } from './state.js';
import { afterStall, healthy, jitterMs, recentStallMs, stallOf } from './suspicion.js';
import { afterCommit, passStored, wantsToken } from './token.js';
import { wakeAtMs } from './wake.js';

type Of<Kind extends RingEvent['kind']> = Extract<RingEvent, { kind: Kind }>;
type Handler<S extends State, Kind extends RingEvent['kind']> = (
  ring: Ring,
  state: S,
  event: Of<Kind>,
  nowMs: number,
) => void;
type Row<S extends State> = { readonly [Kind in RingEvent['kind']]: Handler<S, Kind> };
type Table = { readonly [Kind in State['kind']]: Row<Extract<State, { kind: Kind }>> };

/** A peer's ring before it was started. */
export function createRing(self: RingIdentity, settings: RingSettings, rules: Rules = soundRules): Ring {
  return {
    self,
    settings,
    rules,
    state: { kind: 'stopped' },
    durable: newDurable(0, null),
    version: 0,
    info: null,
    seen: 0,
    peers: new Map(),
    health: healthy,
    received: 0,
    applied: 0,
    serverUp: false,
    fence: 0,
    fenced: false,
    leaving: false,
    barred: null,
    dead: [],
    queue: 0,
    outbox: [],
    wakeMs: never,
    steppedMs: 0,
    promiseNumber: 0,
    storedNumber: 0,
    unstoredSinceMs: 0,
    probeNumber: 0,
    actions: [],
  };
}

const no =
  (reason: IgnoreReason) =>
  (ring: Ring): void =>
    ignore(ring, reason);

/** Version numbers of one start of the peer; the next start begins above them all. */
const versionsPerBoot = 1_000_000_000;

function start(ring: Ring, durable: Durable, tailCertain: boolean, nowMs: number): void {
  const boot = durable.boot + 1;
  ring.durable = { ...durable, boot };
  ring.version = boot * versionsPerBoot;
  ring.seen = durable.promised;
  persist(ring, tailCertain || ring.self.arbiter ? {} : { tailUncertain: true });
  // An attempt that was led when the process died is over.
  const { promised, primary } = durable;
  if (ringLeader(promised) === ring.self.id && primary?.ringId !== promised) abandonOwn(ring, promised);
  if (durable.left) ring.state = { kind: 'left' };
  else enterGather(ring, 'started', nowMs);
}

/** The same in every state that is started: facts about the node are kept wherever they come. */
const always = {
  start: no('nothing-to-do'),
  message: (ring: Ring, _state: State, event: Of<'message'>, nowMs: number) => {
    const { from, network, message } = event;
    const reason = refusal(ring, from, message, nowMs);
    const peer = ring.self.peers.includes(from.id) ? peerView(ring, from.id) : undefined;
    if (peer) {
      peer.heardMs[network] = nowMs;
      peer.disconnected = false;
    }
    if (reason) {
      ignore(ring, reason);
      return;
    }
    hearMessage(ring, { from: from.id, network, message, nowMs });
  },
  stored: (ring: Ring, state: State, event: Of<'stored'>, nowMs: number) => {
    ring.storedNumber = Math.max(ring.storedNumber, event.number);
    ring.unstoredSinceMs = nowMs;
    if (state.kind === 'operational') passStored(ring, state, nowMs);
    else if (state.kind === 'attest') openWhenStored(ring, state, nowMs);
  },
  submit: (ring: Ring, state: State, event: Of<'submit'>, nowMs: number) => {
    if (ring.outbox.length >= controlOutboxMax || event.payload.length > controlPayloadMax) {
      ignore(ring, 'too-many');
      return;
    }
    const wanted = wantsToken(ring);
    ring.outbox.push(event.payload);
    if (state.kind === 'operational') queueChanged(ring, state, !wanted, nowMs);
  },
  queue: (ring: Ring, state: State, event: Of<'queue'>, nowMs: number) => {
    const wanted = wantsToken(ring);
    ring.queue = event.length;
    if (state.kind === 'operational') queueChanged(ring, state, !wanted, nowMs);
  },
  server: (ring: Ring, state: State, event: Of<'server'>, nowMs: number) => {
    if (ring.self.arbiter || ring.serverUp === event.up) {
      if (event.up && !event.tailCertain) persist(ring, { tailUncertain: true });
      return;
    }
    ring.serverUp = event.up;
    ring.fenced = false;
    ring.version++;
    if (event.up && !event.tailCertain) persist(ring, { tailUncertain: true });
    if (state.kind === 'stopped' || state.kind === 'left') return;
    if (state.kind === 'gather') {
      fence(ring, 'server-back');
    } else enterGather(ring, event.up ? 'server-back' : 'server-lost', nowMs);
  },
  copied: (ring: Ring, state: State, event: Of<'copied'>, nowMs: number) => {
    ring.received = event.received;
    ring.applied = event.received;
    ring.barred = null;
    // What this member had acknowledged itself is gone with its old data: it is no witness until it joins again.
    persist(ring, { lineage: event.lineage, tailUncertain: true });
    if (state.kind !== 'stopped' && state.kind !== 'left') enterGather(ring, 'copied', nowMs);
  },
  'declare-dead': (ring: Ring, state: State, event: Of<'declare-dead'>, nowMs: number) => {
    ring.dead = event.voters;
    ring.version++;
    if (state.kind === 'gather') leadIfMyTurn(ring, state, nowMs);
  },
  leave: (ring: Ring, state: State, _event: Of<'leave'>, nowMs: number) => {
    if (state.kind === 'operational' && state.view.members.length === 1) {
      enterLeft(ring, true);
      return;
    }
    ring.leaving = true;
    enterGather(ring, 'leave', nowMs);
  },
  rejoin: (ring: Ring) => {
    if (!ring.leaving) ignore(ring, 'nothing-to-do');
    ring.leaving = false;
    ring.version++;
  },
} as const;

const noCommit = { committed: no('stale-ring') } as const;

/** During an attempt the loss of any voter ends it. */
const attemptRow: Omit<Row<Recover | Attest>, 'position'> = {
  ...always,
  ...noCommit,
  tick: (ring, state, _event, nowMs) => tickAttempt(ring, state, nowMs),
  disconnected: (ring, state, event, nowMs) => {
    peerView(ring, event.peer).disconnected = true;
    if (state.proposal.view.voters.some(({ id }) => id === event.peer)) {
      enterGather(ring, 'disconnected', nowMs);
    }
  },
  fenced: no('old-information'),
};

const stoppedRow: Row<Extract<State, { kind: 'stopped' }>> = {
  ...always,
  ...noCommit,
  start: (ring, _state, event, nowMs) => start(ring, event.durable, event.tailCertain, nowMs),
  message: no('not-started'),
  tick: no('nothing-to-do'),
  disconnected: no('not-started'),
  position: (ring, _state, event) => setPosition(ring, event),
  fenced: no('not-started'),
  leave: no('not-started'),
};

const table: Table = {
  stopped: stoppedRow,
  left: {
    ...always,
    ...noCommit,
    message: no('left'),
    tick: no('left'),
    disconnected: no('left'),
    position: (ring, _state, event) => setPosition(ring, event),
    fenced: no('left'),
    leave: no('left'),
    rejoin: (ring, _state, _event, nowMs) => {
      persist(ring, { left: false });
      enterGather(ring, 'rejoin', nowMs);
    },
  },
  gather: {
    ...always,
    ...noCommit,
    tick: (ring, state, _event, nowMs) => tickGather(ring, state, nowMs),
    disconnected: (ring, state, event, nowMs) => {
      peerView(ring, event.peer).disconnected = true;
      state.heard.delete(event.peer);
      leadIfMyTurn(ring, state, nowMs);
    },
    position: (ring, _state, event) => {
      if (event.received !== ring.received) ring.version++;
      setPosition(ring, event);
    },
    fenced: (ring, state, event, nowMs) => {
      if (event.fence !== ring.fence) {
        ignore(ring, 'old-information');
        return;
      }
      hearFenced(ring, state, event.received, event.applied, nowMs);
    },
    leave: (ring, state) => {
      ring.leaving = true;
      ring.version++;
      state.nextJoinMs = 0;
    },
    rejoin: (ring) => {
      ring.leaving = false;
      ring.version++;
    },
  },
  recover: {
    ...attemptRow,
    position: (ring, state, event, nowMs) => hearFetched(ring, state, event.received, event.applied, nowMs),
  },
  attest: { ...attemptRow, position: (ring, _state, event) => setPosition(ring, event) },
  operational: {
    ...always,
    tick: (ring, state, _event, nowMs) => tickOperational(ring, state, nowMs),
    disconnected: (ring, state, event, nowMs) => {
      peerView(ring, event.peer).disconnected = true;
      if (state.view.members.some(({ id }) => id === event.peer)) enterGather(ring, 'disconnected', nowMs);
    },
    position: (ring, state, event, nowMs) => {
      setPosition(ring, event);
      nodeMoved(ring, state, nowMs);
    },
    fenced: no('old-information'),
    committed: (ring, state, event, nowMs) => {
      if (event.ringId !== state.view.ringId) {
        ignore(ring, 'stale-ring');
        return;
      }
      if (state.grip.kind !== 'committing') {
        ignore(ring, 'nothing-to-do');
        return;
      }
      ring.queue = event.waiting;
      afterCommit(ring, state, event.upTo, nowMs);
    },
  },
};

function setPosition(ring: Ring, { received, applied }: Of<'position'>): void {
  ring.received = received;
  ring.applied = applied;
}

/** A process that was stalled must not count that time as silence of the others. */
function noticeStall(ring: Ring, nowMs: number): void {
  const lateMs = nowMs - ring.wakeMs;
  const stalledMs = stallOf(lateMs, nowMs - ring.steppedMs, ring.settings);
  ring.steppedMs = nowMs;
  if (stalledMs === 0) return;
  const worse = stalledMs > recentStallMs(ring.health, nowMs);
  ring.health = afterStall(ring.health, stalledMs, nowMs);
  for (const id of ring.peers.keys()) {
    const peer = peerView(ring, id);
    if (heardMs(ring, id) === 0) continue;
    peer.heardMs.forEach((atMs, network) => {
      if (atMs > 0) peer.heardMs[network] = Math.min(nowMs, atMs + lateMs);
    });
  }
  if (ring.state.kind !== 'operational') return;
  if (worse && stalledMs >= jitterMs(ring.settings)) tellStall(ring, ring.state, nowMs);
  if (stalledMs >= ring.settings.expelAfterMs && ring.state.view.members.length > 1) {
    beginDoubt(ring, ring.state, nowMs);
  }
  ring.state.tokenSeenMs = Math.min(nowMs, ring.state.tokenSeenMs + lateMs);
  if (ring.state.probingSinceMs > 0) {
    ring.state.probingSinceMs = Math.min(nowMs, ring.state.probingSinceMs + lateMs);
  }
}

type AnyHandler = (ring: Ring, state: State, event: RingEvent, nowMs: number) => void;

/**
 * Takes one event. The caller performs the returned actions in order, waiting at each `persist`, and calls again with
 * `tick` at `ring.wakeMs` at the latest.
 * @param nowMs the peer's own monotonic clock; never goes backward
 */
export function step(ring: Ring, event: RingEvent, nowMs: number): readonly RingAction[] {
  ring.actions = [];
  noticeStall(ring, nowMs);
  const row = table[ring.state.kind] as unknown as Record<RingEvent['kind'], AnyHandler>;
  row[event.kind](ring, ring.state, event, nowMs);
  ring.wakeMs = wakeAtMs(ring, nowMs);
  return ring.actions;
}
