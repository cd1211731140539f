/** A console and a terminal in memory, for tests of commands. */
import type { RingmasterError } from '../../base/errors.js';
import type { PushName, RequestName } from '../../contract/window.js';
import type { ConsoleClient } from '../../io/console/client.js';
import type { ClusterSnapshot } from '../../model/cluster.js';
import { planId } from '../../model/ids.js';
import { type Plan, type PlanStep, type StepState, waitingStep } from '../../model/plan.js';
import { nodeView } from '../../model/testing/views.js';
import type { Terminal } from '../terminal.js';

/** What was asked of the console. */
export interface AskedRequest {
  readonly name: RequestName;
  readonly payload: unknown;
  readonly confirmed: boolean;
}

type Answers = Partial<Record<RequestName, (payload: never) => unknown>>;

/** A console whose cluster changes when the test says so. */
export class MemoryConsole {
  readonly asked: AskedRequest[] = [];
  readonly client: ConsoleClient;
  readonly #pushes = new Map<PushName, Set<(push: never) => void>>();
  readonly #lost = new Set<(error: RingmasterError) => void>();

  constructor(
    public snapshot: ClusterSnapshot,
    answers: Answers = {},
  ) {
    const request = async (name: RequestName, payload: unknown, confirmed = false): Promise<unknown> => {
      this.asked.push({ name, payload, confirmed });
      if (name === 'cluster.open') return { snapshot: this.snapshot, metrics: [] };
      return answers[name]?.(payload as never) ?? null;
    };
    this.client = {
      request: request as ConsoleClient['request'],
      onPush: (name, listener) => {
        const listeners = this.#pushes.get(name) ?? new Set();
        this.#pushes.set(name, listeners.add(listener as never));
        return () => listeners.delete(listener as never);
      },
      onLost: (listener) => {
        this.#lost.add(listener);
        return () => this.#lost.delete(listener);
      },
      close: () => {},
    };
  }

  /** Does anybody follow the cluster? */
  get isFollowed(): boolean {
    return (this.#pushes.get('cluster.updated')?.size ?? 0) > 0;
  }

  /** The cluster changes, and whoever follows it is told. */
  change(changes: Partial<Omit<ClusterSnapshot, 'version'>>): void {
    const since = this.snapshot.version;
    this.snapshot = { ...this.snapshot, ...changes, version: since + 1 };
    this.#push('cluster.updated', { since, version: since + 1, changes });
  }

  /** The cluster changes, and nobody is told but that something was missed. */
  changeUnheard(changes: Partial<ClusterSnapshot>): void {
    this.snapshot = { ...this.snapshot, ...changes, version: this.snapshot.version + 2 };
    const { version } = this.snapshot;
    this.#push('cluster.updated', { since: version - 1, version, changes: {} });
  }

  lose(error: RingmasterError): void {
    for (const listener of this.#lost) listener(error);
  }

  #push(name: PushName, push: unknown): void {
    for (const listener of this.#pushes.get(name) ?? []) listener(push as never);
  }
}

/** A terminal that keeps what it is told. */
export class MemoryTerminal implements Terminal {
  readonly said: string[] = [];
  readonly complaints: string[] = [];
  readonly questions: string[] = [];
  /** What was painted last. */
  painted: readonly string[] = [];
  readonly #interrupts = new Set<() => void>();

  constructor(
    readonly isLive = false,
    /** null for a terminal at which nobody sits. */
    readonly answer: boolean | null = null,
  ) {}

  get canAsk(): boolean {
    return this.answer !== null;
  }

  say(lines: readonly string[]): void {
    this.said.push(...lines);
  }

  complain(lines: readonly string[]): void {
    this.complaints.push(...lines);
  }

  paint(lines: readonly string[]): void {
    this.painted = lines;
  }

  async ask(question: string): Promise<boolean> {
    this.questions.push(question);
    return this.answer === true;
  }

  onInterrupt(listener: () => void): () => void {
    this.#interrupts.add(listener);
    return () => this.#interrupts.delete(listener);
  }

  /** Ctrl-C. */
  interrupt(): void {
    for (const listener of this.#interrupts) listener();
  }
}

const { name: db2 } = nodeView('db2');

const step = (action: PlanStep['action'], title: string, detail: string): PlanStep =>
  waitingStep(action, { title, detail });

/** The plan that takes db2 offline. */
export const leavePlan = (changes: Partial<Plan> = {}): Plan => ({
  id: planId('plan-1'),
  act: { kind: 'move' },
  title: 'Take db2 offline',
  node: db2,
  from: 'active',
  target: 'offline',
  method: null,
  donor: null,
  danger: 'disruptive',
  steps: [
    step({ kind: 'drain', node: db2 }, 'Move the sessions of db2', 'Each continues on another node.'),
    step({ kind: 'stop-server', node: db2 }, 'Stop db2', 'A clean shutdown.'),
  ],
  effects: [
    { label: 'Active nodes', now: '3', after: '2' },
    { label: 'Replicating nodes', now: '3', after: '3' },
    { label: 'Sessions moved', now: '', after: '117' },
  ],
  warnings: ['No failure is tolerated afterwards.'],
  expectedSeconds: null,
  maintenance: null,
  askedBy: 'command line, user olga',
  createdAtMs: 0,
  startedAtMs: 1_000,
  endedAtMs: null,
  state: 'proposed',
  abortNote: null,
  error: null,
  ...changes,
});

/** The same plan with its steps in these states. */
export const planAt = (
  state: Plan['state'],
  states: readonly StepState[],
  changes: Partial<Plan> = {},
): Plan => {
  const plan = leavePlan({ state, ...changes });
  return {
    ...plan,
    steps: plan.steps.map((each, index) => ({ ...each, state: states[index] ?? 'waiting' })),
  };
};
