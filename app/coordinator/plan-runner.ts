/** Proposes plans and runs them, one at a time: each step checked, reported, and taken back when the plan fails. */
import { type ErrorView, messageOf, RingmasterError, toRingmasterError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { PlanId } from '../model/ids.js';
import { beginMaintenance, type MaintenanceRequest } from '../model/maintenance.js';
import { replicates, stateInWords } from '../model/node-state.js';
import {
  hasEnded,
  isRunning,
  type Plan,
  type PlanState,
  type PlanStep,
  type StepProgress,
} from '../model/plan.js';
import { snapshotOnly } from '../replication/planner.js';
import type { Cluster } from './cluster.js';
import { PlanOutcome } from './plan-outcome.js';
import { type ProposeRequest, Proposer, type RestartRequest } from './proposer.js';
import type { RingKeeper } from './ring-keeper.js';
import type { PlanNotes, StepContext } from './steps/context.js';
import { execute } from './steps/table.js';

/** Proposed plans are kept until the cluster has moved on or this many others were proposed. */
const proposalsKept = 16;

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

  private readonly proposer: Proposer;

  constructor(private readonly options: PlanRunnerOptions) {
    this.proposer = new Proposer(options.cluster);
  }

  /** The plan of a state change, without running it. @throws RingmasterError `transition.refused` */
  async propose(request: ProposeRequest): Promise<Plan> {
    return this.keep(await this.proposer.move(request));
  }

  /** The plan of a restart, without running it. @throws RingmasterError `transition.refused` */
  async proposeRestart(request: RestartRequest): Promise<Plan> {
    return this.keep(await this.proposer.restart(request));
  }

  private keep(plan: Plan): Plan {
    this.proposals.set(plan.id, plan);
    for (const id of [...this.proposals.keys()].slice(0, -proposalsKept)) this.proposals.delete(id);
    return plan;
  }

  /**
   * Starts a proposed plan; it goes on by itself and shows in the snapshot.
   * @param request why and how long, for a plan that puts a node into maintenance; else it is not looked at
   * @param askedBy who confirmed it, whoever it was proposed to
   * @param ofSeries it is the turn of this plan in the series that runs
   * @throws RingmasterError `plan.unknown`, `plan.busy`, `plan.reason-missing`, or `plan.outdated` when it would be
   * refused or look different now.
   */
  run(id: PlanId, request: MaintenanceRequest | null, askedBy: string, ofSeries = false): Plan {
    const { cluster } = this.options;
    if (cluster.plan && isRunning(cluster.plan))
      throw new RingmasterError('plan.busy', { title: cluster.plan.title });
    const proposal = this.proposals.get(id);
    if (!proposal) throw new RingmasterError('plan.unknown', { planId: id });
    const setsAside = proposal.target === 'maintenance';
    if (setsAside && !request) throw new RingmasterError('plan.reason-missing', { node: proposal.node });
    this.checkStillTrue(proposal, ofSeries);
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

  private checkStillTrue(plan: Plan, ofSeries: boolean): void {
    this.proposer.checkStillTrue(plan, ofSeries);
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
    const { cluster, ring, log } = this.options;
    const plan = cluster.plan;
    if (!plan) return;
    const node = cluster.node(plan.node);
    const undos: Undo[] = [];
    const outcome = new PlanOutcome(cluster, ring, plan);
    outcome.begin();
    cluster.say({
      kind: 'plan',
      severity: 'info',
      node: node.name,
      text: `${plan.title}: started`,
      by: plan.askedBy,
      mark: false,
    });
    try {
      // A plan that nobody would remember after a crash of the console does not begin.
      await this.options.remember();
      await this.runSteps(plan, signal, undos);
      // It may have died while its last step was done.
      if (replicates(plan.target) && !node.isServerRunning)
        throw new RingmasterError('server.not-running', { node: node.name });
      this.end('done', null);
      outcome.succeeded();
    } catch (thrown) {
      const error = toRingmasterError(signal.aborted ? signal.reason : thrown);
      log.error({ plan: plan.title, error: error.message, cause: messageOf(thrown) }, 'plan did not succeed');
      this.failRunningSteps(error.view());
      await this.takeBack(undos);
      await outcome.failed(error);
      this.end(error.category === 'cancelled' ? 'aborted' : 'failed', error.view());
      outcome.sayFailed(error);
    }
    await this.keepInMind();
  }

  /** Where the plan stands, for a coordinator that is started after this one died. */
  private async keepInMind(): Promise<void> {
    const { log, remember } = this.options;
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
    await this.keepInMind();
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

  private end(state: PlanState, error: ErrorView | null): void {
    this.change({ state, error, endedAtMs: this.options.cluster.clock.wallMs() });
  }
}
