/** Nodes, plans, events and a whole snapshot to build scenes from. Times are relative to `nowMs`. */

import type { ClusterEvent, ClusterSnapshot, LoadView, NodeView } from '../../app/model/cluster.js';
import { nodeName, planId, serverId } from '../../app/model/ids.js';
import type { NodeSample } from '../../app/model/metrics.js';
import {
  type Plan,
  type PlanStep,
  type StepAction,
  type StepProgress,
  type StepState,
  waitingStep,
} from '../../app/model/plan.js';
import { frontEndOf } from '../../app/model/testing/views.js';

export const sampleOf = (nowMs: number, part: Partial<NodeSample> = {}): NodeSample => ({
  takenAtMs: nowMs - 400,
  cpuPercent: 96,
  transactionsPerSecond: 1240,
  sessions: 350,
  sessionsRunning: 41,
  conflicts: 2,
  memoryBytes: 212_000_000,
  responseMs: 0.84,
  loadPerCore: 1.42,
  ...part,
});

/** A node that was stopped on purpose; `part` makes it something else. */
export function nodeOf(name: string, part: Partial<NodeView> = {}): NodeView {
  const number = Number(/\d+$/.exec(name)?.[0] ?? 1);
  return {
    name: nodeName(name),
    host: '127.0.0.1',
    port: 13_306 + number,
    serverId: serverId(number),
    state: 'offline',
    wanted: 'offline',
    reason: null,
    maintenance: null,
    role: null,
    activity: null,
    hasData: true,
    position: '0-1-4120',
    version: null,
    dataBytes: 2_010_000_000,
    disk: { freeBytes: 61_000_000_000, totalBytes: 120_000_000_000 },
    needsCopy: null,
    replication: null,
    sample: null,
    cpuQuotaCores: 0.4,
    ring: null,
    ...part,
  };
}

export const activeNode = (
  nowMs: number,
  name: string,
  part: Partial<NodeView> = {},
  sample: Partial<NodeSample> = {},
): NodeView =>
  nodeOf(name, {
    state: 'active',
    wanted: 'active',
    version: '10.11.14-MariaDB',
    position: '0-1-918223',
    sample: sampleOf(nowMs, sample),
    ...part,
  });

export const follows = (predecessor: string, changesBehind = 0): NodeView['replication'] => ({
  predecessor: nodeName(predecessor),
  receiver: 'running',
  applier: 'running',
  changesBehind,
  error: null,
});

export const loadOf = (nowMs: number, rate: number): LoadView => ({
  state: 'running',
  settings: { connections: 350, writePercent: 20, targetRate: null },
  connected: 350,
  transactions: 1_204_331,
  failedTransactions: 0,
  lastError: null,
  sample: {
    takenAtMs: nowMs - 300,
    transactionsPerSecond: rate,
    errorsPerSecond: 0,
    responseMsP50: 4.2,
    responseMsP95: 11.48,
    responseMsP99: 23.9,
  },
});

export const eventOf = (id: number, atMs: number, part: Partial<ClusterEvent>): ClusterEvent => ({
  id,
  atMs,
  kind: 'state',
  severity: 'info',
  node: null,
  planId: null,
  text: '',
  by: 'Ringmaster',
  mark: false,
  ...part,
});

export const eventsOf = (nowMs: number): readonly ClusterEvent[] => [
  eventOf(1, nowMs - 290_000, { kind: 'lab', text: 'the lab started with three servers', severity: 'good' }),
  eventOf(2, nowMs - 281_000, { kind: 'load', text: 'load started with 350 connections', by: 'operator' }),
  eventOf(3, nowMs - 204_000, {
    node: nodeName('db2'),
    kind: 'plan',
    text: 'Bring db2 online',
    by: 'operator',
  }),
  eventOf(4, nowMs - 166_000, {
    node: nodeName('db2'),
    text: 'db2 active after 38 s',
    severity: 'good',
    mark: true,
  }),
  eventOf(5, nowMs - 32_000, {
    node: nodeName('db3'),
    kind: 'plan',
    text: 'Bring db3 online',
    by: 'operator',
    mark: true,
  }),
  eventOf(6, nowMs - 31_000, {
    node: nodeName('db2'),
    text: 'db2 stands aside as donor',
    severity: 'warning',
    mark: true,
  }),
];

/** One active node under load, the others offline. */
export function labSnapshot(nowMs: number, part: Partial<ClusterSnapshot> = {}): ClusterSnapshot {
  return {
    version: 1,
    name: 'Lab',
    kind: 'lab',
    nodes: [
      activeNode(nowMs, 'db1'),
      nodeOf('db2'),
      nodeOf('db3', { hasData: false, position: null, dataBytes: null }),
    ],
    ring: [nodeName('db1')],
    token: {
      ringId: '8.1',
      members: part.ring ?? [nodeName('db1')],
      holder: null,
      rotationsPerSecond: 0,
      rotationMs: null,
    },
    frontEnd: frontEndOf({ sessions: 350, placed: { [nodeName('db1')]: 12 } }),
    load: loadOf(nowMs, 1240),
    plan: null,
    series: null,
    recovery: { on: true, perHourMax: 3, outlook: [] },
    verification: null,
    verifiesJoins: true,
    events: eventsOf(nowMs).slice(0, 2),
    processorNote: 'Each node has 0.4 core.',
    startingUp: null,
    problem: null,
    ...part,
  };
}

