/** A cluster in virtual time: peers with the real protocol, modelled servers, a bad network, and checkers that watch. */
import { seededRandom } from '../base/random.js';
import { describeAction, describeEvent } from '../ring/describe.js';
import type { Member, RingAction, RingEvent } from '../ring/model.js';
import { newDurable } from '../ring/model.js';
import type { Rules } from '../ring/rules.js';
import { step } from '../ring/step.js';
import { createAgenda } from './agenda.js';
import { createCheckers } from './checkers.js';
import { later, newOutbox, newRing, type SimNode, store, type World } from './cluster.js';
import { crashNode } from './lifecycle.js';
import { createNetwork } from './network.js';
import { faultsUntilMs, type SimOptions } from './options.js';
import { newServer } from './server.js';
import {
  copyLater,
  fence,
  payOwed,
  pullLater,
  repoint,
  serveSuccessorOnly,
  startCommit,
} from './server-work.js';

export function createWorld(
  seed: number,
  options: SimOptions,
  rules: Rules,
  trace: ((line: string) => void) | null,
): World {
  const agenda = createAgenda();
  const random = seededRandom(seed);
  const founders: Member[] = Array.from({ length: options.members }, (_, index) => ({
    id: index + 1,
    life: 1,
    arbiter: options.arbiters.includes(index + 1),
  }));
  const nodes = founders.map((founder) => newNode(founder, options, rules, founders));
  const network = createNetwork(agenda, random.fork(), options, (from, to, net, message) => {
    handle(world, nodes[to - 1] as SimNode, { kind: 'message', from, network: net, message });
  });
  const checkers = createCheckers(() => agenda.nowMs);
  const founding = nodes[0]?.store.primary;
  if (founding) checkers.found(founding);
  const world: World = {
    agenda,
    random,
    options,
    nodes,
    network,
    checkers,
    rules,
    trace,
    commits: 0,
    crashes: 0,
    partitions: 0,
    nextChange: 1,
    nextLife: 2,
    handle: (node, event) => handle(world, node, event),
  };
  return world;
}

function newNode(
  { id, arbiter }: Member,
  options: SimOptions,
  rules: Rules,
  founders: readonly Member[],
): SimNode {
  const node: SimNode = {
    id,
    arbiter,
    clockRate: options.clockRates[id - 1] ?? 1,
    voter: { id, life: 1 },
    up: false,
    process: 0,
    paused: false,
    backlog: [],
    ring: newRing(options, id, arbiter, rules),
    store: newDurable(1, founders),
    outbox: newOutbox(id, () => node.ring, rules),
    unstored: [],
    diskMs: options.diskMs,
    server: newServer(),
    tailCertain: true,
    queue: 0,
    tickAtMs: Number.POSITIVE_INFINITY,
    commit: null,
    owed: [],
    copying: false,
    dieAfter: null,
    dieAtPass: null,
  };
  return node;
}

/** A peer's own clock: it runs a little fast or slow, and starts anywhere. */
const localMs = (world: World, node: SimNode): number => 1_000 + world.agenda.nowMs * node.clockRate;

/** Gives an event to a peer; a paused one gets it when it goes on. */
function handle(world: World, node: SimNode, event: RingEvent): void {
  if (!node.up) return;
  if (node.paused) {
    if (event.kind !== 'tick') node.backlog.push(event);
    return;
  }
  const actions = step(node.ring, event, localMs(world, node));
  if (world.trace) traceStep(world, node, event, actions);
  const { state } = node.ring;
  const holds = state.kind === 'operational' && state.grip.kind !== 'away';
  world.checkers.holds(node.id, holds ? state.view.ringId : null);
  act(world, node, actions);
  if (node.up) scheduleTick(world, node);
}

/** Does what the ring asks: at once where nothing waits for the disk. */
function act(world: World, node: SimNode, actions: readonly RingAction[]): void {
  const { process, outbox } = node;
  if (outbox.idle && !actions.some(({ kind }) => kind === 'persist')) {
    for (const action of actions) {
      if (node.process !== process) return;
      perform(world, node, action);
    }
    return;
  }
  for (const action of actions) if (action.kind === 'persist') node.unstored.push(action);
  outbox.take(actions, (action) => {
    if (node.process === process) perform(world, node, action);
  });
  drain(world, node);
}

