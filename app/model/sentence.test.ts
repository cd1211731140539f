import { describe, expect, it } from 'vitest';
import { RingmasterError } from '../base/errors.js';
import type { ClusterSnapshot, NodeView } from './cluster.js';
import { nodeName, planId, serverId } from './ids.js';
import type { NodeState } from './node-state.js';
import type { Plan, PlanStep, StepAction, StepProgress } from './plan.js';
import { describeCluster, failuresTolerated, listNames } from './sentence.js';
import { frontEndOf } from './testing/views.js';

const node = (name: string, state: NodeState, part: Partial<NodeView> = {}): NodeView => ({
  name: nodeName(name),
  host: '127.0.0.1',
  port: 3306,
  serverId: serverId(1),
  state,
  wanted: 'active',
  reason: null,
  maintenance: null,
  role: null,
  activity: null,
  hasData: true,
  position: null,
  version: null,
  dataBytes: null,
  disk: null,
  needsCopy: null,
  replication: null,
  sample: null,
  cpuQuotaCores: null,
  ring: null,
  ...part,
});

const three = (one: NodeState, two: NodeState, last: NodeState): readonly NodeView[] => [
  node('db1', one),
  node('db2', two),
  node('db3', last),
];

const facts = (part: Partial<ClusterSnapshot>): Parameters<typeof describeCluster>[0] => ({
  nodes: [],
  plan: null,
  series: null,
  recovery: { on: true, perHourMax: 3, outlook: [] },
  token: { ringId: '8.1', members: [], holder: null, rotationsPerSecond: 0, rotationMs: null },
  verification: null,
  verifiesJoins: true,
  startingUp: null,
  problem: null,
  frontEnd: frontEndOf({ sessions: 350 }),
  load: null,
  ...part,
});

const runningStep = (action: StepAction, title: string, progress: StepProgress | null): PlanStep => ({
  action,
  title,
  detail: '',
  state: 'running',
  startedAtMs: 0,
  endedAtMs: null,
  progress,
  outcome: null,
  error: null,
});

const plan = (part: Partial<Plan>): Plan => ({
  id: planId('plan-1'),
  act: { kind: 'move' },
  title: 'Bring db3 online',
  node: nodeName('db3'),
  from: 'offline',
  target: 'active',
  method: 'snapshot',
  donor: null,
  maintenance: null,
  danger: 'disruptive',
  steps: [],
  effects: [],
  warnings: [],
  expectedSeconds: null,
  askedBy: 'operator',
  createdAtMs: 0,
  startedAtMs: 0,
  endedAtMs: null,
  state: 'running',
  abortNote: null,
  error: null,
  ...part,
});

const copy = (progress: Partial<StepProgress> = {}): PlanStep =>
  runningStep(
    { kind: 'copy', donor: nodeName('db2'), joiner: nodeName('db3'), donorAside: true },
    'Copy to a new folder',
    { done: 1_286, total: 2_000, unit: 'bytes', perSecond: 118, etaSeconds: 41, ...progress },
  );
const catchUp = (progress: StepProgress | null): PlanStep =>
  runningStep(
    { kind: 'catch-up', node: nodeName('db3'), predecessor: nodeName('db2') },
    'Catch up',
    progress,
  );
const stepAside = runningStep({ kind: 'step-aside', donor: nodeName('db2') }, 'db2 steps aside', null);
const prepare = runningStep({ kind: 'prepare-copy', joiner: nodeName('db3') }, 'Prepare and check', null);
const joining = three('active', 'transitional', 'transitional');

const aside = (overdue: boolean): Partial<NodeView> => ({
  maintenance: { reason: 'new disks', owner: 'ada', sinceMs: 0, untilMs: 1, overdue },
});

