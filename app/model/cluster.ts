/** The one snapshot of a cluster: what the coordinator knows, in the shape that windows and the command line show. */
import { z } from 'zod';
import type { ErrorView } from '../base/errors.js';
import type { EventId, NodeName, PlanId } from './ids.js';
import type { Maintenance } from './maintenance.js';
import type { LoadSample, NodeSample } from './metrics.js';
import type { NodeState, TargetState } from './node-state.js';
import type { Plan } from './plan.js';
import type { RecoveryView } from './recovery.js';
import type { PolicyName } from './routing.js';
import type { Series } from './series.js';
import type { VerificationView } from './verification.js';

/** The part that a node plays in the ring right now. */
export type NodeRole = 'donor' | 'joiner';

/** How a node follows its ring predecessor. */
export interface ReplicationView {
  readonly predecessor: NodeName | null;
  readonly receiver: 'running' | 'connecting' | 'stopped';
  readonly applier: 'running' | 'frozen' | 'stopped';
  /** Changes that other replicating nodes have and this one has not applied. */
  readonly changesBehind: number | null;
  readonly error: string | null;
}

/** How a node sees another member of the token ring. */
export type Sight = 'up' | 'suspect' | 'down';

/** A node's part in the token ring. */
export interface NodeRingView {
  /** The state and its reason in words: "member of 8.1", "looks for a view, because this peer started". */
  readonly words: string;
  /** "8.1"; null while it belongs to no agreed view. */
  readonly ringId: string | null;
  /** Node that keeps the token, as this one knows; null while it travels. */
  readonly holder: NodeName | null;
  /** Median time the token takes to come back; null while it rests. */
  readonly rotationMs: number | null;
  /** Sequence numbers: last change received, and what every member is known to have applied. */
  readonly position: number;
  readonly safe: number | null;
  /** Every other member of the cluster. */
  readonly sees: Readonly<Record<NodeName, Sight>>;
  /** Networks on which it has a connection to another member now. */
  readonly networks: number;
}

/** The token ring of the cluster: the view that a majority agreed on. */
export interface TokenView {
  readonly ringId: string;
  /** In ring order. */
  readonly members: readonly NodeName[];
  /** null while the token travels. */
  readonly holder: NodeName | null;
  readonly rotationsPerSecond: number;
  /** Median; null while the token rests. */
  readonly rotationMs: number | null;
}

/** Why a node is in maintenance, and whether it should be back already. */
export interface MaintenanceView extends Maintenance {
  readonly overdue: boolean;
}

/** One node, as everybody sees it. */
export interface NodeView {
  readonly name: NodeName;
  readonly host: string;
  readonly port: number;
  readonly serverId: number;
  readonly state: NodeState;
  /** The state that the operator wants; recovery works toward it. */
  readonly wanted: TargetState;
  /** Why it is in this state, one sentence without a full stop: "killed by SIGKILL at 03:12:44". */
  readonly reason: string | null;
  /** Null while it is in another state. */
  readonly maintenance: MaintenanceView | null;
  readonly role: NodeRole | null;
  /** What it is doing at this moment: "receiving copy, 1.28 GB of 2.00 GB". */
  readonly activity: string | null;
  readonly hasData: boolean;
  /** `@@gtid_binlog_pos`: the last change in its binlog; the last known one while it is stopped. */
  readonly position: string | null;
  readonly version: string | null;
  readonly dataBytes: number | null;
  /** The file system of its data; null while its peer has not said. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | null;
  /** Why its next join copies everything; null when what it lacks may be enough. */
  readonly needsCopy: string | null;
  readonly replication: ReplicationView | null;
  readonly sample: NodeSample | null;
  /** Processor quota in cores; null when the node shares the host's processor. */
  readonly cpuQuotaCores: number | null;
  /** null while its peer is not reached or belongs to no token ring. */
  readonly ring: NodeRingView | null;
}

/** What kind of thing happened: chooses the icon and whether charts carry a mark. */
export type EventKind = 'state' | 'plan' | 'failure' | 'view' | 'policy' | 'load' | 'lab' | 'notice';

/** One line of the event list. */
export interface ClusterEvent {
  readonly id: EventId;
  readonly atMs: number;
  readonly kind: EventKind;
  readonly severity: 'info' | 'good' | 'warning' | 'bad';
  readonly node: NodeName | null;
  readonly planId: PlanId | null;
  /** "db3 joining", "db2 active after 38 s". */
  readonly text: string;
  /** Who asked: the operator's name, or "Ringmaster" for automatic acts. */
  readonly by: string;
  /** Drawn as a mark on the charts. */
  readonly mark: boolean;
}

/** What the load generator is asked to do. */
export const loadSettingsSchema = z.object({
  /** Open connections, spread over the active nodes. */
  connections: z.number().int().min(0).max(2000),
  /** Share of transactions that write, percent. */
  writePercent: z.number().min(0).max(100),
  /** Transactions per second to aim at over all connections; null for as many as the nodes give. */
  targetRate: z.number().int().min(1).max(1_000_000).nullable(),
});
export type LoadSettings = z.infer<typeof loadSettingsSchema>;

/** The load generator as seen from outside. */
export interface LoadView {
  readonly state: 'stopped' | 'starting' | 'running' | 'failed';
  readonly settings: LoadSettings;
  readonly connected: number;
  readonly transactions: number;
  readonly failedTransactions: number;
  readonly lastError: string | null;
  readonly sample: LoadSample | null;
}

/** The address that applications use. */
export interface FrontEndView {
  readonly host: string;
  readonly port: number;
  /** Sessions of applications on all nodes, the load generator's among them. */
  readonly sessions: number;
  /** Who gets the next session. */
  readonly policy: PolicyView;
  /** Of every node; one with 0 gets no new session. */
  readonly weights: Readonly<Record<NodeName, number>>;
  /** Open sessions that came through this address, of every node: those that the policy placed. */
  readonly placed: Readonly<Record<NodeName, number>>;
}

/** A policy for people: "Least connections", "to the node with the fewest sessions for its weight". */
export interface PolicyView {
  readonly name: PolicyName;
  readonly title: string;
  readonly meaning: string;
}

export interface ClusterSnapshot {
  /** Increases with every change; an update names the version it builds on. */
  readonly version: number;
  readonly name: string;
  readonly kind: 'lab';
  /** In ring order. */
  readonly nodes: readonly NodeView[];
  /** Nodes in the replication ring, in the order that data flows. */
  readonly ring: readonly NodeName[];
  /** null while no peers agree on a view. */
  readonly token: TokenView | null;
  readonly frontEnd: FrontEndView | null;
  readonly load: LoadView | null;
  /** The plan that runs, or the last one that ended and was not put away. */
  readonly plan: Plan | null;
  /** The series of plans that runs, or the last one that ended and was not put away. */
  readonly series: Series | null;
  readonly recovery: RecoveryView;
  /** The comparison of all nodes that runs, or the last one since the console began; null before the first. */
  readonly verification: VerificationView | null;
  /** Is a joining node compared, table by table, before it takes sessions? */
  readonly verifiesJoins: boolean;
  /** Newest last, 500 at most. */
  readonly events: readonly ClusterEvent[];
  /** Why CPU is shown the way it is, without a full stop: "each node has 0.4 core" or "the nodes share this machine's 2 cores". */
  readonly processorNote: string;
  readonly startingUp: string | null;
  readonly problem: ErrorView | null;
}

/** Looks a node up by name. */
export function findNode(snapshot: Pick<ClusterSnapshot, 'nodes'>, name: NodeName): NodeView | undefined {
  return snapshot.nodes.find((node) => node.name === name);
}
