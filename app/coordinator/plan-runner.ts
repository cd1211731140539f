/** Proposes plans and runs them, one at a time: each step checked, reported, and taken back when the plan fails. */
import { type ErrorView, messageOf, RingmasterError, toRingmasterError } from '../base/errors.js';
import { formatSeconds } from '../base/format.js';
import type { Log } from '../base/log.js';
import { randomHex } from '../base/random.js';
import { type NodeName, type PlanId, planId } from '../model/ids.js';
import { beginMaintenance, type MaintenanceRequest, plannedLengthWords } from '../model/maintenance.js';
import { joinsRing, replicates, stateInWords, type TargetState } from '../model/node-state.js';
import {
  hasEnded,
  isRunning,
  type Plan,
  type PlanState,
  type PlanStep,
  type StepProgress,
} from '../model/plan.js';
import { predictTransition } from '../model/predictor.js';
import { chooseDonor } from '../replication/donor.js';
import { chooseJoin } from '../replication/join.js';
import { type JoinKnowledge, makePlan, snapshotOnly } from '../replication/planner.js';
import { neighbours } from '../replication/ring-order.js';
import type { Cluster } from './cluster.js';
import type { ClusterNode } from './node.js';
import type { RingKeeper } from './ring-keeper.js';
import type { PlanNotes, StepContext } from './steps/context.js';
import { execute } from './steps/table.js';

/** Proposed plans are kept until the cluster has moved on or this many others were proposed. */
const proposalsKept = 16;

export interface ProposeRequest {
  readonly node: NodeName;
  readonly target: TargetState;
  readonly donor: NodeName | null;
  readonly askedBy: string;
}

interface Undo {
  readonly what: string;
  readonly undo: () => Promise<void>;
}

export interface PlanRunnerOptions {
  readonly cluster: Cluster;
  readonly ring: RingKeeper;
  readonly log: Log;
  /** Called when the outcome of a plan should be remembered. */
  readonly remember: () => Promise<void>;
}

