/**
 * Keeps the coordinator's process: starts it, carries requests to it, and says the truth when it dies.
 *
 *   running --process ends--> waiting --delay over--> running
 *                 |                                      ^ at most `restartDelaysMs.length` times a minute
 *                 +--too often--> gone
 *   any --close()--> closing --> closed
 */
import type { Clock, Timer } from '../app/base/clock.js';
import { delay } from '../app/base/clock.js';
import { RingmasterError } from '../app/base/errors.js';
import type { Log } from '../app/base/log.js';
import type { NamedPush, ReplyEnvelope, RequestName, RequestReply } from '../app/contract/window.js';
import type { RequestTarget } from '../app/coordinator/gate/request-gate.js';
import type { FromCoordinator, MessageLine, ToCoordinator } from './coordinator-messages.js';

/** A started coordinator process. */
export interface CoordinatorProcess {
  readonly line: MessageLine<ToCoordinator, FromCoordinator>;
  /** Calls `listener` once with why, in words, when the process has ended. */
  onExit(listener: (cause: string) => void): void;
  /** Ends it at once, without a chance to clean up. */
  kill(): void;
}

export interface CoordinatorKeeper extends RequestTarget {
  /**
   * Closes the cluster and ends the process. Kills it when that takes longer than `boundMs`.
   * @returns whether the cluster closed by itself
   */
  close(boundMs: number): Promise<boolean>;
}

/** Wait before each start anew; as many deaths within `restartWindowMs` are forgiven. */
const restartDelaysMs = [500, 2000, 5000] as const;
const restartWindowMs = 60_000;
/** How long a killed process may take to be gone. */
const killBoundMs = 5000;

type Pending = (envelope: ReplyEnvelope<unknown>) => void;

type KeeperState =
  | { readonly kind: 'running'; readonly process: CoordinatorProcess; readonly pending: Map<number, Pending> }
  | { readonly kind: 'waiting'; readonly timer: Timer; readonly error: RingmasterError }
  | { readonly kind: 'gone'; readonly error: RingmasterError }
  | {
      readonly kind: 'closing';
      readonly process: CoordinatorProcess;
      readonly pending: Map<number, Pending>;
      readonly ended: () => void;
    }
  | { readonly kind: 'closed' };

export interface KeeperDependencies {
  readonly start: () => CoordinatorProcess;
  readonly clock: Clock;
  readonly log: Log;
  /** Where pushes go: to every window. */
  readonly onPush: (push: NamedPush) => void;
}

const failed = (error: RingmasterError): ReplyEnvelope<never> => ({ ok: false, error: error.view() });

class Keeper implements CoordinatorKeeper {
  readonly #dependencies: KeeperDependencies;
  #state: KeeperState = { kind: 'closed' };
  #lastId = 0;
  /** Version of the snapshot that windows hold, so that our own update fits on it. */
  #version = 0;
  #deathsAtMs: number[] = [];

  constructor(dependencies: KeeperDependencies) {
    this.#dependencies = dependencies;
    this.#run();
  }

  request(name: RequestName, payload: unknown, by: string): Promise<ReplyEnvelope<unknown>> {
    const state = this.#state;
    switch (state.kind) {
      case 'running':
        return new Promise((resolve) => {
          const id = ++this.#lastId;
          state.pending.set(id, (envelope) => {
            if (name === 'cluster.open' && envelope.ok) this.#opened(envelope.reply);
            resolve(envelope);
          });
          state.process.line.post({ kind: 'request', id, name, payload, by });
        });
      case 'waiting':
      case 'gone':
        return Promise.resolve(failed(state.error));
      case 'closing':
      case 'closed':
        return Promise.resolve(failed(new RingmasterError('coordinator.closing', { name })));
    }
  }

