/** Every plan, with a fault at every single call that it makes: the cluster stays truthful and loses nothing. */
import { describe, expect, it } from 'vitest';
import type { Clock } from '../base/clock.js';
import { RingmasterError } from '../base/errors.js';
import { silentLog } from '../base/log.js';
import type { MethodName } from '../contract/control.js';
import { nodeName } from '../model/ids.js';
import { replicates, type TargetState } from '../model/node-state.js';
import { hasEnded } from '../model/plan.js';
import { PeerModel } from '../sim/peer-model.js';
import { Coordinator } from './coordinator.js';
import type { ClusterMemory } from './ports.js';

/** Timers fire as soon as everything before them has run: retries cost no time. */
const hurried: Clock = {
  monotonicMs: () => 0,
  wallMs: () => 0,
  after(_delayMs, run) {
    const handle = setImmediate(run);
    return { cancel: () => clearImmediate(handle) };
  },
  every: () => ({ cancel: () => undefined }),
};

const nodes = [1, 2, 3].map((number) => ({
  name: nodeName(`db${number}`),
  serverId: number,
  address: { host: '127.0.0.1', port: 7000 + number },
  frontEnd: { host: '127.0.0.1', port: 7100 + number },
}));

async function openCluster(active: number) {
  const model = new PeerModel(nodes);
  let memory: ClusterMemory | undefined;
  const coordinator = new Coordinator({
    name: 'model',
    nodes,
    peers: { connect: async (node) => model.connect(node) },
    router: { route: async () => undefined },
    store: {
      load: async () => memory,
      save: async (next) => {
        memory = next;
      },
    },
    clock: hurried,
    log: silentLog(),
    operator: 'test',
  });
  await coordinator.open(active);
  return { model, coordinator };
}

type Opened = Awaited<ReturnType<typeof openCluster>>;

async function move({ coordinator }: Opened, node: string, target: TargetState) {
  const { handlers, cluster } = coordinator;
  const proposed = await handlers['plan.propose']({ node: nodeName(node), target, donor: null });
  await handlers['plan.run']({ plan: proposed.id });
  await settled(coordinator);
  if (!cluster.plan || !hasEnded(cluster.plan)) throw new Error('a plan without an end');
  return cluster.plan;
}

/** Lets the plan and the repair of the ring run to their ends. */
async function settled(coordinator: Coordinator): Promise<void> {
  for (let turn = 0; turn < 3000; turn++) {
    await new Promise(setImmediate);
    if (turn > 300 && (!coordinator.cluster.plan || hasEnded(coordinator.cluster.plan))) return;
  }
}

/** What must hold whatever happened. */
function checkTruth({ model, coordinator }: Opened, context: string): void {
  const { cluster } = coordinator;
  for (const server of model.servers.filter(({ running, readOnly }) => running && !readOnly))
    expect(cluster.ring, `${context}: ${server.node} takes writes as a member only`).toContain(server.node);
  for (const node of cluster.nodes) {
    const server = model.server(node.name);
    expect(node.state, `${context}: ${node.name} has arrived somewhere`).not.toBe('transitional');
    if (replicates(node.state))
      expect(server.running, `${context}: ${node.name} is ${node.state} and runs`).toBe(true);
    if (replicates(node.state))
      expect(cluster.ring, `${context}: ${node.name} is in the ring`).toContain(node.name);
    if (!replicates(node.state))
      expect(cluster.ring, `${context}: ${node.name} is not in the ring`).not.toContain(node.name);
    expect(
      node.role === 'donor' || node.role === 'joiner',
      `${context}: ${node.name} plays no part any more`,
    ).toBe(false);
  }
  checkHistories(model, context);
}

function checkHistories(model: PeerModel, context: string): void {
  model.write();
  const histories = model.servers.filter((server) => server.running).map((server) => server.data ?? []);
  const longest = histories.reduce((a, b) => (b.length > a.length ? b : a), []);
  for (const history of histories) {
    expect(longest.slice(0, history.length), `${context}: one history`).toEqual(history);
  }
}

/** Runs `act` with a fault at call 1, 2, 3, ... until a run has fewer calls than that. */
async function atEveryCall(
  active: number,
  prepare: (opened: Opened) => Promise<unknown>,
  act: (opened: Opened) => Promise<unknown>,
  strike: (opened: Opened, node: string, method: MethodName) => void,
): Promise<number> {
  for (let chosen = 1; ; chosen++) {
    const opened = await openCluster(active);
    await prepare(opened);
    let calls = 0;
    let struck = '';
    opened.model.fault = (node, method) => {
      calls++;
      if (calls !== chosen || struck !== '') return;
      struck = `call ${chosen} (${method} on ${node})`;
      strike(opened, node, method);
    };
    await act(opened).catch((error: unknown) => {
      if (!(error instanceof RingmasterError)) throw error;
    });
    await settled(opened.coordinator);
    opened.model.fault = () => undefined;
    if (struck === '') return chosen - 1;
    checkTruth(opened, struck);
  }
}

const nothing = async () => undefined;
const refuse = (_opened: Opened, node: string) => {
  throw new RingmasterError('server.query-failed', {
    node,
    errorNumber: 1,
    statement: 'x',
    message: 'fault',
  });
};
const killAndRefuse = (opened: Opened, node: string) => {
  opened.model.kill(node);
  throw new RingmasterError('server.not-running', { node });
};

describe.each([
  ['refuses', refuse],
  ['dies', killAndRefuse],
])('a server that %s at any call', (_words, strike) => {
  it.each([
    ['a join by online copy', 1, nothing, (opened: Opened) => move(opened, 'db2', 'active')],
    ['a join with the donor aside', 2, nothing, (opened: Opened) => move(opened, 'db3', 'active')],
    [
      'an incremental join',
      3,
      (opened: Opened) => move(opened, 'db2', 'offline'),
      (opened: Opened) => move(opened, 'db2', 'active'),
    ],
    ['taking an active node offline', 3, nothing, (opened: Opened) => move(opened, 'db1', 'offline')],
    ['a standby', 2, nothing, (opened: Opened) => move(opened, 'db1', 'standby')],
  ] as const)('during %s', async (_what, active, prepare, act) => {
    expect(await atEveryCall(active, prepare, act, strike)).toBeGreaterThan(1);
  });
});

describe('plans without faults', () => {
  it('compare tables at one position even when the predecessor commits later than it sends', async () => {
    const opened = await openCluster(1);
    opened.model.snapshotsBehind = [4, 4];
    const plan = await move(opened, 'db2', 'active');
    expect(plan.error?.text ?? plan.state).toBe('done');
    expect(opened.model.snapshotsBehind).toEqual([]);
  });

  it('bring three nodes together and apart again', async () => {
    const opened = await openCluster(1);
    for (const [node, target] of [
      ['db2', 'active'],
      ['db3', 'standby'],
      ['db3', 'active'],
      ['db1', 'offline'],
      ['db1', 'active'],
      ['db2', 'standby'],
      ['db2', 'offline'],
    ] as const) {
      const plan = await move(opened, node, target);
      expect(plan.error?.text ?? plan.state).toBe('done');
      checkTruth(opened, plan.title);
    }
    expect(opened.coordinator.cluster.ring).toEqual(['db1', 'db3']);
  });
});