export class PlanRunner {
  private readonly proposals = new Map<PlanId, Plan>();
  private abort: AbortController | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: PlanRunnerOptions) {}

  /**
   * The plan of a state change, without running it.
   * @throws RingmasterError `transition.refused` with the predictor's reason.
   */
  async propose({ node: name, target, donor: wished, askedBy }: ProposeRequest): Promise<Plan> {
    const { cluster } = this.options;
    const snapshot = cluster.snapshot();
    const prediction = predictTransition(snapshot, name, target);
    const view = snapshot.nodes.find((node) => node.name === name);
    if (!prediction.allowed || !view) {
      const { reason, remedy } = prediction.allowed
        ? { reason: 'there is no such node', remedy: '' }
        : prediction;
      throw new RingmasterError('transition.refused', {
        node: name,
        from: view?.state ?? 'unknown',
        to: target,
        reason,
        remedy,
      });
    }
    const joins = joinsRing(view.state, target);
    const donor = joins ? chooseDonor(snapshot.nodes, name, wished) : undefined;
    if (wished !== null && !donor) {
      const reason = `${wished} cannot give a copy now`;
      throw new RingmasterError('transition.refused', {
        node: name,
        from: view.state,
        to: target,
        reason,
        remedy: 'Choose another donor.',
      });
    }
    const plan = makePlan({
      nodes: snapshot.nodes,
      node: view,
      target,
      transition: prediction.transition,
      donor,
      knowledge: await this.joinKnowledge(cluster.node(name), donor?.name),
      id: planId(`plan-${randomHex(6)}`),
      nowMs: cluster.clock.wallMs(),
      askedBy,
    });
    this.proposals.set(plan.id, plan);
    for (const id of [...this.proposals.keys()].slice(0, -proposalsKept)) this.proposals.delete(id);
    return plan;
  }

  /** What is known, before its server runs, about how a node can get what it lacks. */
  private async joinKnowledge(node: ClusterNode, donor: NodeName | undefined): Promise<JoinKnowledge> {
    const { cluster } = this.options;
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

  /**
   * Starts a proposed plan; it goes on by itself and shows in the snapshot.
   * @param request why and how long, for a plan that puts a node into maintenance; else it is not looked at
   * @param askedBy who confirmed it, whoever it was proposed to
   * @throws RingmasterError `plan.unknown`, `plan.busy`, `plan.reason-missing`, or `plan.outdated` when it would be
   * refused or look different now.
   */
  run(id: PlanId, request: MaintenanceRequest | null, askedBy: string): Plan {
    const { cluster } = this.options;
    if (cluster.plan && isRunning(cluster.plan))
      throw new RingmasterError('plan.busy', { title: cluster.plan.title });
    const proposal = this.proposals.get(id);
    if (!proposal) throw new RingmasterError('plan.unknown', { planId: id });
    const setsAside = proposal.target === 'maintenance';
    if (setsAside && !request) throw new RingmasterError('plan.reason-missing', { node: proposal.node });
    this.checkStillTrue(proposal);
    this.proposals.clear();
    const startedAtMs = cluster.clock.wallMs();
    const maintenance = setsAside && request ? beginMaintenance(request, askedBy, startedAtMs) : null;
    const plan: Plan = { ...proposal, askedBy, state: 'running', startedAtMs, maintenance };
    cluster.plan = plan;
    this.abort = new AbortController();
    this.running = this.carryOut(this.abort.signal);
    return plan;
  }

  /** Waits until no plan runs. */
  async settled(): Promise<void> {
    await this.running;
  }

  private checkStillTrue(plan: Plan): void {
    const snapshot = this.options.cluster.snapshot();
    const prediction = predictTransition(snapshot, plan.node, plan.target);
    if (!prediction.allowed) throw new RingmasterError('plan.outdated', { reason: prediction.reason });
    const node = this.options.cluster.node(plan.node);
    if (node.state !== plan.from)
      throw new RingmasterError('plan.outdated', {
        reason: `${node.name} is ${stateInWords(node.state)} now`,
      });
    if (plan.donor && !replicates(this.options.cluster.node(plan.donor.name).state)) {
      throw new RingmasterError('plan.outdated', {
        reason: `${plan.donor.name} can no longer give the data`,
      });
    }
  }

  /** Stops the running plan; what it changed is undone. @throws RingmasterError `plan.unknown` */
  stop(id: PlanId, by: string): Plan {
    const { cluster } = this.options;
    if (cluster.plan?.id !== id || !isRunning(cluster.plan))
      throw new RingmasterError('plan.unknown', { planId: id });
    if (cluster.plan.state === 'running') this.change({ state: 'aborting' });
    this.abort?.abort(new RingmasterError('plan.aborted', { by }));
    return cluster.plan;
  }

  /** Puts an ended plan away. */
  dismiss(id: PlanId): void {
    const { cluster } = this.options;
    if (cluster.plan?.id !== id || !hasEnded(cluster.plan)) return;
    cluster.plan = null;
    cluster.changed();
  }

  private change(changes: Partial<Plan>): void {
    const { cluster } = this.options;
    if (!cluster.plan) return;
    cluster.plan = { ...cluster.plan, ...changes };
    cluster.changed();
  }

  private changeStep(index: number, changes: Partial<PlanStep>): void {
    const steps = this.options.cluster.plan?.steps ?? [];
    this.change({ steps: steps.map((step, place) => (place === index ? { ...step, ...changes } : step)) });
  }

  private async carryOut(signal: AbortSignal): Promise<void> {
    const { cluster, log, remember } = this.options;
    const plan = cluster.plan;
    if (!plan) return;
    const node = cluster.node(plan.node);
    const undos: Undo[] = [];
    node.wanted = plan.target;
    node.maintenance = plan.maintenance ?? node.maintenance;
    node.reason = null;
    if (node.state !== 'active') node.state = 'transitional';
    cluster.say({
      kind: 'plan',
      severity: 'info',
      node: node.name,
      text: `${plan.title}: started`,
      by: plan.askedBy,
      mark: false,
    });
    try {
      await this.runSteps(plan, signal, undos);
      // It may have died while its last step was done.
      if (replicates(plan.target) && !node.isServerRunning)
        throw new RingmasterError('server.not-running', { node: node.name });
      this.succeed(plan, node);
    } catch (thrown) {
      const error = toRingmasterError(signal.aborted ? signal.reason : thrown);
      log.error({ plan: plan.title, error: error.message, cause: messageOf(thrown) }, 'plan did not succeed');
      this.failRunningSteps(error.view());
      await this.takeBack(undos);
      await this.fail(plan, node, error);
    }
    await remember().catch((error: unknown) => log.error({ error: messageOf(error) }, 'memory not saved'));
  }

  private async runSteps(plan: Plan, signal: AbortSignal, undos: Undo[]): Promise<void> {
    const notes: PlanNotes = {
      donorBinlogState: '',
      copyPosition: '',
      donorStateBefore: null,
      ownData: false,
      skipCopy: false,
      mayCopy: plan.steps.some((step) => step.action.kind === 'copy'),
    };
    const catchUpAt = plan.steps.findIndex((step) => step.action.kind === 'catch-up');
    for (const [index, step] of plan.steps.entries()) {
      signal.throwIfAborted();
      const onlyForCopy = snapshotOnly.has(step.action.kind);
      if (notes.skipCopy && onlyForCopy && index < catchUpAt) {
        this.changeStep(index, { state: 'skipped', outcome: 'not needed' });
        continue;
      }
      await this.runStep(index, step, this.contextOf(index, signal, undos, notes));
    }
  }

  private async runStep(index: number, step: PlanStep, context: StepContext): Promise<void> {
    const { clock } = this.options.cluster;
    this.changeStep(index, { state: 'running', startedAtMs: clock.wallMs() });
    try {
      const outcome = await execute(step.action, context);
      this.changeStep(index, { state: 'done', endedAtMs: clock.wallMs(), outcome, progress: null });
    } catch (error) {
      this.changeStep(index, { endedAtMs: clock.wallMs() });
      throw error;
    }
  }

  private contextOf(index: number, signal: AbortSignal, undos: Undo[], notes: PlanNotes): StepContext {
    const { cluster, ring, log, remember } = this.options;
    const progress = (value: StepProgress) => this.changeStep(index, { progress: value });
    return {
      cluster,
      ring,
      log,
      signal,
      notes,
      remember,
      progress,
      activity(node, words) {
        node.activity = words;
        cluster.changed();
      },
      onUndo: (what, undo) => undos.push({ what, undo }),
      call: { signal, onProgress: progress },
    };
  }

  private failRunningSteps(error: ErrorView): void {
    const steps = this.options.cluster.plan?.steps ?? [];
    this.change({
      state: 'aborting',
      steps: steps.map((step) => (step.state === 'running' ? { ...step, state: 'failed', error } : step)),
    });
  }

  /** Undoes in reverse order. One undo that fails is logged and does not keep the others from being tried. */
  private async takeBack(undos: readonly Undo[]): Promise<void> {
    const { log, cluster } = this.options;
    for (const { what, undo } of [...undos].reverse()) {
      try {
        await undo();
      } catch (error) {
        log.error({ what, error: messageOf(error) }, 'undo failed');
        const text = `could not undo: ${what} (${messageOf(error)})`;
        cluster.say({ kind: 'plan', severity: 'bad', node: cluster.plan?.node ?? null, text, mark: false });
      }
    }
  }

  private succeed(plan: Plan, node: ClusterNode): void {
    const { cluster } = this.options;
    node.state = plan.target;
    node.maintenance = plan.maintenance;
    node.activity = null;
    node.role = null;
    const seconds = (cluster.clock.wallMs() - (plan.startedAtMs ?? plan.createdAtMs)) / 1000;
    this.end('done', null);
    const why = plan.maintenance
      ? `: ${plan.maintenance.reason} (${plannedLengthWords(plan.maintenance)})`
      : '';
    const text = `${node.name} ${stateInWords(plan.target)} after ${formatSeconds(seconds)}${why}`;
    cluster.say({ kind: 'state', severity: 'good', node: node.name, text, by: plan.askedBy, mark: true });
  }

  /** Back to a state that is true: what the server really does now decides, not what the plan wished. */
  private async fail(plan: Plan, node: ClusterNode, error: RingmasterError): Promise<void> {
    const { cluster, ring } = this.options;
    const aborted = error.category === 'cancelled';
    await node.refresh().catch(() => undefined);
    node.activity = null;
    node.role = null;
    if (node.isServerRunning && ring.has(node.name)) {
      node.state = plan.from === 'active' || plan.from === 'standby' ? plan.from : 'standby';
    } else if (plan.from === 'maintenance') {
      // Still set aside, for the reason and the time that were said; the plan itself tells what went wrong.
      node.state = 'maintenance';
      node.reason = null;
    } else if (node.status?.server.kind === 'stopped' && node.status.server.unexpected) {
      node.state = 'failed';
      node.reason = node.status.server.reason;
    } else {
      node.state = plan.from === 'failed' && !aborted ? 'failed' : 'offline';
      node.reason = aborted ? null : error.message;
    }
    const away = node.state === 'maintenance' ? 'maintenance' : 'offline';
    node.wanted = plan.from === 'active' || plan.from === 'standby' ? plan.from : away;
    if (node.state !== 'maintenance') node.maintenance = null;
    await ring.route().catch(() => undefined);
    this.end(aborted ? 'aborted' : 'failed', error.view());
    const text = aborted ? `${plan.title}: stopped` : `${plan.title}: failed, ${error.message}`;
    cluster.say({
      kind: 'plan',
      severity: aborted ? 'warning' : 'bad',
      node: node.name,
      text,
      by: plan.askedBy,
      mark: true,
    });
  }

  private end(state: PlanState, error: ErrorView | null): void {
    this.change({ state, error, endedAtMs: this.options.cluster.clock.wallMs() });
  }
}
