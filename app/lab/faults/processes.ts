/** Faults of processes: killed, or standing still for a while. */
import { delay } from '../../base/clock.js';
import type { Random } from '../../base/random.js';
import { sequenceOf } from '../../model/gtid.js';
import { type FaultKind, possibleHere, type Struck, type World } from './fault.js';
import type { Part } from './node-processes.js';

/** How long a process stands still at least and at most. */
const stillMsMin = 200;
const stillMsMax = 8_000;
/** What was on its way when the quorum was lost has its answer after so long, and how long nothing may follow then. */
const settledMs = 1_500;
const aloneMs = 3_000;
const noticedMs = 20_000;

function kill(name: string, weight: number, parts: readonly Part[]): FaultKind {
  return {
    name,
    weight,
    impossible: possibleHere,
    strike: async ({ nodes, processes }, random) => {
      const node = random.pick(nodes);
      const killed = await processes.kill(parts.map((part) => ({ node, part })));
      return { told: `killed: ${killed.join(', ')}` };
    },
  };
}

function still(name: string, part: Part): FaultKind {
  return {
    name,
    weight: 2,
    impossible: possibleHere,
    strike: async ({ nodes, processes, clock }, random) => {
      const node = random.pick(nodes);
      const forMs = random.integer(stillMsMin, stillMsMax);
      await processes.signal(node, part, 'SIGSTOP');
      await delay(clock, forMs);
      await processes.signal(node, part, 'SIGCONT');
      return { told: `the ${part} of ${node} stood still for ${forMs} ms` };
    },
  };
}

/** The one that is left may not acknowledge anything: what it commits alone the others do not know. */
async function twoServers(world: World, random: Random): Promise<Struck> {
  const { nodes, processes, operator, crowd, clock } = world;
  const alone = random.pick(nodes);
  const others = nodes.filter((node) => node !== alone);
  const killed = await processes.kill(others.map((node) => ({ node, part: 'server' as const })));
  await operator.until(
    `${others.join(' and ')} are seen as failed`,
    (snapshot) => snapshot.nodes.every(({ name, state }) => !others.includes(name) || state === 'failed'),
    noticedMs,
  );
  await delay(clock, settledMs);
  const admin = await world.admin(alone);
  const where = async () =>
    sequenceOf(String((await admin.one('SELECT @@global.gtid_binlog_pos AS position')).position));
  const [acknowledged, stood] = [crowd.acknowledged, await where()];
  await delay(clock, aloneMs);
  const problems: string[] = [];
  if (crowd.acknowledged !== acknowledged)
    problems.push(`lost quorum: ${alone} acknowledged ${crowd.acknowledged - acknowledged} changes alone`);
  if ((await where()) !== stood)
    problems.push(`lost quorum: ${alone} went on from ${stood} to ${await where()} alone`);
  await admin.close();
  return { told: `killed: ${killed.join(', ')}`, problems };
}

export const processFaults: readonly FaultKind[] = [
  kill('kill-server', 3, ['server']),
  kill('kill-peer', 3, ['peer']),
  kill('kill-node', 2, ['peer', 'server']),
  still('pause-server', 'server'),
  still('pause-peer', 'peer'),
  { name: 'kill-two-servers', weight: 2, impossible: possibleHere, strike: twoServers },
  {
    name: 'kill-all-servers',
    weight: 1,
    impossible: possibleHere,
    strike: async ({ nodes, processes }) => ({
      told: `killed: ${(await processes.kill(nodes.map((node) => ({ node, part: 'server' as const })))).join(', ')}`,
    }),
  },
];