/** Does what does not wait; a write takes its time and is followed by the rest. */
function drain(world: World, node: SimNode): void {
  const { process, outbox } = node;
  let stored = 0;
  for (let action = outbox.next(); action; action = outbox.next()) {
    if (action.kind !== 'persist') perform(world, node, action);
    else if (node.diskMs > 0) {
      later(world, node, writeMs(world, node), () => written(world, node));
    } else stored = finishWrite(world, node);
    if (node.process !== process) return;
  }
  if (stored > 0) handle(world, node, { kind: 'stored', number: stored });
}

/** How long one write takes. No disk stands still longer than the faults last. */
function writeMs({ agenda, options, random }: World, { diskMs }: SimNode): number {
  const takesMs = diskMs * random.next();
  if (diskMs <= options.diskMs || options.faults.length === 0) return takesMs;
  return Math.min(takesMs, Math.max(options.diskMs, faultsUntilMs - agenda.nowMs));
}

/** A process that is stopped learns of the end of its write when it goes on. */
const lookAgainMs = 20;

function written(world: World, node: SimNode): void {
  const { process } = node;
  if (node.paused) {
    later(world, node, lookAgainMs, () => written(world, node));
    return;
  }
  const number = finishWrite(world, node);
  handle(world, node, { kind: 'stored', number });
  if (node.process === process) drain(world, node);
}

function finishWrite(world: World, node: SimNode): number {
  const number = node.outbox.stored();
  store(world, node, node.unstored.filter((one) => one.number <= number).length);
  return number;
}

function scheduleTick(world: World, node: SimNode): void {
  const { wakeMs } = node.ring;
  if (wakeMs === Number.POSITIVE_INFINITY) return;
  const atMs = Math.max(world.agenda.nowMs, (wakeMs - 1_000) / node.clockRate) + 0.001;
  if (atMs >= node.tickAtMs) return;
  node.tickAtMs = atMs;
  const { process } = node;
  world.agenda.after(atMs - world.agenda.nowMs, () => {
    if (node.process !== process || node.tickAtMs !== atMs) return;
    node.tickAtMs = Number.POSITIVE_INFINITY;
    if (node.paused || !node.up) return;
    if (localMs(world, node) < node.ring.wakeMs) scheduleTick(world, node);
    else handle(world, node, { kind: 'tick' });
  });
}

function traceStep(world: World, node: SimNode, event: RingEvent, actions: readonly RingAction[]): void {
  const at = world.agenda.nowMs.toFixed(1).padStart(8);
  world.trace?.(`${at}  ${node.id}  ${describeEvent(event)}`);
  for (const action of actions) world.trace?.(`             ${describeAction(action)}`);
}

/** Does one thing that the ring asks, as a peer process would, or dies before or after it. */
function perform(world: World, node: SimNode, action: RingAction): void {
  if (node.dieAfter !== null && node.dieAfter-- <= 0) {
    crashNode(world, node, false, world.random.chance(world.options.visibleCrashes));
    return;
  }
  const passes = action.kind === 'send' && action.message.kind === 'token' ? node.dieAtPass : null;
  if (passes !== 'before') performOne(world, node, action);
  if (passes) crashNode(world, node, false, true);
}

function performOne(world: World, node: SimNode, action: RingAction): void {
  const { checkers } = world;
  switch (action.kind) {
    case 'persist':
      return;
    case 'send':
      world.network.send(node.voter, action.to, action.network, action.message);
      return;
    case 'fence':
      fence(world, node, action.fence);
      return;
    case 'fetch':
      node.server.follows = { from: action.from, upTo: action.upTo };
      node.server.epoch++;
      pullLater(world, node, world.options.delayMs + 1);
      return;
    case 'begin':
      node.server.follows = null;
      node.server.epoch++;
      serveSuccessorOnly(world, node, action.view);
      if (action.predecessor !== null) repoint(world, node, action.predecessor, node.server.epoch);
      return;
    case 'commit':
      startCommit(world, node, action);
      return;
    case 'acknowledge':
      payOwed(world, node, action.ringId, action.upTo);
      return;
    case 'deliver':
      checkers.delivered(node.id, action.entry);
      return;
    case 'control-gap':
      checkers.controlGap(node.id, action.to);
      return;
    case 'refused':
      copyLater(world, node);
      return;
    case 'outside':
    case 'left':
    case 'safe':
    case 'ignored':
      return;
  }
}
