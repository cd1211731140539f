/** What a node's server does when the ring, its predecessor or its clients ask: the part of a peer that talks to MariaDB. */
import { predecessorOf, successorOf } from '../ring/core.js';
import type { MemberId, RingAction, View } from '../ring/model.js';
import { later, type SimNode, type World } from './cluster.js';
import { agree, replicate } from './server.js';

/** How long the node needs for what the ring asks of it. Milliseconds. */
const fenceMs = 2;
const repointMs = 12;
const copyMs = 700;
const retryMs = 40;

/** Stops receiving, and tells where the node stands. */
export function fence(world: World, node: SimNode, number: number): void {
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
    world.handle(node, { kind: 'fenced', fence: number, received: log.length, applied });
  };
  if (!world.rules.waitsForFence) return;
  world.agenda.after(fenceMs, () => {
    if (node.process === process && node.up && server.up) answer();
  });
}

/** Follows a new predecessor. */
export function repoint(world: World, node: SimNode, predecessor: MemberId, epoch: number): void {
  later(world, node, repointMs, () => {
    const { server } = node;
    if (server.epoch !== epoch || !server.up) return;
    // Re-pointing deletes the relay log: what was received is applied first.
    if (server.applied < server.log.length) return repoint(world, node, predecessor, epoch);
    server.follows = { from: predecessor, upTo: Number.POSITIVE_INFINITY };
    pullLater(world, node, world.options.delayMs);
  });
}

/** Ends the connections of followers that are not the successor in this view: they are left over from an older one. */
export function serveSuccessorOnly(world: World, node: SimNode, view: View): void {
  for (const other of world.nodes) {
    if (other.server.follows?.from !== node.id || other.server.follows.upTo < Number.POSITIVE_INFINITY)
      continue;
    const index = view.members.findIndex(({ id }) => id === other.id);
    if (index >= 0 && predecessorOf(view, index) === node.id) continue;
    other.server.follows = null;
    other.server.epoch++;
  }
}

/** The next look at the server that this one follows. */
export function pullLater(world: World, node: SimNode, delayMs: number): void {
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
  world.handle(node, { kind: 'position', received: log.length, applied });
}

function wakeFollowers(world: World, source: SimNode): void {
  for (const node of world.nodes) {
    if (node.server.follows?.from === source.id) pullLater(world, node, world.options.delayMs + 0.5);
  }
}

/** Commits a group from the queue. */
export function startCommit(
  world: World,
  node: SimNode,
  action: Extract<RingAction, { kind: 'commit' }>,
): void {
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
  if (!tell) return;
  const upTo = commit.after + count;
  world.handle(node, { kind: 'committed', ringId: commit.ringId, upTo, waiting: node.queue });
}

/** The clients get their OK. */
export function payOwed(world: World, node: SimNode, ringId: number, upTo: number): void {
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
    world.handle(node, {
      kind: 'copied',
      lineage: donor.ring.state.view.ringId,
      received: server.log.length,
    });
  });
}
