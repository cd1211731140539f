/** Clusters in every situation, for tests and for looking at. Times are relative to `nowMs`. */
import { RingmasterError } from '../../app/base/errors.js';
import type { ClusterSnapshot, NodeView } from '../../app/model/cluster.js';
import { type NodeName, nodeName } from '../../app/model/ids.js';
import {
  activeNode,
  asideNode,
  eventOf,
  eventsOf,
  follows,
  joinPlan,
  labSnapshot,
  loadOf,
  nodeOf,
  runningPlan,
  sampleOf,
} from './cluster-parts.js';

const names = (...texts: readonly string[]): readonly NodeName[] => texts.map(nodeName);

const twoActive = (nowMs: number): readonly NodeView[] => [
  activeNode(
    nowMs,
    'db1',
    { replication: follows('db2') },
    { sessions: 179, cpuPercent: 91, transactionsPerSecond: 1190 },
  ),
  activeNode(
    nowMs,
    'db2',
    { replication: follows('db1', 3) },
    { sessions: 171, cpuPercent: 64, transactionsPerSecond: 1012 },
  ),
  nodeOf('db3', { reason: 'stopped by the operator' }),
];

const joining = (nowMs: number): readonly NodeView[] => [
  activeNode(nowMs, 'db1', { replication: follows('db2') }),
  activeNode(
    nowMs,
    'db2',
    {
      state: 'transitional',
      role: 'donor',
      activity: 'applier frozen, 812 changes kept',
      replication: { ...follows('db1', 812), applier: 'frozen' } as NodeView['replication'],
    },
    { sessions: 0, cpuPercent: 38, transactionsPerSecond: 0 },
  ),
  nodeOf('db3', {
    state: 'transitional',
    wanted: 'active',
    role: 'joiner',
    activity: 'receiving copy, 1.29 GB of 2.01 GB',
  }),
];

const threeActive = (nowMs: number): readonly NodeView[] => [
  activeNode(
    nowMs,
    'db1',
    { replication: follows('db3') },
    { sessions: 118, cpuPercent: 82, transactionsPerSecond: 1104 },
  ),
  activeNode(
    nowMs,
    'db2',
    { replication: follows('db1') },
    { sessions: 116, cpuPercent: 71, transactionsPerSecond: 998 },
  ),
  activeNode(
    nowMs,
    'db3',
    { replication: follows('db2', 12) },
    { sessions: 116, cpuPercent: 74, transactionsPerSecond: 1011 },
  ),
];

const failedNode = (nowMs: number): readonly NodeView[] => [
  activeNode(nowMs, 'db1', { replication: follows('db3') }, { sessions: 181, cpuPercent: 97 }),
  nodeOf('db2', { state: 'failed', wanted: 'active', reason: 'killed by SIGKILL at 03:12:44' }),
  activeNode(
    nowMs,
    'db3',
    { replication: follows('db1') },
    { sessions: 169, cpuPercent: 88, transactionsPerSecond: 1090 },
  ),
];

const longNames = (nowMs: number): readonly NodeView[] => [
  activeNode(nowMs, 'production-frankfurt-rack4-db01', { replication: follows('db2') }),
  activeNode(nowMs, 'production-frankfurt-rack5-db02', {
    replication: {
      ...follows('db1'),
      error:
        'Error 1950: An attempt was made to binlog GTID 0-3-22 which would create an out-of-order sequence number',
    } as NodeView['replication'],
  }),
  nodeOf('production-frankfurt-rack6-db03', {
    state: 'failed',
    reason: 'the server ended with exit code 1: InnoDB could not open the system tablespace',
  }),
];

const manyNodes = (nowMs: number, count: number): readonly NodeView[] =>
  Array.from({ length: count }, (_, index) => {
    const name = `db${index + 1}`;
    if (index === 2) return asideNode(nowMs, name, true);
    if (index === 4)
      return nodeOf(name, {
        state: 'standby',
        wanted: 'standby',
        replication: follows('db4'),
        sample: sampleOf(nowMs, { sessions: 0, cpuPercent: 12, transactionsPerSecond: 0 }),
      });
    if (index === 5)
      return activeNode(
        nowMs,
        name,
        { replication: follows('db5') },
        { takenAtMs: nowMs - 7_400, sessions: 61 },
      );
    return activeNode(nowMs, name, { role: null }, { sessions: 50 + index, cpuPercent: 60 + index });
  });

