/** The operator of a lab under faults: looks, makes plans, brings nodes back, starts a console that died again. */
import { type Clock, delay, waitFor } from '../../base/clock.js';
import { messageOf, RingmasterError } from '../../base/errors.js';
import type { ClusterSnapshot, NodeView } from '../../model/cluster.js';
import { nodeName } from '../../model/ids.js';
import type { TargetState } from '../../model/node-state.js';
import { hasEnded, isRunning, type Plan } from '../../model/plan.js';
import { LabProcess, type LabProcessOptions } from './lab-process.js';

/** A plan that runs for longer than this has no end. */
const planBoundMs = 150_000;
/** All nodes are back after so long, or somebody must look. */
const recoverBoundMs = 90_000;
/** How long a cluster must look whole before it counts as whole. */
const wholeForMs = 500;
const lookEveryMs = 20;
const againAfterMs = 500;
/** Waits before a console that died is started again, as main/coordinator-keeper.ts does. */
const restartAfterMs = [500, 2_000, 5_000] as const;
/** A node's processors are not what is tested. */
const quotaCores = 4;

export interface OperatorOptions {
  readonly lab: LabProcessOptions;
  readonly clock: Clock;
  readonly tell: (text: string) => void;
}

/** How a plan ended, and what it said. */
export interface PlanEnd {
  readonly plan: Plan;
  readonly words: string;
}

export class Operator {
  #lab: LabProcess | null = null;
  /** Plans that did not end in time. */
  readonly endless: string[] = [];
  readonly #clock: Clock;

  constructor(private readonly options: OperatorOptions) {
    this.#clock = options.clock;
  }

