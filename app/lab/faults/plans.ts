/** Faults in the middle of a plan: whoever takes part in it dies at one of its steps. */
import { waitFor } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Random } from '../../base/random.js';
import { hasEnded, type Plan } from '../../model/plan.js';
import { changeByHand } from './data.js';
import { type FaultKind, possibleHere, type Struck, type World } from './fault.js';
import type { Part } from './node-processes.js';

/** How long a plan may take until the step at which somebody dies. */
const untilStepMs = 120_000;
/** Between two looks: many steps take a few milliseconds. */
const lookEveryMs = 5;

/** The plan under which somebody dies. */
type Journey = 'leave' | 'join' | 'copy';

/** Gets a node to where its plan begins, and begins it. */
async function depart(world: World, node: string, journey: Journey, random: Random): Promise<Plan> {
  const { operator } = world;
  if (journey === 'leave') return await operator.begin(node, 'offline');
  await operator.move(node, 'offline');
  if (journey === 'join') return await operator.begin(node, 'active');
  // A node that holds what the ring does not know gets a full copy; the first plan finds that out.
  await changeByHand(world, node, random);
  await operator.move(node, 'active');
  return await operator.begin(node, 'active');
}

/** Waits until step `index` runs, or is over already. @returns its title, or that the plan ended before */
async function arrive({ operator, clock }: World, plan: Plan, index: number): Promise<string> {
  const there = await waitFor(
    clock,
    async () => {
      const now = (await operator.snapshot()).plan;
      if (now?.id !== plan.id || hasEnded(now)) return 'its end';
      const step = now.steps[index];
      return step && step.state !== 'waiting' ? step.title : undefined;
    },
    { everyMs: lookEveryMs, timeoutMs: untilStepMs },
  );
  return there ?? 'no step, which took too long';
}

async function underWay(
  world: World,
  random: Random,
  journeys: readonly Journey[],
  die: (plan: Plan, node: string) => Promise<string>,
): Promise<Struck> {
  const node = random.pick(world.nodes);
  const journey = random.pick(journeys);
  const plan = await depart(world, node, journey, random);
  const step = await arrive(world, plan, random.integer(0, plan.steps.length - 1));
  const died = await die(plan, node);
  await world.operator.ended(plan);
  return { told: `${plan.title} (${journey}), at ${step}: ${died}` };
}

const kill = async (world: World, node: string, part: Part): Promise<string> => {
  const killed = await world.processes.kill([{ node, part }]);
  return killed.length > 0 ? `killed: ${killed.join(', ')}` : `the ${part} of ${node} did not run`;
};

function dying(
  name: string,
  weight: number,
  journeys: readonly Journey[],
  die: (world: World, random: Random, plan: Plan, node: string) => Promise<string>,
): FaultKind {
  return {
    name,
    weight,
    impossible: possibleHere,
    strike: (world, random) =>
      underWay(world, random, journeys, (plan, node) => die(world, random, plan, node)),
  };
}

/** A node that helps: the donor where there is one, else somebody else in the ring. */
const helper = (world: World, random: Random, plan: Plan, node: string): string =>
  plan.donor?.name ?? random.pick(world.nodes.filter((other) => other !== node));

export const planFaults: readonly FaultKind[] = [
  {
    name: 'leave',
    weight: 1,
    impossible: possibleHere,
    strike: async ({ operator, nodes }, random) => {
      const end = await operator.move(random.pick(nodes), random.pick(['offline', 'standby'] as const));
      return { told: end?.words ?? 'a plan was not heard of again' };
    },
  },
  dying('joiner-dies', 3, ['join', 'copy', 'copy'], (world, random, _plan, node) =>
    kill(world, node, random.pick(['server', 'peer'] as const)),
  ),
  dying('donor-dies', 3, ['join', 'copy', 'copy'], (world, random, plan, node) =>
    kill(world, helper(world, random, plan, node), random.pick(['server', 'peer'] as const)),
  ),
  dying('leaver-dies', 1, ['leave'], (world, random, _plan, node) =>
    kill(world, node, random.pick(['server', 'peer'] as const)),
  ),
  dying('coordinator-dies', 3, ['leave', 'join', 'copy'], async ({ operator }) => {
    await operator.killCoordinator().catch((error: unknown) => {
      throw new Error(`the lab did not come back: ${messageOf(error)}`);
    });
    return 'the coordinator was killed, and started again';
  }),
];