  async close(boundMs: number): Promise<boolean> {
    const state = this.#state;
    if (state.kind === 'waiting') state.timer.cancel();
    if (state.kind !== 'running') {
      this.#state = { kind: 'closed' };
      return state.kind === 'closed';
    }
    const { clock, log } = this.#dependencies;
    let ended = () => {};
    const exited = new Promise<void>((resolve) => {
      ended = resolve;
    });
    this.#state = { ...state, kind: 'closing', ended };
    state.process.line.post({ kind: 'close' });
    const bound = new AbortController();
    const endedInTime = (limitMs: number) =>
      Promise.race([exited.then(() => true), delay(clock, limitMs, bound.signal).then(() => false)]).catch(
        () => true,
      );
    const clean = await endedInTime(boundMs);
    if (!clean) {
      log.error({ boundMs }, 'the coordinator did not close in time and is ended');
      state.process.kill();
      await endedInTime(killBoundMs);
    }
    bound.abort();
    this.#state = { kind: 'closed' };
    return clean;
  }

  #run(): void {
    const process = this.#dependencies.start();
    const pending = new Map<number, Pending>();
    this.#state = { kind: 'running', process, pending };
    process.line.onMessage((message) => this.#receive(message, pending));
    process.onExit((cause) => this.#exited(cause, pending));
  }

  #receive(message: FromCoordinator, pending: Map<number, Pending>): void {
    switch (message.kind) {
      case 'reply':
        pending.get(message.id)?.(message.envelope);
        pending.delete(message.id);
        return;
      case 'push':
        if (message.push.name === 'cluster.updated') this.#version = message.push.push.version;
        this.#dependencies.onPush(message.push);
        return;
      case 'closed':
        return;
    }
  }

  /** A window got a whole snapshot: ours builds on it from now on. */
  #opened(reply: unknown): void {
    this.#version = (reply as RequestReply<'cluster.open'>).snapshot.version;
  }

  #exited(cause: string, pending: Map<number, Pending>): void {
    const { clock, log } = this.#dependencies;
    const error = new RingmasterError('coordinator.ended', { cause });
    for (const resolve of pending.values()) resolve(failed(error));
    pending.clear();
    if (this.#state.kind === 'closing') this.#state.ended();
    if (this.#state.kind !== 'running') return;
    const nowMs = clock.monotonicMs();
    this.#deathsAtMs = [...this.#deathsAtMs.filter((atMs) => nowMs - atMs < restartWindowMs), nowMs];
    const delayMs = restartDelaysMs[this.#deathsAtMs.length - 1];
    log.error(
      { cause, deaths: this.#deathsAtMs.length, restartInMs: delayMs ?? null },
      'the coordinator ended',
    );
    if (delayMs === undefined) {
      const gone = new RingmasterError('coordinator.gone', { cause, deaths: this.#deathsAtMs.length });
      this.#state = { kind: 'gone', error: gone };
      this.#tell(gone, null);
      return;
    }
    const timer = clock.after(delayMs, () => {
      this.#run();
      this.#askToOpenAgain();
    });
    this.#state = { kind: 'waiting', timer, error };
    this.#tell(error, 'The coordinator is being started again.');
  }

  /** Puts the trouble on the snapshot that windows hold: nobody else can tell them now. */
  #tell(error: RingmasterError, startingUp: string | null): void {
    const since = this.#version;
    this.#version = since + 1;
    this.#dependencies.onPush({
      name: 'cluster.updated',
      push: { since, version: since + 1, changes: { problem: error.view(), startingUp } },
    });
  }

  /** An update that fits on no snapshot: the contract makes a window open anew. */
  #askToOpenAgain(): void {
    this.#version += 2;
    this.#dependencies.onPush({
      name: 'cluster.updated',
      push: { since: this.#version - 1, version: this.#version, changes: {} },
    });
  }
}

/** Starts the coordinator's process and keeps it. */
export function keepCoordinator(dependencies: KeeperDependencies): CoordinatorKeeper {
  return new Keeper(dependencies);
}
