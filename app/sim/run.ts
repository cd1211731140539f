/** Runs one seed: faults, then everything mended, then one ring and progress within a bound. */
import { seededRandom } from '../base/random.js';
import { type Rules, soundRules } from '../ring/rules.js';
import type { Violation } from './checkers.js';
import type { World } from './cluster.js';
import { aboutMs, breakThings, declareWiped, mendEverything } from './faults.js';
import { enqueue, startNode } from './lifecycle.js';
import { drawOptions, faultsUntilMs, runMs, type SimOptions } from './options.js';
import { createWorld } from './world.js';

export interface SeedResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly views: number;
  readonly crashes: number;
  readonly partitions: number;
  readonly commits: number;
  readonly acknowledged: number;
  readonly events: number;
}

/** After the mending, one ring of everybody must stand by then. Virtual milliseconds. */
const ringBoundMs = 14_000;

/**
 * @param trace called with each line of the trace
 * @param change adjusts what the seed drew, for tests that need one feature
 */
export function runSeed(
  seed: number,
  rules: Rules = soundRules,
  trace: ((line: string) => void) | null = null,
  change: (options: SimOptions) => SimOptions = (options) => options,
): SeedResult {
  const options = change(drawOptions(seededRandom(seed ^ 0x5eed)));
  const world = createWorld(seed, options, rules, trace);
  const { agenda, checkers } = world;
  const stopped = (): boolean => checkers.violations.length > 0;
  try {
    simulate(world, stopped);
  } catch (thrown) {
    checkers.fail(
      'the protocol does not throw',
      thrown instanceof Error ? (thrown.stack ?? '') : String(thrown),
    );
  }
  return {
    seed,
    violations: checkers.violations,
    views: checkers.views,
    crashes: world.crashes,
    partitions: world.partitions,
    commits: world.commits,
    acknowledged: checkers.acknowledgedCount,
    events: agenda.count,
  };
}

function simulate(world: World, stopped: () => boolean): void {
  const { agenda } = world;
  for (const node of world.nodes) startNode(world, node);
  bursts(world);
  agenda.runUntil(2_000, stopped);
  if (stopped()) return;
  breakThings(world);
  agenda.runUntil(faultsUntilMs, stopped);
  if (stopped()) return;
  world.trace?.('--- everything is mended');
  mendEverything(world);
  agenda.runUntil(faultsUntilMs + ringBoundMs / 2, stopped);
  if (stopped()) return;
  if (!inOneRing(world)) declareWiped(world);
  agenda.runUntil(faultsUntilMs + ringBoundMs, stopped);
  if (stopped()) return;
  checkOneRing(world);
  const before = askEverybody(world);
  agenda.runUntil(runMs, stopped);
  if (!stopped()) checkProgress(world, before);
}

/** Transactions and control messages at random times, while things break. */
function bursts(world: World): void {
  const { agenda, random, options } = world;
  agenda.after(aboutMs(world, options.burstEveryMs), () => {
    if (agenda.nowMs > faultsUntilMs) return;
    const node = random.pick(world.nodes);
    if (random.chance(0.06)) world.handle(node, { kind: 'submit', payload: `say ${world.nextChange++}` });
    else enqueue(world, node, random.integer(1, 3));
    bursts(world);
  });
}

const inOneRing = (world: World): boolean => {
  const newest = world.checkers.newest();
  return world.nodes.every(
    ({ ring: { state } }) => state.kind === 'operational' && state.view.ringId === newest?.ringId,
  );
};

function checkOneRing(world: World): void {
  if (inOneRing(world)) return;
  const states = world.nodes.map(({ id, ring: { state, barred } }) => {
    const detail =
      state.kind === 'operational' ? state.view.ringId : state.kind === 'gather' ? state.waitsFor : '';
    return `${id} ${state.kind} ${detail ?? ''} ${barred ?? ''}`;
  });
  world.checkers.fail('one ring after healing', states.join(', '));
}

/** Everybody commits one transaction and says one thing. */
function askEverybody(world: World): number {
  for (const node of world.nodes) {
    enqueue(world, node, 1);
    world.handle(node, { kind: 'submit', payload: `last word of ${node.id}` });
  }
  return world.checkers.acknowledgedCount;
}

function checkProgress(world: World, before: number): void {
  const { checkers } = world;
  const writers = world.nodes.filter(({ arbiter }) => !arbiter);
  if (checkers.acknowledgedCount - before < writers.length || writers.some(({ queue }) => queue > 0)) {
    const queues = writers.map(({ id, queue, owed }) => `${id}: ${queue} waiting, ${owed.length} owed`);
    checkers.fail('progress after healing', queues.join(', '));
  }
  const lengths = new Set(writers.map(({ server }) => server.log.length));
  if (lengths.size > 1) checkers.fail('progress after healing', `logs end at ${[...lengths].join(', ')}`);
  const said = new Set(world.nodes.map(({ ring }) => ring.durable.control.delivered));
  if (said.size > 1) checkers.fail('progress after healing', `control ends at ${[...said].join(', ')}`);
}
