/** How nodes start, stop, crash, sleep and lose what they had. */
import { newDurable } from '../ring/model.js';
import { later, newOutbox, newRing, type SimNode, store, type World, watched } from './cluster.js';
import { loseTail, newServer } from './server.js';

/** Starts a peer and its server. */
export function startNode(world: World, node: SimNode): void {
  node.up = true;
  node.process++;
  node.paused = false;
  node.backlog = [];
  node.copying = false;
  node.dieAfter = null;
  node.dieAtPass = null;
  node.commit = null;
  node.tickAtMs = Number.POSITIVE_INFINITY;
  node.outbox = newOutbox(node.id, () => node.ring, world.rules);
  node.unstored = [];
  node.ring = newRing(world.options, node.id, node.arbiter, world.rules);
  world.checkers.restarted(node.id, node.store.control.delivered);
  world.handle(node, { kind: 'start', durable: node.store, tailCertain: node.tailCertain });
  node.tailCertain = true;
  if (!node.arbiter) startServer(world, node, true);
  if (node.queue > 0) world.handle(node, { kind: 'queue', length: node.queue });
}

export function startServer(world: World, node: SimNode, tailCertain: boolean): void {
  node.server.up = true;
  node.server.follows = null;
  node.server.epoch++;
  node.server.applied = node.server.log.length;
  const received = node.server.log.length;
  world.handle(node, { kind: 'position', received, applied: received });
  world.handle(node, { kind: 'server', up: true, tailCertain });
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
  // What was being written may have reached the disk.
  if (node.unstored.length > 0 && world.random.chance(0.5)) store(world, node, node.unstored.length);
  node.up = false;
  node.process++;
  node.paused = false;
  world.checkers.holds(node.id, null);
  stopServer(world, node, loses);
  if (!visible) return;
  for (const other of world.nodes) {
    if (other === node) continue;
    later(world, other, world.options.delayMs, () =>
      world.handle(other, { kind: 'disconnected', peer: node.id }),
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
    world.handle(node, { kind: 'tick' });
    for (const event of backlog) world.handle(node, event);
  });
}

/** Gives a node transactions to commit. */
export function enqueue(world: World, node: SimNode, count: number): void {
  if (!node.up || node.arbiter) return;
  node.queue += count;
  world.handle(node, { kind: 'queue', length: node.queue });
}
