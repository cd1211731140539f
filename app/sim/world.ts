/** A cluster in virtual time: peers with the real protocol, modelled servers, a bad network, and checkers that watch. */
import { type Random, seededRandom } from '../base/random.js';
import { successorOf } from '../ring/core.js';
import { describeAction, describeEvent } from '../ring/describe.js';
import type { Member, MemberId, RingAction, RingEvent, Voter } from '../ring/model.js';
import { newDurable } from '../ring/model.js';
import type { Rules } from '../ring/rules.js';
import type { Ring } from '../ring/state.js';
import { createRing, step } from '../ring/step.js';
import { type Agenda, createAgenda } from './agenda.js';
import { type Checkers, createCheckers } from './checkers.js';
import { createNetwork, type Network } from './network.js';
import type { SimOptions } from './options.js';
import { agree, loseTail, newServer, replicate, type Server } from './server.js';

/** One machine: a peer, its store, its server. */
export interface SimNode {
  readonly id: MemberId;
  readonly arbiter: boolean;
  readonly clockRate: number;
  voter: Voter;
  up: boolean;
  /** Changes with each crash: what was meant for an earlier process is dropped. */
  process: number;
  paused: boolean;
  backlog: RingEvent[];
  ring: Ring;
  store: ReturnType<typeof newDurable>;
  server: Server;
  tailCertain: boolean;
  queue: number;
  tickAtMs: number;
  commit: { readonly ringId: number; readonly after: number; readonly max: number } | null;
  /** Own commits whose OK is still owed: sequence, identity, ring. */
  owed: { readonly sequence: number; readonly change: number; readonly ringId: number }[];
  copying: boolean;
  /** The process dies before the next but so many actions: between what it stored and what it sent, for example. */
  dieAfter: number | null;
}

export interface World {
  readonly agenda: Agenda;
  readonly random: Random;
  readonly options: SimOptions;
  readonly nodes: readonly SimNode[];
  readonly network: Network;
  readonly checkers: Checkers;
  readonly rules: Rules;
  readonly trace: ((line: string) => void) | null;
  commits: number;
  crashes: number;
  partitions: number;
  nextChange: number;
  nextLife: number;
}

/** How long the node needs for what the ring asks of it. Milliseconds. */
const fenceMs = 2;
const repointMs = 12;
const copyMs = 700;
const retryMs = 40;

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
  const nodes: SimNode[] = founders.map(({ id, arbiter }) => ({
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
    server: newServer(),
    tailCertain: true,
    queue: 0,
    tickAtMs: Number.POSITIVE_INFINITY,
    commit: null,
    owed: [],
    copying: false,
    dieAfter: null,
  }));
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
  };
  return world;
}

function newRing(options: SimOptions, id: MemberId, arbiter: boolean, rules: Rules): Ring {
  const peers = Array.from({ length: options.members }, (_, index) => index + 1).filter(
    (peer) => peer !== id,
  );
  return createRing({ id, arbiter, peers, networks: options.networks }, options.settings, rules);
}

/** A peer's own clock: it runs a little fast or slow, and starts anywhere. */
const localMs = (world: World, node: SimNode): number => 1_000 + world.agenda.nowMs * node.clockRate;

/** Calls `run` after `delayMs` unless the process ended meanwhile. */
function later(world: World, node: SimNode, delayMs: number, run: () => void): void {
  const { process } = node;
  world.agenda.after(delayMs, () => {
    if (node.up && node.process === process) run();
  });
}

