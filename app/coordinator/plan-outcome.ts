/** What a plan leaves behind: states that are true, whatever the plan wished, and the words about it. */
import type { RingmasterError } from '../base/errors.js';
import { formatSeconds } from '../base/format.js';
import type { NodeName } from '../model/ids.js';
import { plannedLengthWords } from '../model/maintenance.js';
import { replicates, stateInWords, type TargetState } from '../model/node-state.js';
import type { Plan } from '../model/plan.js';
import type { Cluster } from './cluster.js';
import type { ClusterNode } from './node.js';
import type { RingKeeper } from './ring-keeper.js';

/** Errors of MariaDB's client side: the network, not the data (2000 to 2999). */
const isNetworkError = (errorNumber: unknown): boolean =>
  typeof errorNumber !== 'number' || errorNumber < 1000 || Math.floor(errorNumber / 1000) === 2;

/**
 * Why nothing less than a full copy will bring this node back; null when the plan failed for another reason. Changes of the
 * ring that cannot be applied, and tables that differ at one change, mean data that are not those of the ring, whatever
 * their GTIDs say: trying the same again would fail the same way.
 */
function copyReason({ code, data }: RingmasterError, node: NodeName): string | null {
  if (data.node !== node) return null;
  if (code === 'replication.checksum-differs')
    return `its table ${data.table} differed from that of ${data.other}`;
  if (code !== 'replication.stopped' || isNetworkError(data.errorNumber)) return null;
  return `a change of the ring could not be applied to its data (error ${data.errorNumber})`;
}

const isMember = (node: ClusterNode, ring: RingKeeper): boolean =>
  node.isServerRunning && ring.has(node.name);

export class PlanOutcome {
  readonly #node: ClusterNode;
  /** Nodes that the plan starts beside its own. */
  readonly #others: readonly ClusterNode[];
  readonly #wantedBefore: TargetState;

  constructor(
    private readonly cluster: Cluster,
    private readonly ring: RingKeeper,
    private readonly plan: Plan,
  ) {
    this.#node = cluster.node(plan.node);
    this.#wantedBefore = this.#node.wanted;
    this.#others = plan.act.kind === 'reunite' ? plan.act.others.map((name) => cluster.node(name)) : [];
  }

  /** Its nodes are on their way. */
  begin(): void {
    const { plan } = this;
    const node = this.#node;
    node.wanted = plan.target;
    node.maintenance = plan.maintenance ?? node.maintenance;
    for (const each of [node, ...this.#others]) {
      each.reason = null;
      if (each.state !== 'active') each.state = 'transitional';
    }
  }

  /** The node has arrived; the other ones were settled by the step that started them. */
  succeeded(): void {
    const { cluster, plan } = this;
    const node = this.#node;
    node.state = plan.target;
    node.maintenance = plan.maintenance;
    node.activity = null;
    node.role = null;
    const seconds = (cluster.clock.wallMs() - (plan.startedAtMs ?? plan.createdAtMs)) / 1000;
    const why = plan.maintenance
      ? `: ${plan.maintenance.reason} (${plannedLengthWords(plan.maintenance)})`
      : '';
    const state = plan.act.kind === 'restart' ? 'restarted' : stateInWords(plan.target);
    const text = `${node.name} ${state} after ${formatSeconds(seconds)}${why}`;
    cluster.say({ kind: 'state', severity: 'good', node: node.name, text, by: plan.askedBy, mark: true });
  }

  /** Back to a state that is true: what the server really does now decides, not what the plan wished. */
  async failed(error: RingmasterError): Promise<void> {
    const { plan, ring } = this;
    const node = this.#node;
    const aborted = error.category === 'cancelled';
    for (const other of this.#others) await this.#settleOther(other, error);
    await node.refresh().catch(() => undefined);
    node.activity = null;
    node.role = null;
    // A restart that did not come to its end leaves a node that nobody wanted away.
    const wasAway = plan.from === 'failed' || plan.act.kind === 'restart';
    if (isMember(node, ring)) {
      node.state = replicates(plan.from) ? plan.from : 'standby';
    } else if (plan.from === 'maintenance') {
      // Still set aside, for the reason and the time that were said; the plan itself tells what went wrong.
      node.state = 'maintenance';
      node.reason = null;
    } else if (node.status?.server.kind === 'stopped' && node.status.server.unexpected) {
      node.state = 'failed';
      node.reason = node.status.server.reason;
    } else {
      node.state = wasAway && !(aborted && plan.from === 'failed') ? 'failed' : 'offline';
      node.reason = aborted ? null : error.message;
      if (node.state === 'failed' && aborted) node.reason = 'its restart was stopped half way';
    }
    node.needsCopy ??= isMember(node, ring) ? null : copyReason(error, node.name);
    node.wanted = this.#wantedNow(aborted);
    if (node.state !== 'maintenance') node.maintenance = null;
    await ring.route().catch(() => undefined);
  }

  sayFailed(error: RingmasterError): void {
    const { cluster, plan } = this;
    const aborted = error.category === 'cancelled';
    const text = aborted ? `${plan.title}: stopped` : `${plan.title}: failed, ${error.message}`;
    const severity = aborted ? 'warning' : 'bad';
    cluster.say({ kind: 'plan', severity, node: plan.node, text, by: plan.askedBy, mark: true });
  }

  /** What the operator wants of the node now: recovery works toward it. */
  #wantedNow(aborted: boolean): TargetState {
    const { from } = this.plan;
    if (replicates(from)) return from as TargetState;
    if (this.#node.state === 'maintenance') return 'maintenance';
    // Stopped by a person, or nobody wanted it before: it is left alone.
    return from === 'failed' && !aborted ? this.#wantedBefore : 'offline';
  }

  async #settleOther(other: ClusterNode, error: RingmasterError): Promise<void> {
    if (other.state !== 'transitional') return;
    await other.refresh().catch(() => undefined);
    other.activity = null;
    if (other.isServerRunning && this.ring.has(other.name)) {
      other.state = other.wanted === 'standby' ? 'standby' : 'active';
      return;
    }
    other.state = 'failed';
    other.reason = error.message;
  }
}