  /** Starts the lab's own process, again where it is gone. @throws Error when it cannot be started */
  async open(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        this.#lab = await LabProcess.start(this.options.lab);
        break;
      } catch (error) {
        const waitMs = restartAfterMs[attempt];
        this.options.tell(`the lab did not start: ${messageOf(error)}`);
        if (waitMs === undefined) throw error;
        await delay(this.#clock, waitMs);
      }
    }
    await this.until('the lab has started', ({ startingUp }) => startingUp === null, recoverBoundMs);
    await this.#lab.console.request('lab.set-quota', { cores: quotaCores }, true).catch(() => undefined);
  }

  /** Kills the console and coordinator, and starts them again after a while, as the keeper does. */
  async killCoordinator(): Promise<void> {
    await this.#lab?.kill();
    await delay(this.#clock, restartAfterMs[0]);
    await this.open();
  }

  /** Stops the lab in order. @returns false when it had to be killed */
  async close(): Promise<boolean> {
    const lab = this.#lab;
    this.#lab = null;
    return (await lab?.stop()) ?? true;
  }

  /** Ends the lab's own process as it is, so that it starts nothing again. */
  async abandon(): Promise<void> {
    await this.#lab?.kill();
  }

  async snapshot(): Promise<ClusterSnapshot> {
    if (!this.#lab) throw new Error('the lab is closed');
    return (await this.#lab.console.request('cluster.open', {})).snapshot;
  }

  /** @throws Error when it does not come true in time */
  async until(
    what: string,
    test: (snapshot: ClusterSnapshot) => boolean,
    timeoutMs: number,
  ): Promise<ClusterSnapshot> {
    const found = await this.seen(test, timeoutMs);
    if (found) return found;
    throw new Error(`waited in vain until ${what}: ${describe(await this.snapshot())}`);
  }

  /** Waits until `test` holds. @returns undefined when it does not in time */
  seen(
    test: (snapshot: ClusterSnapshot) => boolean,
    timeoutMs: number,
  ): Promise<ClusterSnapshot | undefined> {
    return waitFor(
      this.#clock,
      async () => {
        const snapshot = await this.snapshot();
        return test(snapshot) ? snapshot : undefined;
      },
      { everyMs: lookEveryMs, timeoutMs },
    );
  }

  /**
   * Proposes and starts a plan.
   * @throws RingmasterError what the console answers when it refuses
   */
  async begin(node: string, target: TargetState): Promise<Plan> {
    if (!this.#lab) throw new Error('the lab is closed');
    const { console } = this.#lab;
    const proposed = await console.request('plan.propose', { node: nodeName(node), target, donor: null });
    return await console.request('plan.run', { plan: proposed.id, maintenance: null }, true);
  }

  /** Waits until the plan has ended. A console that was started again no longer runs it: then it has ended, too. */
  async ended(plan: Plan): Promise<PlanEnd | null> {
    const over = await this.seen(
      (snapshot) => snapshot.plan?.id !== plan.id || hasEnded(snapshot.plan),
      planBoundMs,
    );
    if (!over) {
      const stuck = (await this.snapshot()).plan;
      const step = stuck?.steps.find(({ state }) => state === 'running');
      this.endless.push(`${plan.title} does not end, at ${step?.title ?? 'no step'}`);
      return null;
    }
    return over.plan?.id === plan.id ? { plan: over.plan, words: wordsOf(over.plan) } : null;
  }

  /** Moves a node and waits for the end. @throws RingmasterError when it is refused */
  async move(node: string, target: TargetState): Promise<PlanEnd | null> {
    return await this.ended(await this.begin(node, target));
  }

  /**
   * Brings all nodes back by plans until all are active and in one ring, as an operator would who reads the screen.
   * @returns what the plans that did not succeed said
   * @throws Error when they do not come back in time
   */
  async recover(): Promise<string[]> {
    const heard: string[] = [];
    const tries = new Map<string, number>();
    const deadlineMs = this.#clock.monotonicMs() + recoverBoundMs;
    let wholeSinceMs: number | null = null;
    while (this.endless.length === 0) {
      const nowMs = this.#clock.monotonicMs();
      const snapshot = await this.snapshot();
      if (isWhole(snapshot)) {
        wholeSinceMs ??= nowMs;
        if (nowMs - wholeSinceMs >= wholeForMs) return heard;
        await delay(this.#clock, lookEveryMs);
        continue;
      }
      wholeSinceMs = null;
      if (nowMs > deadlineMs)
        throw new Error(`not all nodes come back: ${describe(snapshot)}; plans said: ${heard.join(' | ')}`);
      if (snapshot.startingUp !== null || (snapshot.plan && isRunning(snapshot.plan))) {
        if (snapshot.plan && isRunning(snapshot.plan)) await this.ended(snapshot.plan);
        else await delay(this.#clock, lookEveryMs);
        continue;
      }
      if (!(await this.bringOneBack(snapshot, heard, tries))) await delay(this.#clock, againAfterMs);
    }
    return heard;
  }

  /**
   * Tries the node that was tried least: one that cannot come back yet must not keep others from it.
   * @returns whether a plan was begun
   */
  private async bringOneBack(
    snapshot: ClusterSnapshot,
    heard: string[],
    tries: Map<string, number>,
  ): Promise<boolean> {
    const tried = ({ name }: NodeView) => tries.get(name) ?? 0;
    for (const node of snapshot.nodes.filter(isAway).sort((one, other) => tried(one) - tried(other))) {
      tries.set(node.name, tried(node) + 1);
      try {
        const end = await this.move(node.name, 'active');
        const words = end?.words ?? `the plan of ${node.name} was not heard of again`;
        if (!heard.includes(words)) this.options.tell(words);
        if (end?.plan.state === 'done') return true;
        if (!heard.includes(words)) heard.push(words);
        await delay(this.#clock, againAfterMs);
        return true;
      } catch (error) {
        if (!(error instanceof RingmasterError)) throw error;
        const words = `${node.name}: ${error.message}`;
        if (!heard.includes(words)) heard.push(words);
      }
    }
    return false;
  }
}

const isAway = (node: NodeView): boolean =>
  node.state === 'failed' ||
  node.state === 'offline' ||
  node.state === 'standby' ||
  node.state === 'maintenance';

/** Every node active, in one view, and following without an error. */
const isWhole = ({ nodes, token, plan, startingUp }: ClusterSnapshot): boolean =>
  startingUp === null &&
  !(plan && isRunning(plan)) &&
  token?.members.length === nodes.length &&
  nodes.every(
    ({ state, ring, replication }) =>
      state === 'active' &&
      ring?.ringId === token.ringId &&
      replication !== null &&
      replication.error === null,
  );

/** How the nodes stand, in one line. */
export const describe = ({ nodes, token, plan }: ClusterSnapshot): string => {
  const each = nodes.map(({ name, state, reason, replication, ring, position }) =>
    [name, state, reason, replication?.error, ring?.words, position].filter(Boolean).join(', '),
  );
  const view = token ? `ring ${token.ringId} of ${token.members.join(' ')}` : 'no ring';
  return [...each, view, plan ? wordsOf(plan) : ''].filter((part) => part !== '').join('; ');
};

/** A plan in one line: how it ended, at which step, and why. */
const wordsOf = (plan: Plan): string => {
  const failed = plan.steps.find((step) => step.state === 'failed' || step.state === 'running');
  const why = plan.error ? `: ${plan.error.text}` : '';
  return `${plan.title} (${plan.method ?? 'leave'}): ${plan.state}${failed ? ` at ${failed.title}` : ''}${why}`;
};