const ringOf = (nodes: readonly NodeView[]): readonly NodeName[] =>
  nodes.filter((node) => node.state === 'active' || node.state === 'standby').map((node) => node.name);

/** What has to be shown well, by name. */
export const scenes: Readonly<Record<string, (nowMs: number) => ClusterSnapshot>> = {
  starting: (nowMs) =>
    labSnapshot(nowMs, {
      nodes: ['db1', 'db2', 'db3'].map((name) =>
        nodeOf(name, name === 'db1' ? { state: 'transitional', activity: 'starting' } : {}),
      ),
      ring: [],
      load: null,
      frontEnd: null,
      events: [],
      startingUp: 'Starting the servers: db1 is up, waiting for db2 and db3.',
    }),
  one: (nowMs) => labSnapshot(nowMs),
  two: (nowMs) =>
    labSnapshot(nowMs, {
      nodes: twoActive(nowMs),
      ring: names('db1', 'db2'),
      events: eventsOf(nowMs).slice(0, 4),
    }),
  joining: (nowMs) =>
    labSnapshot(nowMs, {
      nodes: joining(nowMs),
      ring: names('db1', 'db2'),
      plan: runningPlan(nowMs),
      verification: null,
      verifiesJoins: true,
      events: eventsOf(nowMs),
    }),
  three: (nowMs) =>
    labSnapshot(nowMs, {
      nodes: threeActive(nowMs),
      ring: names('db1', 'db2', 'db3'),
      events: eventsOf(nowMs),
      load: loadOf(nowMs, 3113),
      plan: {
        ...runningPlan(nowMs),
        state: 'done',
        endedAtMs: nowMs - 1_000,
        steps: joinPlan(nowMs).steps.map((step) => ({
          ...step,
          state: 'done',
          startedAtMs: nowMs - 5_000,
          endedAtMs: nowMs - 3_000,
          outcome: null,
        })),
      },
    }),
  failed: (nowMs) =>
    labSnapshot(nowMs, {
      nodes: failedNode(nowMs),
      ring: names('db1', 'db3'),
      events: [
        ...eventsOf(nowMs),
        eventOf(7, nowMs - 4_000, {
          kind: 'failure',
          severity: 'bad',
          node: nodeName('db2'),
          text: 'db2 failed: killed by SIGKILL',
          mark: true,
        }),
      ],
    }),
  maintenance: (nowMs) => {
    const nodes = [...threeActive(nowMs).slice(0, 2), asideNode(nowMs, 'db3', false)];
    return labSnapshot(nowMs, { nodes, ring: ringOf(nodes), events: eventsOf(nowMs) });
  },
  overdue: (nowMs) => {
    const nodes = [...threeActive(nowMs).slice(0, 2), asideNode(nowMs, 'db3', true)];
    return labSnapshot(nowMs, { nodes, ring: ringOf(nodes), events: eventsOf(nowMs) });
  },
  'plan-failed': (nowMs) =>
    labSnapshot(nowMs, {
      nodes: twoActive(nowMs),
      ring: names('db1', 'db2'),
      events: eventsOf(nowMs),
      plan: runningPlan(nowMs, {
        state: 'failed',
        steps: runningPlan(nowMs).steps.map((step) =>
          step.state === 'running'
            ? { ...step, state: 'failed', endedAtMs: nowMs - 2_000, progress: null }
            : step,
        ),
        endedAtMs: nowMs - 2_000,
        error: new RingmasterError('snapshot.failed', {
          donor: 'db2',
          joiner: 'db3',
          cause: 'the disk of db3 is full',
        }).view(),
      }),
    }),
  long: (nowMs) => {
    const nodes = longNames(nowMs);
    return labSnapshot(nowMs, { nodes, ring: ringOf(nodes), events: eventsOf(nowMs) });
  },
  seven: (nowMs) => {
    const nodes = manyNodes(nowMs, 7);
    return labSnapshot(nowMs, { nodes, ring: ringOf(nodes), events: eventsOf(nowMs) });
  },
  nine: (nowMs) => {
    const nodes = manyNodes(nowMs, 9);
    return labSnapshot(nowMs, { nodes, ring: ringOf(nodes), events: eventsOf(nowMs) });
  },
  problem: (nowMs) =>
    labSnapshot(nowMs, {
      problem: new RingmasterError('host.disk-full', {
        freeMegabytes: 212,
        neededMegabytes: 2_100,
        path: '/var/lib/ringmaster',
        host: 'this machine',
      }).view(),
    }),
};
