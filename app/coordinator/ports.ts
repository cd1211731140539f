/** What the coordinator needs from whoever runs it: peers, a place for its memory, and the way sessions go. */
import type { PeerControl, SqlAddress } from '../contract/control.js';
import type { NodeName } from '../model/ids.js';
import type { Maintenance } from '../model/maintenance.js';
import type { TargetState } from '../model/node-state.js';
import type { Plan } from '../model/plan.js';
import type { RecoverySettings } from '../model/recovery.js';
import type { Series } from '../model/series.js';

/** A node that sessions can be sent to. */
export interface SessionTarget {
  readonly name: NodeName;
  readonly address: SqlAddress;
}

/** Places sessions. */
export interface SessionRouter {
  /**
   * Spreads sessions over these nodes from now on. Resolves when no session that can move is left on another node.
   */
  route(targets: readonly SessionTarget[]): Promise<void>;
}

/** What is remembered of a node between two runs. */
export interface NodeMemory {
  readonly wanted: TargetState;
  /** Why it is set aside, while `wanted` is maintenance; else null. */
  readonly maintenance: Maintenance | null;
  /** Where it stood when we last saw it; null while it has no data. */
  readonly standing: {
    readonly binlog: string;
    readonly applied: string;
    readonly binlogState: string;
  } | null;
  /** Did it stop cleanly at that standing? If not, it has to be compared before it replicates. */
  readonly clean: boolean;
  /** Why it needs a full copy, when it is known that nothing less will do. */
  readonly needsCopy: string | null;
}

/** What is remembered of a cluster. */
export interface ClusterMemory {
  readonly nodes: Readonly<Record<string, NodeMemory>>;
  /** Those that were running; null when nothing stands half-done. */
  readonly plan: Plan | null;
  readonly series: Series | null;
  readonly recovery: RecoverySettings;
  /** Is a joining node compared before it takes sessions? Yes, where nothing is remembered of it. */
  readonly verifiesJoins?: boolean | undefined;
}

/** Keeps the memory. `save` replaces it whole, so that a crash leaves the old or the new one. */
export interface MemoryStore {
  load(): Promise<ClusterMemory | undefined>;
  save(memory: ClusterMemory): Promise<void>;
}

/** A node as configured. */
export interface NodeSettings {
  readonly name: NodeName;
  readonly serverId: number;
  /** Of its server. */
  readonly address: SqlAddress;
  /** Where applications connect. */
  readonly frontEnd: SqlAddress;
}

/** Reaches peers. */
export interface PeerProvider {
  /** Connects to the peer of a node, starting its process where that is ours to do. */
  connect(node: NodeName): Promise<PeerControl>;
}