describe('the sentence', () => {
  const cases: readonly (readonly [string, Partial<ClusterSnapshot>, string, string])[] = [
    [
      'one active',
      { nodes: three('active', 'offline', 'offline') },
      'db1 is active under 350 sessions. db2 and db3 are offline: no failure tolerated.',
      'warning',
    ],
    [
      'one session',
      {
        nodes: three('active', 'offline', 'offline'),
        frontEnd: frontEndOf({ sessions: 1 }),
      },
      'db1 is active under 1 session. db2 and db3 are offline: no failure tolerated.',
      'warning',
    ],
    [
      'two active',
      { nodes: three('active', 'active', 'offline'), frontEnd: null },
      'db1 and db2 are active. db3 is offline: no failure tolerated.',
      'warning',
    ],
    [
      'two active, one on standby',
      { nodes: three('active', 'active', 'standby') },
      'db1 and db2 are active under 350 sessions. db3 is on standby: tolerates one failure.',
      'good',
    ],
    [
      'all active',
      { nodes: three('active', 'active', 'active') },
      '3 of 3 active: tolerates one failure.',
      'good',
    ],
    [
      'a single node',
      { nodes: [node('db1', 'active')] },
      'db1 is active under 350 sessions. No failure tolerated.',
      'warning',
    ],
    [
      'a node in maintenance',
      { nodes: three('active', 'active', 'maintenance') },
      'db1 and db2 are active under 350 sessions. db3 is in maintenance: no failure tolerated.',
      'warning',
    ],
    [
      'a node that should be back from maintenance, in a cluster that could do without it',
      {
        nodes: [
          ...three('active', 'active', 'active'),
          node('db4', 'maintenance', aside(false)),
          node('db5', 'maintenance', aside(true)),
        ],
        frontEnd: null,
      },
      'db1, db2 and db3 are active. db4 is in maintenance, db5 is in maintenance past its end time: tolerates one failure.',
      'warning',
    ],
    [
      'two nodes that should be back',
      {
        nodes: [
          node('db1', 'active'),
          node('db2', 'maintenance', aside(true)),
          node('db3', 'maintenance', aside(true)),
        ],
        frontEnd: null,
      },
      'db1 is active. db2 and db3 are in maintenance past their end times: no failure tolerated.',
      'warning',
    ],
    [
      'nothing runs: a node that is not set aside is to start',
      {
        nodes: [
          node('db1', 'maintenance', { position: '0-1-12', ...aside(false) }),
          node('db2', 'offline', { position: '0-1-12' }),
        ],
      },
      'No node takes sessions: db1 is in maintenance, db2 is offline. Bring db2 online.',
      'warning',
    ],
    [
      'going into maintenance',
      {
        nodes: three('active', 'active', 'transitional'),
        plan: plan({
          from: 'active',
          target: 'maintenance',
          method: null,
          title: 'Put db3 into maintenance',
        }),
      },
      'db3 is going into maintenance. No failure tolerated.',
      'busy',
    ],
    [
      'coming back from maintenance',
      { nodes: joining, plan: plan({ from: 'maintenance', steps: [prepare] }) },
      'db3 is joining: prepare and check. No failure tolerated until then.',
      'busy',
    ],
    [
      'a failure that leaves one',
      {
        nodes: [
          node('db1', 'active'),
          node('db2', 'failed', { reason: 'killed by SIGKILL' }),
          node('db3', 'offline'),
        ],
      },
      'db2 failed: killed by SIGKILL. db1 goes on alone.',
      'bad',
    ],
    [
      'a failure that leaves two',
      { nodes: three('active', 'failed', 'active') },
      'db2 failed. db1 and db3 go on: no failure tolerated.',
      'bad',
    ],
    [
      'everything failed',
      { nodes: three('failed', 'failed', 'failed') },
      'db1, db2 and db3 failed. No node takes sessions.',
      'bad',
    ],
    [
      'nothing runs: the most advanced one is to start',
      {
        nodes: [
          node('db1', 'offline', { position: '0-1-10' }),
          node('db2', 'offline', { position: '0-1-12' }),
          node('db3', 'offline'),
        ],
      },
      'No node takes sessions: db1, db2 and db3 are offline. Bring db2 online.',
      'warning',
    ],
    [
      'copying',
      { nodes: joining, plan: plan({ steps: [copy()] }) },
      'db3 is joining: copy 64 %, 41 s left. No failure tolerated until then.',
      'busy',
    ],
    [
      'copying an unknown amount',
      { nodes: joining, plan: plan({ steps: [copy({ total: null, etaSeconds: null })] }) },
      'db3 is joining: copy running. No failure tolerated until then.',
      'busy',
    ],
    [
      'catching up',
      {
        nodes: joining,
        plan: plan({
          steps: [catchUp({ done: 1_188, total: 2_000, unit: 'changes', perSecond: 300, etaSeconds: 2.7 })],
        }),
      },
      'db3 is joining: 812 changes to apply, 2.7 s left. No failure tolerated until then.',
      'busy',
    ],
    [
      'a step named after a node',
      { nodes: joining, plan: plan({ steps: [stepAside] }) },
      'db3 is joining: db2 steps aside. No failure tolerated until then.',
      'busy',
    ],
    [
      'a step without numbers, in a cluster that tolerates one',
      {
        nodes: [...three('active', 'active', 'active'), node('db4', 'transitional')],
        plan: plan({ node: nodeName('db4'), steps: [prepare] }),
      },
      'db4 is joining: prepare and check. The cluster tolerates one failure meanwhile.',
      'busy',
    ],
    [
      'the first node starts',
      { nodes: three('offline', 'offline', 'transitional'), plan: plan({ method: 'first' }) },
      'db3 is coming online. No failure tolerated until then.',
      'busy',
    ],
    [
      'leaving',
      {
        nodes: three('active', 'active', 'transitional'),
        plan: plan({ from: 'active', target: 'offline', method: null, title: 'Take db3 offline' }),
      },
      'db3 is going offline. No failure tolerated.',
      'busy',
    ],
    [
      'stopping',
      { nodes: joining, plan: plan({ state: 'aborting', abortNote: 'db3 keeps its old data.' }) },
      'Stopping: bring db3 online. db3 keeps its old data.',
      'busy',
    ],
    [
      'an ended plan says nothing',
      { nodes: three('active', 'active', 'active'), plan: plan({ state: 'done' }) },
      '3 of 3 active: tolerates one failure.',
      'good',
    ],
    [
      'starting up',
      { startingUp: 'Starting db1.', nodes: three('offline', 'offline', 'offline') },
      'Starting db1.',
      'busy',
    ],
  ];
  it.each(cases)('%s', (_name, part, text, tone) => {
    expect(describeCluster(facts(part))).toMatchObject({ text, tone });
  });

  it('says of two nodes what would change that no failure is tolerated', () => {
    const { text, tone } = describeCluster(facts({ nodes: [node('db1', 'active'), node('db2', 'active')] }));
    expect(text).toBe('2 of 2 active: no failure tolerated; a third node would change that.');
    expect(tone).toBe('warning');
  });

  it('puts a problem before everything else', () => {
    const problem = new RingmasterError('lab.locked', { pid: 12, folder: '/data' }).view();
    const said = describeCluster(facts({ problem, nodes: three('active', 'active', 'active') }));
    expect(said).toMatchObject({ tone: 'bad', topic: 'lab.locked' });
    expect(said.text).toContain('process 12');
  });

  it('is news when a maintenance becomes overdue', () => {
    const topicWhen = (overdue: boolean) =>
      describeCluster(facts({ nodes: [node('db1', 'active'), node('db2', 'maintenance', aside(overdue))] }))
        .topic;
    expect(topicWhen(true)).not.toBe(topicWhen(false));
  });

  it('keeps its topic while only numbers move', () => {
    const at = (done: number) =>
      describeCluster(facts({ nodes: joining, plan: plan({ steps: [copy({ done })] }) }));
    expect(at(100).text).not.toBe(at(900).text);
    expect(at(100).topic).toBe(at(900).topic);
    expect(at(100).topic).not.toBe(
      describeCluster(facts({ nodes: joining, plan: plan({ steps: [prepare] }) })).topic,
    );
  });
});

it.each([
  [0, 0],
  [1, 0],
  [2, 0],
  [3, 1],
  [4, 1],
  [5, 2],
  [7, 3],
])('a ring of %i tolerates %i', (members, failures) => {
  expect(failuresTolerated(members)).toBe(failures);
});

it('counts names when there are many', () => {
  expect(listNames(['a', 'b', 'c', 'd'].map(nodeName))).toBe('4 nodes');
  expect(listNames([])).toBe('');
});
