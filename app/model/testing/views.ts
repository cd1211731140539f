/** Builders of snapshots for tests: say only what matters, the rest is ordinary. */
import type { ClusterSnapshot, FrontEndView, NodeView, TokenView } from '../cluster.js';
import { type NodeName, nodeName } from '../ids.js';
import type { NodeSample } from '../metrics.js';
import { policyWords } from '../routing.js';
import type { VerificationView } from '../verification.js';

/** A second in the life of an ordinary node. */
export function sampleOf(changes: Partial<NodeSample> = {}): NodeSample {
  return {
    takenAtMs: 1_000_000,
    cpuPercent: 40,
    transactionsPerSecond: 200,
    sessions: 100,
    sessionsRunning: 3,
    conflicts: 0,
    memoryBytes: 200_000_000,
    responseMs: 0.4,
    loadPerCore: 0.5,
    ...changes,
  };
}

/** A node; active and in the ring unless told otherwise. */
export function nodeView(name: string, changes: Partial<NodeView> = {}): NodeView {
  const number = Number(/\d+$/.exec(name)?.[0] ?? 1);
  const state = changes.state ?? 'active';
  const running = state === 'active' || state === 'standby';
  return {
    name: nodeName(name),
    host: '127.0.0.1',
    port: 6033 + number,
    serverId: number,
    state,
    wanted: state === 'failed' || state === 'transitional' ? 'offline' : state,
    reason: null,
    maintenance: null,
    role: null,
    activity: null,
    hasData: true,
    position: '0-1-1000',
    version: running ? '10.11.19-MariaDB' : null,
    dataBytes: 1_280_000_000,
    disk: { freeBytes: 40e9, totalBytes: 100e9 },
    needsCopy: null,
    replication: null,
    sample: running ? sampleOf() : null,
    cpuQuotaCores: 0.4,
    ring: null,
    ...changes,
  };
}

/** The address of the lab, by least connections. */
export function frontEndOf(changes: Partial<FrontEndView> = {}): FrontEndView {
  const { title, meaning } = policyWords['least-connections'];
  return {
    host: '127.0.0.1',
    port: 6033,
    sessions: 0,
    policy: { name: 'least-connections', title, meaning },
    weights: {},
    placed: {},
    ...changes,
  };
}

/** The view that these nodes agree on, at rest. */
const tokenOf = (members: readonly NodeName[]): TokenView => ({
  ringId: '8.1',
  members,
  holder: null,
  rotationsPerSecond: 0,
  rotationMs: null,
});

/** A snapshot of these nodes: those that replicate are the ring. */
export function snapshotOf(
  nodes: readonly NodeView[],
  changes: Partial<ClusterSnapshot> = {},
): ClusterSnapshot {
  const ring = nodes
    .filter((node) => node.state === 'active' || node.state === 'standby')
    .map((node) => node.name);
  return {
    version: 1,
    name: 'Lab',
    kind: 'lab',
    nodes,
    ring,
    token: ring.length > 0 ? tokenOf(ring) : null,
    frontEnd: frontEndOf(),
    load: null,
    plan: null,
    series: null,
    recovery: { on: true, perHourMax: 3, outlook: [] },
    verification: null,
    verifiesJoins: true,
    events: [],
    processorNote: 'each node has 0.4 core',
    startingUp: null,
    problem: null,
    ...changes,
  };
}

/** A comparison that found three nodes equal. */
export function verificationOf(changes: Partial<VerificationView> = {}): VerificationView {
  return {
    state: 'equal',
    askedBy: 'operator',
    startedAtMs: 1_000_000,
    endedAtMs: 1_003_000,
    loadPercent: 50,
    activity: null,
    nodes: ['db1', 'db2', 'db3'].map((name) => ({
      name: nodeName(name),
      progress: null,
      leftOut: null,
      expected: true,
    })),
    position: '0-1-12345',
    tables: 4,
    rows: 12_345,
    heldMs: 43,
    drift: [],
    driftCount: 0,
    notCompared: [],
    words: '3 nodes equal at 0-1-12345: 4 tables, 12,345 rows',
    error: null,
    ...changes,
  };
}
