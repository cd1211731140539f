/** One node as the coordinator holds it: what was decided about it, what its peer last said, and the way to call it. */
import { RingmasterError } from '../base/errors.js';
import type {
  FollowStatus,
  MethodName,
  MethodParams,
  MethodResult,
  PeerControl,
  PeerStatus,
  ServerPosition,
} from '../contract/control.js';
import type { MaintenanceView, NodeRole, NodeView, ReplicationView } from '../model/cluster.js';
import { lastSequence, sequenceOf } from '../model/gtid.js';
import type { NodeName } from '../model/ids.js';
import { isOverdue, type Maintenance } from '../model/maintenance.js';
import type { NodeSample } from '../model/metrics.js';
import type { NodeState, TargetState } from '../model/node-state.js';
import type { StepProgress } from '../model/plan.js';
import type { NodeMemory, NodeSettings } from './ports.js';
import { nodeRingView } from './ring-view.js';

export interface CallOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: StepProgress) => void) | undefined;
}

export class ClusterNode {
  readonly settings: NodeSettings;
  state: NodeState = 'offline';
  wanted: TargetState = 'offline';
  reason: string | null = null;
  /** What was said when it was put into maintenance, until it is in another state again. */
  maintenance: Maintenance | null = null;
  role: NodeRole | null = null;
  activity: string | null = null;
  predecessor: NodeName | null = null;
  /** Did the server stop cleanly, with nothing changed since? */
  clean = true;
  needsCopy: string | null = null;
  sample: NodeSample | null = null;
  status: PeerStatus | null = null;
  cpuQuotaCores: number | null = null;
  control: PeerControl | null = null;
  private remembered: NodeMemory['standing'] = null;

  constructor(settings: NodeSettings) {
    this.settings = settings;
  }

  get name(): NodeName {
    return this.settings.name;
  }

  get isServerRunning(): boolean {
    return this.status?.server.kind === 'running';
  }

  get hasData(): boolean {
    return this.status ? this.status.server.kind !== 'no-data' : this.remembered !== null;
  }

  /** Where it stands, or stood when it was last seen. */
  get standing(): NodeMemory['standing'] {
    return this.hasData ? (this.status?.position ?? this.remembered) : null;
  }

  /**
   * Calls the node's peer.
   * @throws RingmasterError `peer.unreachable` when there is no connection, or what the peer answers.
   */
  async call<Name extends MethodName>(
    name: Name,
    params: MethodParams<Name>,
    options?: CallOptions,
  ): Promise<MethodResult<Name>> {
    if (!this.control)
      throw new RingmasterError('peer.unreachable', { node: this.name, cause: 'no connection' });
    return await this.control.call(name, params, options);
  }

  /** Asks the peer where the node stands now. */
  async refresh(): Promise<PeerStatus> {
    const status = await this.call('peer.status', {});
    this.absorb(status);
    return status;
  }

  /** Takes in what the peer says. */
  absorb(status: PeerStatus): void {
    this.status = status;
    if (status.position) this.remembered = status.position;
    if (status.server.kind === 'no-data') this.remembered = null;
    if (status.server.kind !== 'running') this.sample = null;
  }

  remember(): NodeMemory {
    return {
      wanted: this.wanted,
      maintenance: this.wanted === 'maintenance' ? this.maintenance : null,
      standing: this.standing,
      clean: this.clean,
      needsCopy: this.needsCopy,
    };
  }

  recall(memory: NodeMemory): void {
    this.wanted = memory.wanted;
    this.maintenance = memory.maintenance;
    if (memory.wanted === 'maintenance') this.state = 'maintenance';
    this.clean = memory.clean;
    this.needsCopy = memory.needsCopy;
    this.remembered = memory.standing;
  }

  /**
   * The node as everybody sees it.
   * @param newest highest sequence number that any ring member has
   * @param nowMs wall clock
   */
  view(newest: number, nowMs: number): NodeView {
    const { status } = this;
    return {
      name: this.name,
      host: this.settings.address.host,
      port: this.settings.address.port,
      serverId: this.settings.serverId,
      state: this.state,
      wanted: this.wanted,
      reason: this.reason,
      maintenance: this.maintenanceView(nowMs),
      role: this.role,
      activity: this.activity,
      hasData: this.hasData,
      position: this.standing?.binlog ?? null,
      version: status?.server.kind === 'running' ? status.server.version : null,
      dataBytes: status?.dataBytes ?? null,
      disk: status?.disk ?? null,
      needsCopy: this.needsCopy,
      replication: this.replicationView(newest),
      sample: this.sample,
      cpuQuotaCores: this.cpuQuotaCores,
      ring: nodeRingView(this.control ? status?.ring : null),
    };
  }

  private maintenanceView(nowMs: number): MaintenanceView | null {
    if (this.state !== 'maintenance' || !this.maintenance) return null;
    return { ...this.maintenance, overdue: isOverdue(this.maintenance, nowMs) };
  }

  private replicationView(newest: number): ReplicationView | null {
    const follow = this.isServerRunning ? this.status?.follow : null;
    if (!follow || !this.status?.position) return null;
    return {
      predecessor: this.predecessor,
      receiver: follow.receiver,
      applier: follow.applier,
      changesBehind: this.changesBehind(follow, this.status.position, newest),
      error: follow.errorNumber === 0 ? null : `${follow.errorNumber}: ${follow.errorText}`,
    };
  }

  /**
   * While it receives, what it has received and not applied: both read at one moment, so that the number is true.
   * The newest position of the ring is up to a second older or newer, and serves only when nothing is received.
   */
  private changesBehind(follow: FollowStatus, position: ServerPosition, newest: number): number {
    const applied = lastSequence(position);
    const known = follow.receiver === 'running' ? sequenceOf(follow.received) : newest;
    return Math.max(0, known - applied);
  }
}