function stepOf(
  action: StepAction,
  title: string,
  state: StepState = 'waiting',
  part: Partial<PlanStep> = {},
): PlanStep {
  return { ...waitingStep(action, { title, detail: '' }), state, ...part };
}

/** The plan that brings db3 online by a copy from db2. */
export function joinPlan(nowMs: number, part: Partial<Plan> = {}): Plan {
  const donor = nodeName('db2');
  const joiner = nodeName('db3');
  const predecessor = donor;
  return {
    id: planId('plan-7'),
    act: { kind: 'move' },
    title: 'Bring db3 online',
    node: joiner,
    from: 'offline',
    target: 'active',
    method: 'snapshot',
    donor: { name: donor, why: 'least loaded of 2' },
    maintenance: null,
    danger: 'disruptive',
    steps: [
      stepOf({ kind: 'preflight', node: joiner, donor }, 'Preflight'),
      stepOf({ kind: 'step-aside', donor }, 'db2 steps aside'),
      stepOf({ kind: 'copy', donor, joiner, donorAside: true }, 'Copy to a new folder'),
      stepOf({ kind: 'prepare-copy', joiner }, 'Prepare and check'),
      stepOf({ kind: 'swap', joiner }, 'Swap the folders and start'),
      stepOf({ kind: 'donor-returns', donor }, 'db2 returns'),
      stepOf({ kind: 'catch-up', node: joiner, predecessor }, 'Catch up'),
      stepOf(
        { kind: 'enter-ring', node: joiner, predecessor, successor: nodeName('db1') },
        'Close the ring: db1 follows db3',
      ),
      stepOf({ kind: 'verify', node: joiner, against: predecessor }, 'Verify against db2'),
      stepOf({ kind: 'open-sessions', node: joiner }, 'Open db3 for sessions'),
    ],
    effects: [
      { label: 'Active nodes', now: '2', after: '3' },
      { label: 'While copying', now: '1 active, 1 donor', after: '1 active, 1 donor' },
      { label: 'Tolerates', now: 'no failure', after: 'one failure' },
      { label: 'Sessions moved', now: '171 of 350', after: '171 of 350' },
      { label: 'To copy', now: '2.01 GB', after: '2.01 GB' },
    ],
    warnings: ['While db2 stands aside, db1 alone takes all 350 sessions.'],
    expectedSeconds: 47,
    askedBy: 'operator',
    createdAtMs: nowMs - 3_000,
    startedAtMs: null,
    endedAtMs: null,
    state: 'proposed',
    abortNote: null,
    error: null,
    ...part,
  };
}

/** The plan that puts db3, which is active, into maintenance. */
export function maintenancePlan(nowMs: number, part: Partial<Plan> = {}): Plan {
  const node = nodeName('db3');
  return {
    ...joinPlan(nowMs),
    id: planId('plan-8'),
    title: 'Put db3 into maintenance',
    node,
    from: 'active',
    target: 'maintenance',
    method: null,
    donor: null,
    steps: [
      stepOf({ kind: 'drain', node }, 'Move the sessions of db3'),
      stepOf({ kind: 'leave-ring', node }, 'New view without it'),
      stepOf({ kind: 'stop-server', node }, 'Stop db3'),
      stepOf({ kind: 'set-aside', node }, 'Set db3 aside'),
    ],
    effects: [
      { label: 'Active nodes', now: '3', after: '2' },
      { label: 'Replicating nodes', now: '3', after: '2' },
      { label: 'Failures tolerated', now: '1', after: '0' },
      { label: 'Sessions moved', now: '', after: '116' },
    ],
    warnings: [],
    expectedSeconds: null,
    ...part,
  };
}

/** A node that is set aside; `overdue` ones should have been back ten minutes ago. */
export const asideNode = (nowMs: number, name: string, overdue: boolean): NodeView =>
  nodeOf(name, {
    state: 'maintenance',
    wanted: 'maintenance',
    maintenance: {
      reason: 'new disks in bay 4, ticket OPS-1182',
      owner: 'ada',
      sinceMs: nowMs - 40 * 60_000,
      untilMs: nowMs + (overdue ? -10 : 20) * 60_000,
      overdue,
    },
  });

const copyProgress: StepProgress = {
  done: 1_286_000_000,
  total: 2_010_000_000,
  unit: 'bytes',
  perSecond: 118_000_000,
  etaSeconds: 41,
};

/** The same plan while the copy runs. */
export function runningPlan(nowMs: number, part: Partial<Plan> = {}): Plan {
  const plan = joinPlan(nowMs);
  const steps = plan.steps.map((step, index): PlanStep => {
    if (index === 0)
      return {
        ...step,
        state: 'done',
        startedAtMs: nowMs - 32_000,
        endedAtMs: nowMs - 31_600,
        outcome: '41 GB free',
      };
    if (index === 1)
      return {
        ...step,
        state: 'done',
        startedAtMs: nowMs - 31_600,
        endedAtMs: nowMs - 30_500,
        outcome: '171 sessions moved to db1',
      };
    if (index === 2)
      return {
        ...step,
        state: 'running',
        detail: 'The applier of db2 is frozen; what arrives is kept.',
        startedAtMs: nowMs - 30_500,
        progress: copyProgress,
      };
    return step;
  });
  return {
    ...plan,
    steps,
    state: 'running',
    startedAtMs: nowMs - 32_000,
    abortNote: 'db3 keeps its old data until it is active.',
    ...part,
  };
}
