/**
 * Carries out what the protocol asks, in its order: everything behind a promise waits until the promise is on disk, and
 * whatever later steps ask stays behind that.
 */
import type { Clock, Timer } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Durable, RingAction } from '../../ring/model.js';

type Persist = Extract<RingAction, { kind: 'persist' }>;
/** Everything but a promise, which the outlet keeps itself. */
export type WorldAction = Exclude<RingAction, Persist>;

export interface OutletTools {
  readonly clock: Clock;
  readonly log: Log;
  readonly write: (durable: Durable) => Promise<void>;
  readonly perform: (action: WorldAction) => void;
}

/** A disk that refuses is tried again: nothing that depends on the promise may be said meanwhile. Milliseconds. */
const writeAgainAfterMs = 200;

export class Outlet {
  readonly #tools: OutletTools;
  #waiting: RingAction[] = [];
  #writing = false;
  #closed = false;
  #retry: Timer | null = null;

  constructor(tools: OutletTools) {
    this.#tools = tools;
  }

  /** Takes the actions of one step; the array is not kept. */
  take(actions: readonly RingAction[]): void {
    if (this.#closed) return;
    for (const action of actions) this.#waiting.push(action);
    if (!this.#writing) this.#drain();
  }

  /** Nothing more is done; a write that is under way ends by itself. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#retry?.cancel();
  }

  #drain(): void {
    while (this.#waiting.length > 0 && !this.#closed) {
      const [first] = this.#waiting;
      if (first?.kind === 'persist') {
        this.#store();
        return;
      }
      this.#waiting.shift();
      if (first) this.#tools.perform(first);
    }
  }

  /**
   * Promises only grow, so one write serves several that wait, as long as nothing but messages lies between them: a
   * message may be late, but what was handed to the application before a promise must not be lost with it.
   */
  #store(): void {
    let newest: Durable | undefined;
    const rest: RingAction[] = [];
    let at = 0;
    for (; at < this.#waiting.length; at++) {
      const action = this.#waiting[at];
      if (action?.kind === 'persist') newest = action.durable;
      else if (action?.kind === 'send' || action?.kind === 'ignored') rest.push(action);
      else break;
    }
    if (!newest) return;
    this.#waiting = [...rest, ...this.#waiting.slice(at)];
    this.#write(newest);
  }

  #write(durable: Durable): void {
    this.#writing = true;
    this.#tools.write(durable).then(
      () => {
        this.#writing = false;
        this.#drain();
      },
      (thrown: unknown) => {
        this.#tools.log.error({ cause: messageOf(thrown) }, 'a promise of the ring was not stored');
        if (this.#closed) return;
        this.#retry = this.#tools.clock.after(writeAgainAfterMs, () => this.#write(durable));
      },
    );
  }
}