/** Gives an event to a peer; a paused one gets it when it goes on. */
export function handle(world: World, node: SimNode, event: RingEvent): void {
  if (!node.up) return;
  if (node.paused) {
    if (event.kind !== 'tick') node.backlog.push(event);
    return;
  }
  const actions = step(node.ring, event, localMs(world, node));
  if (world.trace) traceStep(world, node, event, actions);
  for (const action of actions) {
    if (node.dieAfter !== null && node.dieAfter-- <= 0) {
      crashNode(world, node, false, world.random.chance(world.options.visibleCrashes));
      return;
    }
    perform(world, node, action);
  }
  const { state } = node.ring;
  const holds = state.kind === 'operational' && state.grip.kind !== 'away';
  world.checkers.holds(node.id, holds ? state.view.ringId : null);
  scheduleTick(world, node);
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

/** Does what the ring asks, as a peer process would. */
function perform(world: World, node: SimNode, action: RingAction): void {
  const { checkers } = world;
  switch (action.kind) {
    case 'persist':
      store(world, node, action.durable);
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

const watched = (world: World) =>
  world.nodes.map(({ id, voter: { life }, store: { promised }, server: { log } }) => ({
    id,
    life,
    promised,
    log,
  }));

function store(world: World, node: SimNode, durable: SimNode['store']): void {
  const { primary } = durable;
  const known = node.store.primary;
  node.store = durable;
  if (primary && primary !== known && primary.ringId > 1) {
    const formedIt = durable.ambiguous.length === 0;
    world.checkers.primaryStored(node.id, primary, formedIt, watched(world));
  }
}

function fence(world: World, node: SimNode, number: number): void {
  const { server } = node;
  const { process } = node;
  server.follows = null;
  server.epoch++;
  // A commit that is under way may still happen, and then counts in the position.
  const underWay = node.commit;
  node.commit = null;
  const answer = (): void => {
    node.commit = world.random.chance(0.5) ? underWay : null;
    finishCommit(world, node, false);
    const { log, applied } = server;
    handle(world, node, { kind: 'fenced', fence: number, received: log.length, applied });
  };
  if (!world.rules.waitsForFence) return;
  world.agenda.after(fenceMs, () => {
    if (node.process === process && node.up && server.up) answer();
  });
}

function repoint(world: World, node: SimNode, predecessor: MemberId, epoch: number): void {
  later(world, node, repointMs, () => {
    const { server } = node;
    if (server.epoch !== epoch || !server.up) return;
    // Re-pointing deletes the relay log: what was received is applied first.
    if (server.applied < server.log.length) return repoint(world, node, predecessor, epoch);
    server.follows = { from: predecessor, upTo: Number.POSITIVE_INFINITY };
    pullLater(world, node, world.options.delayMs);
  });
}

/** The next look at the server that this one follows. */
function pullLater(world: World, node: SimNode, delayMs: number): void {
  const { epoch } = node.server;
  world.agenda.after(delayMs, () => {
    if (node.server.epoch === epoch && node.server.up) pull(world, node);
  });
}

function pull(world: World, node: SimNode): void {
  const { server } = node;
  if (!server.follows) return;
  const source = world.nodes[server.follows.from - 1] as SimNode;
  if (!source.server.up || !world.network.connects(source.id, node.id)) {
    pullLater(world, node, retryMs);
    return;
  }
  if (!agree(source.server, server)) {
    // Strict mode stops the replication of a node that went its own way; inside one view that must not happen.
    server.follows = null;
    if (inNewestView(world, node, source)) {
      world.checkers.fail('a follower agrees with its predecessor', `${node.id} follows ${source.id}`);
    }
    return;
  }
  if (replicate(source.server, server, server.follows.upTo) === 0) {
    if (server.follows.upTo < Number.POSITIVE_INFINITY && server.log.length < server.follows.upTo) {
      pullLater(world, node, retryMs);
    }
    return;
  }
  if (world.options.applyMs === 0) applyNow(world, node);
  else {
    tellPosition(world, node);
    applyLater(world, node);
  }
  serverAcknowledges(world, source);
}

/** Those who were left behind may still hear of the new view's changes from their old predecessor. */
function inNewestView(world: World, ...nodes: readonly SimNode[]): boolean {
  const newest = world.checkers.newest()?.ringId;
  return nodes.every(({ ring: { state } }) => state.kind === 'operational' && state.view.ringId === newest);
}

function applyLater(world: World, node: SimNode): void {
  const { server } = node;
  if (server.applying) return;
  server.applying = true;
  world.agenda.after(world.options.applyMs * (0.2 + world.random.next()), () => {
    server.applying = false;
    if (server.up && server.applied < server.log.length) applyNow(world, node);
  });
}

function applyNow(world: World, node: SimNode): void {
  node.server.applied = node.server.log.length;
  if (world.random.chance(0.5)) node.server.synced = node.server.applied;
  tellPosition(world, node);
  wakeFollowers(world, node);
}

function tellPosition(world: World, node: SimNode): void {
  const { log, applied } = node.server;
  handle(world, node, { kind: 'position', received: log.length, applied });
}

function wakeFollowers(world: World, source: SimNode): void {
  for (const node of world.nodes) {
    if (node.server.follows?.from === source.id) pullLater(world, node, world.options.delayMs + 0.5);
  }
}

function startCommit(world: World, node: SimNode, action: Extract<RingAction, { kind: 'commit' }>): void {
  node.commit = action;
  // Most commits are quick; a long DDL or a big group is not, and must not look like token loss.
  const durationMs = world.random.chance(0.01) ? world.random.integer(300, 2_000) : 1 + world.random.next();
  later(world, node, durationMs, () => {
    if (node.commit === action) finishCommit(world, node, true);
  });
}

function finishCommit(world: World, node: SimNode, tell: boolean): void {
  const { commit, server } = node;
  if (!commit || !server.up) return;
  node.commit = null;
  const { state } = node.ring;
  const inPrimary = !tell || (state.kind === 'operational' && state.view.ringId === commit.ringId);
  // A peer that slept may ask with an old token. The server refuses a number that it has used (strict mode, error 1950);
  // what it only received is in the relay log, and can no longer be applied after the node's own change.
  const count = server.applied > commit.after ? 0 : Math.min(commit.max, node.queue);
  if (count > 0) server.log.length = server.applied;
  for (let index = 1; index <= count; index++) {
    const sequence = commit.after + index;
    world.checkers.committed(node.id, commit.ringId, sequence, server.applied, inPrimary);
    const change = world.nextChange++;
    server.log.push(change);
    server.applied = server.log.length;
    world.commits++;
    node.owed.push({ sequence, change, ringId: commit.ringId });
  }
  node.queue -= count;
  if (world.trace) world.trace(`             server ${node.id} commits ${count}, now ${server.log.length}`);
  wakeFollowers(world, node);
  if (tell) handle(world, node, { kind: 'committed', ringId: commit.ringId, upTo: commit.after + count });
}

/** The clients get their OK. */
function payOwed(world: World, node: SimNode, ringId: number, upTo: number): void {
  if (node.owed.length === 0) return;
  for (const one of node.owed) {
    if (one.ringId === ringId && one.sequence <= upTo) {
      world.checkers.acknowledged(ringId, one.sequence, one.change);
    }
  }
  node.owed = node.owed.filter((one) => one.ringId === ringId && one.sequence > upTo);
}

/** Semi-sync: in a ring of three the successor's receipt is a majority, and the server itself answers its clients. */
function serverAcknowledges(world: World, source: SimNode): void {
  const { state } = source.ring;
  if (!world.options.semiSync || state.kind !== 'operational' || !source.server.up) return;
  if (state.view.members.length !== 3 || state.view.members.some(({ arbiter }) => arbiter)) return;
  // Another follower, left over from an older view, is no member: the receipt of the successor counts and nothing else.
  const successor = world.nodes[successorOf(state) - 1];
  if (successor?.server.follows?.from !== source.id) return;
  payOwed(world, source, state.view.ringId, successor.server.log.length);
}

/** A full copy from a member of the ring, taken while it works. */
export function copyLater(world: World, node: SimNode): void {
  if (node.copying) return;
  node.copying = true;
  later(world, node, copyMs * (0.5 + world.random.next()), () => {
    node.copying = false;
    if (!node.server.up) return;
    const donor = world.nodes.find(
      (other) =>
        other !== node &&
        other.up &&
        other.server.up &&
        !other.arbiter &&
        other.ring.state.kind === 'operational' &&
        other.ring.state.view.ringId === world.checkers.newest()?.ringId &&
        world.network.connects(other.id, node.id),
    );
    if (donor?.ring.state.kind !== 'operational') {
      if (node.ring.barred) copyLater(world, node);
      return;
    }
    const { server } = node;
    server.log = donor.server.log.slice(0, donor.server.applied);
    server.applied = server.log.length;
    server.synced = server.applied;
    server.epoch++;
    node.owed = [];
    handle(world, node, {
      kind: 'copied',
      lineage: donor.ring.state.view.ringId,
      received: server.log.length,
    });
  });
}

/** Starts a peer and its server. */
export function startNode(world: World, node: SimNode): void {
  node.up = true;
  node.process++;
  node.paused = false;
  node.backlog = [];
  node.copying = false;
  node.dieAfter = null;
  node.commit = null;
  node.tickAtMs = Number.POSITIVE_INFINITY;
  node.ring = newRing(world.options, node.id, node.arbiter, world.rules);
  world.checkers.restarted(node.id, node.store.control.delivered);
  handle(world, node, { kind: 'start', durable: node.store, tailCertain: node.tailCertain });
  node.tailCertain = true;
  if (!node.arbiter) startServer(world, node, true);
  if (node.queue > 0) handle(world, node, { kind: 'queue', length: node.queue });
}

export function startServer(world: World, node: SimNode, tailCertain: boolean): void {
  node.server.up = true;
  node.server.follows = null;
  node.server.epoch++;
  node.server.applied = node.server.log.length;
  const received = node.server.log.length;
  handle(world, node, { kind: 'position', received, applied: received });
  handle(world, node, { kind: 'server', up: true, tailCertain });
}

/** Ends a server, and with `loses` the part of its log that never reached the disk. */
export function stopServer(world: World, node: SimNode, loses: boolean): void {
  const { server } = node;
  server.up = false;
  server.follows = null;
  server.epoch++;
  server.applying = false;
  node.commit = null;
  node.owed = [];
  if (!loses) return;
  const keep = world.random.integer(server.synced, server.log.length);
  if (loseTail(server, keep).length > 0) {
    node.tailCertain = false;
    world.checkers.destroyed(watched(world));
  }
}

/** Ends everything on a node. `visible`: the others see their connections break. */
export function crashNode(world: World, node: SimNode, loses: boolean, visible: boolean): void {
  if (!node.up) return;
  world.crashes++;
  node.up = false;
  node.process++;
  node.paused = false;
  world.checkers.holds(node.id, null);
  stopServer(world, node, loses);
  if (!visible) return;
  for (const other of world.nodes) {
    if (other === node) continue;
    later(world, other, world.options.delayMs, () =>
      handle(world, other, { kind: 'disconnected', peer: node.id }),
    );
  }
}

/** The store and the data of a stopped node are gone: whoever comes back is somebody else. */
export function wipeNode(world: World, node: SimNode): void {
  node.voter = { id: node.id, life: world.nextLife++ };
  node.store = newDurable(node.voter.life, null);
  node.server = { ...newServer(), up: false };
  node.tailCertain = true;
  world.checkers.destroyed(watched(world));
}

/** Stops a peer's process for a while; everything meant for it waits. Its server goes on. */
export function pauseNode(world: World, node: SimNode, forMs: number): void {
  node.paused = true;
  node.tickAtMs = Number.POSITIVE_INFINITY;
  later(world, node, forMs, () => {
    node.paused = false;
    const backlog = node.backlog;
    node.backlog = [];
    handle(world, node, { kind: 'tick' });
    for (const event of backlog) handle(world, node, event);
  });
}

/** Gives a node transactions to commit. */
export function enqueue(world: World, node: SimNode, count: number): void {
  if (!node.up || node.arbiter) return;
  node.queue += count;
  handle(world, node, { kind: 'queue', length: node.queue });
}
