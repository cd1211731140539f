/** Makes the plan of what an operator, a series or recovery asks for, from the cluster as it is now. Changes nothing. */
import { waitFor } from '../base/clock.js';
import { RingmasterError } from '../base/errors.js';
import { randomHex } from '../base/random.js';
import type { ClusterSnapshot, NodeView } from '../model/cluster.js';
import { findNode } from '../model/cluster.js';
import { type NodeName, planId } from '../model/ids.js';
import { joinsRing, replicates, type TargetState } from '../model/node-state.js';
import type { Plan } from '../model/plan.js';
import { lacksQuorum, type Prediction, predictRestart, predictTransition } from '../model/predictor.js';
import type { ServerOptions } from '../model/server-options.js';
import { chooseDonor } from '../replication/donor.js';
import { chooseJoin } from '../replication/join.js';
import { type JoinKnowledge, makePlan } from '../replication/planner.js';
import { makeRestartPlan } from '../replication/restart.js';
import { makeReunitePlan } from '../replication/reunite.js';
import { neighbours } from '../replication/ring-order.js';
import type { Cluster } from './cluster.js';
import type { ClusterNode } from './node.js';

export interface ProposeRequest {
  readonly node: NodeName;
  readonly target: TargetState;
  readonly donor: NodeName | null;
  readonly askedBy: string;
  /** Asked by the series that runs: it does not stand in its own way. */
  readonly ofSeries?: boolean;
}

export interface RestartRequest {
  readonly node: NodeName;
  readonly options: ServerOptions | null;
  readonly askedBy: string;
  readonly ofSeries?: boolean;
}

type Allowed = Extract<Prediction, { allowed: true }>;

/** Views change within milliseconds; a ring without one for longer than this has no quorum. */
const viewMs = 1_500;
const lookEveryMs = 20;

export class Proposer {
  constructor(private readonly cluster: Cluster) {}

  /**
   * The plan of a state change, without running it.
   * @throws RingmasterError `transition.refused` with the predictor's reason.
   */
  async move(request: ProposeRequest): Promise<Plan> {
    const { node: name, target, donor: wished, askedBy } = request;
    const { cluster } = this;
    const snapshot = await this.facts(request);
    const { view, transition } = allowed(snapshot, name, target, predictTransition(snapshot, name, target));
    const base = { nodes: snapshot.nodes, node: view, ...this.birth(askedBy) };
    const joins = joinsRing(view.state, target);
    if (joins && lacksQuorum(snapshot) && view.state === 'failed')
      return makeReunitePlan({ ...base, target, others: this.othersThatFailed(name) });
    const donor = joins ? chooseDonor(snapshot.nodes, name, wished) : undefined;
    if (wished !== null && !donor)
      throw refusal(view, target, `${wished} cannot give a copy now`, 'Choose another donor.');
    const knowledge = await this.joinKnowledge(cluster.node(name), donor?.name);
    return makePlan({ ...base, target, transition, donor, knowledge });
  }

  /** The plan of a restart, without running it. @throws RingmasterError `transition.refused` */
  async restart(request: RestartRequest): Promise<Plan> {
    const { node: name, options, askedBy } = request;
    const snapshot = await this.facts(request);
    const prediction = predictRestart(snapshot, name);
    const { view } = allowed(snapshot, name, 'active', prediction);
    return makeRestartPlan({ nodes: snapshot.nodes, node: view, options, ...this.birth(askedBy) });
  }

  /** May this plan still run? @throws RingmasterError `plan.outdated` */
  checkStillTrue(plan: Plan, ofSeries: boolean): void {
    const snapshot = this.snapshot(ofSeries);
    const prediction =
      plan.act.kind === 'restart'
        ? predictRestart(snapshot, plan.node)
        : predictTransition(snapshot, plan.node, plan.target);
    if (!prediction.allowed) throw new RingmasterError('plan.outdated', { reason: prediction.reason });
  }

  private birth(askedBy: string) {
    return { id: planId(`plan-${randomHex(6)}`), nowMs: this.cluster.clock.wallMs(), askedBy };
  }

  private snapshot(ofSeries: boolean): ClusterSnapshot {
    const snapshot = this.cluster.snapshot();
    return ofSeries ? { ...snapshot, series: null } : snapshot;
  }

  /** The cluster as its peers tell it now, once a view that is only changing has changed. */
  private async facts({ ofSeries = false }: { readonly ofSeries?: boolean }): Promise<ClusterSnapshot> {
    const members = this.cluster.nodes.filter((node) => replicates(node.state));
    const settled = async () => {
      await Promise.all(members.map((node) => node.refresh().catch(() => undefined)));
      const snapshot = this.snapshot(ofSeries);
      return lacksQuorum(snapshot) ? undefined : snapshot;
    };
    const found = await waitFor(this.cluster.clock, settled, { everyMs: lookEveryMs, timeoutMs: viewMs });
    return found ?? this.snapshot(ofSeries);
  }

  private othersThatFailed(name: NodeName): readonly NodeName[] {
    return this.cluster.nodes
      .filter((node) => node.name !== name && node.state === 'failed' && node.hasData && !node.needsCopy)
      .map((node) => node.name);
  }

  /** What is known, before its server runs, about how a node can get what it lacks. */
  private async joinKnowledge(node: ClusterNode, donor: NodeName | undefined): Promise<JoinKnowledge> {
    const { cluster } = this;
    if (!donor) return { method: 'first', certain: true, why: 'no node is running' };
    if (!node.hasData || !node.standing)
      return { method: 'snapshot', certain: true, why: 'it has no data yet' };
    if (node.needsCopy) return { method: 'snapshot', certain: true, why: node.needsCopy };
    if (!node.clean) return { method: 'incremental', certain: false, why: 'it did not stop cleanly' };
    const predecessor = cluster.node(
      neighbours(cluster.configured, cluster.ring, node.name)?.predecessor ?? donor,
    );
    const { position } = await predecessor.refresh();
    if (!position) throw new RingmasterError('server.not-running', { node: predecessor.name });
    const choice = chooseJoin(
      { serverId: node.settings.serverId, ...node.standing },
      { serverId: predecessor.settings.serverId, ...position },
    );
    return { method: choice.method, certain: true, why: choice.why };
  }
}

function refusal(
  view: Pick<NodeView, 'name' | 'state'> | undefined,
  to: TargetState,
  reason: string,
  remedy: string,
): RingmasterError {
  return new RingmasterError('transition.refused', {
    node: view?.name ?? 'the node',
    from: view?.state ?? 'unknown',
    to,
    reason,
    remedy,
  });
}

function allowed(
  snapshot: ClusterSnapshot,
  name: NodeName,
  target: TargetState,
  prediction: Prediction,
): { readonly view: NodeView; readonly transition: Allowed['transition'] } {
  const view = findNode(snapshot, name);
  if (!prediction.allowed) throw refusal(view, target, prediction.reason, prediction.remedy);
  if (!view) throw refusal(view, target, 'there is no such node', '');
  return { view, transition: prediction.transition };
}
