/** The parts of a simulated cluster. */
import type { Random } from '../base/random.js';
import { isCurrent } from '../ring/current.js';
import type { MemberId, newDurable, RingEvent, Voter } from '../ring/model.js';
import { Outbox } from '../ring/outbox.js';
import type { Rules } from '../ring/rules.js';
import type { Ring } from '../ring/state.js';
import { createRing } from '../ring/step.js';
import type { Agenda } from './agenda.js';
import type { Checkers } from './checkers.js';
import type { Network } from './network.js';
import type { SimOptions } from './options.js';
import type { Server } from './server.js';

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
  /** What is on its disk. */
  store: ReturnType<typeof newDurable>;
  outbox: Outbox;
  /** Promises that are not on its disk, in order. */
  unstored: { readonly number: number; readonly durable: ReturnType<typeof newDurable> }[];
  /** How long its disk needs for a write, at most; 0 for no time at all. Milliseconds. */
  diskMs: number;
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
  /** The process dies when it passes the token next: before the token left, or just after. */
  dieAtPass: 'before' | 'after' | null;
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
  /** Gives an event to a peer; a paused one gets it when it goes on. */
  handle(node: SimNode, event: RingEvent): void;
}

/** A peer's ring before it starts. */
export function newRing(options: SimOptions, id: MemberId, arbiter: boolean, rules: Rules): Ring {
  const peers = Array.from({ length: options.members }, (_, index) => index + 1).filter(
    (peer) => peer !== id,
  );
  return createRing({ id, arbiter, peers, networks: options.networks }, options.settings, rules);
}

/** The queue between a peer's protocol and this world. */
export const newOutbox = (id: MemberId, ring: () => Ring, rules: Rules): Outbox =>
  new Outbox(id, (action) => isCurrent(ring().state, action), rules.mayOvertake);

/** Calls `run` after `delayMs` unless the process ended meanwhile. */
export function later(world: World, node: SimNode, delayMs: number, run: () => void): void {
  const { process } = node;
  world.agenda.after(delayMs, () => {
    if (node.up && node.process === process) run();
  });
}

/** What the checkers may see of the nodes. */
export const watched = (world: World) =>
  world.nodes.map(({ id, voter: { life }, store: { promised }, server: { log } }) => ({
    id,
    life,
    promised,
    log,
  }));

/** The first `count` promises that wait are on disk. */
export function store(world: World, node: SimNode, count: number): void {
  for (const { durable } of node.unstored.splice(0, count)) {
    const { primary } = durable;
    const known = node.store.primary;
    node.store = durable;
    if (!primary || primary === known || primary.ringId <= 1) continue;
    world.checkers.primaryStored(node.id, primary, durable.ambiguous.length === 0, watched(world));
  }
}
