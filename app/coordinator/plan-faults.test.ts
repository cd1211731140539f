/** Every plan, with a fault at every single call that it makes: the cluster stays truthful and loses nothing. */
import { describe, expect, it } from 'vitest';
import { RingmasterError } from '../base/errors.js';
import type { MethodName } from '../contract/control.js';
import { nodeName } from '../model/ids.js';
import { replicates } from '../model/node-state.js';
import type { PeerModel } from '../sim/peer-model.js';
import { move, type OpenedModel as Opened, openModel, runSeries, settled } from './testing/model-cluster.js';

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
    expect(node.maintenance !== null, `${context}: ${node.name} is ${node.state}, and why is known`).toBe(
      node.state === 'maintenance',
    );
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
    const opened = await openModel(active);
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
const restartAll = (opened: Opened) =>
  runSeries(opened, ['db1', 'db2', 'db3'], { kind: 'restart', options: { max_connections: '500' } });
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
    [
      'taking an active node into maintenance',
      3,
      nothing,
      (opened: Opened) => move(opened, 'db1', 'maintenance'),
    ],
    [
      'the way back from maintenance',
      3,
      (opened: Opened) => move(opened, 'db2', 'maintenance'),
      (opened: Opened) => move(opened, 'db2', 'active'),
    ],
    ['a standby', 2, nothing, (opened: Opened) => move(opened, 'db1', 'standby')],
    ['restarts of three nodes, one after another', 3, nothing, restartAll],
    [
      'the ring that is formed again after two of three died',
      3,
      async ({ model, coordinator }: Opened) => {
        for (const node of ['db1', 'db2']) model.kill(node);
        await settled(coordinator);
      },
      (opened: Opened) => move(opened, 'db1', 'active'),
    ],
  ] as const)(
    'during %s',
    async (_what, active, prepare, act) => {
      expect(await atEveryCall(active, prepare, act, strike)).toBeGreaterThan(1);
    },
    60_000,
  );
});

describe('plans without faults', () => {
  it('compare tables at one position even when the predecessor commits later than it sends', async () => {
    const opened = await openModel(1);
    opened.model.snapshotsBehind = [4, 4];
    const plan = await move(opened, 'db2', 'active');
    expect(plan.error?.text ?? plan.state).toBe('done');
    expect(opened.model.snapshotsBehind).toEqual([]);
  });

  it('bring back a node that its ring refused after its peer was away', async () => {
    const opened = await openModel(3);
    const { cluster } = opened.coordinator;
    opened.model.refuse('db2');
    await settled(opened.coordinator);
    expect(cluster.node(nodeName('db2'))).toMatchObject({
      state: 'failed',
      reason: 'the ring went on without it, and its data must be compared with the ring before it may return',
    });
    checkTruth(opened, 'refused');
    const plan = await move(opened, 'db2', 'active');
    expect(plan.error?.text ?? plan.state).toBe('done');
    checkTruth(opened, plan.title);
    expect(cluster.ring).toEqual(['db1', 'db2', 'db3']);
  });

  it.each([
    ['replication.wait-for', 'replication.stopped', { errorNumber: 1062, message: 'Duplicate entry' }],
    [
      'data.checksums',
      'replication.checksum-differs',
      { table: 'bank.accounts', other: 'db1', checksum: 1, expected: 2 },
    ],
  ] as const)(
    'give a full copy to a node whose data were not those of the ring: %s',
    async (method, code, data) => {
      const opened = await openModel(3);
      const { cluster } = opened.coordinator;
      await move(opened, 'db2', 'offline');
      let struck = false;
      opened.model.fault = (node, called) => {
        if (node !== 'db2' || called !== method || struck) return;
        struck = true;
        throw new RingmasterError(code, { node, ...data });
      };
      expect((await move(opened, 'db2', 'active')).state).toBe('failed');
      expect(cluster.node(nodeName('db2')).needsCopy).not.toBeNull();
      const plan = await move(opened, 'db2', 'active');
      expect(plan).toMatchObject({ state: 'done', method: 'snapshot' });
      expect(cluster.node(nodeName('db2')).needsCopy).toBeNull();
      checkTruth(opened, plan.title);
    },
  );

  it('bring three nodes together and apart again', async () => {
    const opened = await openModel(1);
    for (const [node, target] of [
      ['db2', 'active'],
      ['db3', 'standby'],
      ['db3', 'active'],
      ['db1', 'offline'],
      ['db1', 'active'],
      ['db2', 'standby'],
      ['db2', 'maintenance'],
      ['db2', 'standby'],
      ['db2', 'maintenance'],
      ['db2', 'offline'],
    ] as const) {
      const plan = await move(opened, node, target);
      expect(plan.error?.text ?? plan.state).toBe('done');
      checkTruth(opened, plan.title);
    }
    expect(opened.coordinator.cluster.ring).toEqual(['db1', 'db3']);
  });
});
