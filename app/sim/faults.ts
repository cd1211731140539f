/** What goes wrong, when, and how it is mended. */
import { majorityOf } from '../ring/quorum.js';
import type { SimNode, World } from './cluster.js';
import { crashNode, pauseNode, startNode, startServer, stopServer, wipeNode } from './lifecycle.js';
import type { FaultKind } from './options.js';
import { faultsUntilMs } from './options.js';
import { copyLater } from './server-work.js';

/** Time that something stays broken, milliseconds. */
const brokenMs = (world: World): number => {
  const { random, options } = world;
  return random.chance(0.5)
    ? random.integer(50, 800)
    : random.integer(800, 10 * options.settings.expelAfterMs);
};

/** An exponentially distributed time with this mean, milliseconds. */
export const aboutMs = (world: World, meanMs: number): number => -meanMs * Math.log(1 - world.random.next());

/** Keeps breaking things until the faults end. */
export function breakThings(world: World): void {
  const { agenda, random, options } = world;
  agenda.after(aboutMs(world, options.faultEveryMs), () => {
    if (agenda.nowMs > faultsUntilMs) return;
    const kind = random.pick(options.faults);
    const node = random.pick(world.nodes);
    if (world.trace) world.trace(`${agenda.nowMs.toFixed(1).padStart(8)}  --- ${kind} at ${node.id}`);
    faults[kind](world, node);
    breakThings(world);
  });
}

const whileBroken = (world: World, mend: () => void): void => {
  world.agenda.after(brokenMs(world), () => {
    if (world.agenda.nowMs < faultsUntilMs) mend();
  });
};

const comeBack = (world: World, node: SimNode) => (): void => {
  if (!node.up) startNode(world, node);
};

const faults: Record<FaultKind, (world: World, node: SimNode) => void> = {
  crash(world, node) {
    if (world.random.chance(0.3) && node.up) node.dieAfter = world.random.integer(0, 3);
    else crashNode(world, node, false, world.random.chance(world.options.visibleCrashes));
    whileBroken(world, comeBack(world, node));
  },
  'host-crash'(world, node) {
    crashNode(world, node, true, false);
    whileBroken(world, comeBack(world, node));
  },
  wipe(world, node) {
    if (!canSpare(world, node)) return;
    crashNode(world, node, false, false);
    wipeNode(world, node);
    whileBroken(world, comeBack(world, node));
  },
  'server-crash'(world, node) {
    if (!node.up || !node.server.up || node.arbiter) return;
    const loses = world.options.faults.includes('host-crash') && world.random.chance(0.3);
    stopServer(world, node, loses);
    world.handle(node, { kind: 'server', up: false, tailCertain: true });
    whileBroken(world, () => {
      if (!node.up || node.server.up) return;
      const { tailCertain } = node;
      node.tailCertain = true;
      startServer(world, node, tailCertain);
    });
  },
  pause(world, node) {
    // Nobody sleeps longer than the faults last.
    const forMs = Math.min(brokenMs(world), faultsUntilMs - world.agenda.nowMs);
    if (node.up && !node.paused) pauseNode(world, node, forMs);
  },
  partition(world) {
    world.partitions++;
    const side = world.nodes.filter(() => world.random.chance(0.5));
    cut(world, side, true, -1);
    whileBroken(world, () => cut(world, side, false, -1));
  },
  'one-way'(world, node) {
    world.partitions++;
    const others = world.nodes.filter((other) => other !== node && world.random.chance(0.5));
    const inward = world.random.chance(0.5);
    const set = (blocked: boolean): void => {
      for (const other of others) {
        world.network.block(inward ? other.id : node.id, inward ? node.id : other.id, -1, blocked);
      }
    };
    set(true);
    whileBroken(world, () => set(false));
  },
  'cut-network'(world) {
    const which = world.random.integer(0, world.options.networks - 1);
    const side = world.nodes.filter(() => world.random.chance(0.4));
    cut(world, side, true, which);
    whileBroken(world, () => cut(world, side, false, which));
  },
  slow(world, node) {
    world.network.slow(node.id, world.random.integer(5, 200));
    whileBroken(world, () => world.network.slow(node.id, 0));
  },
  'slow-disk'(world, node) {
    // Now and then a disk takes nothing for so long that its node gives up.
    const { expelAfterMs } = world.options.settings;
    node.diskMs = expelAfterMs * (world.random.chance(0.2) ? 30 : world.random.pick([0.3, 1, 3]));
    whileBroken(world, () => {
      node.diskMs = world.options.diskMs;
    });
  },
  leave(world, node) {
    world.handle(node, { kind: 'leave' });
    whileBroken(world, () => world.handle(node, { kind: 'rejoin' }));
  },
};

function cut(world: World, side: readonly SimNode[], blocked: boolean, network: number): void {
  for (const one of side) {
    for (const other of world.nodes) {
      if (side.includes(other)) continue;
      world.network.block(one.id, other.id, network, blocked);
      world.network.block(other.id, one.id, network, blocked);
    }
  }
}

/** Would the cluster keep a majority of every membership that counts now without this node's store? */
function canSpare(world: World, node: SimNode): boolean {
  const views = world.nodes.flatMap(({ store }) => store.ambiguous);
  const newest = world.checkers.newest();
  if (newest) views.push(newest);
  // The newest view may be known to this store alone: the others would go on from the last one that they know.
  const known = world.nodes.flatMap(({ id, store: { primary } }) =>
    id !== node.id && primary ? [primary] : [],
  );
  const last = Math.max(0, ...known.map(({ ringId }) => ringId));
  views.push(...known.filter(({ ringId }) => ringId === last));
  return views.every((view) => {
    const left = view.members.filter(
      (member) =>
        member.id !== node.id &&
        world.nodes.some(({ voter }) => voter.id === member.id && voter.life === member.life),
    );
    return left.length >= majorityOf(view.members.length);
  });
}

/** Everything works again: whoever is down starts, whoever left comes back. */
export function mendEverything(world: World): void {
  world.network.heal();
  for (const node of world.nodes) {
    node.dieAfter = null;
    node.diskMs = world.options.diskMs;
    if (!node.up) startNode(world, node);
    else if (!node.arbiter && !node.server.up) {
      const { tailCertain } = node;
      node.tailCertain = true;
      startServer(world, node, tailCertain);
    }
    world.handle(node, { kind: 'rejoin' });
    if (node.ring.barred) copyLater(world, node);
  }
}

/** The operator names those whose stores are gone for ever, when the cluster cannot decide without. */
export function declareWiped(world: World): void {
  const lives = world.nodes.flatMap(({ store }) => [
    ...(store.primary?.members ?? []),
    ...store.ambiguous.flatMap(({ members }) => members),
  ]);
  const gone = lives.filter(
    (member) => !world.nodes.some(({ voter }) => voter.id === member.id && voter.life === member.life),
  );
  if (gone.length === 0) return;
  const voters = gone.map(({ id, life }) => ({ id, life }));
  world.checkers.declaredDead(voters);
  for (const node of world.nodes) world.handle(node, { kind: 'declare-dead', voters });
}
