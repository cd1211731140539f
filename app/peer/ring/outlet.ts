/**
 * Carries out what the protocol asks, in its order: everything behind a promise waits until the promise is on disk, but for
 * what may overtake it (app/ring/outbox.ts), and whatever later steps ask stays behind that.
 */
import type { Clock, Timer } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Durable, MemberId, RingAction } from '../../ring/model.js';
import { Outbox } from '../../ring/outbox.js';

/** Everything but a promise, which the outlet keeps itself. */
export type WorldAction = Exclude<RingAction, { kind: 'persist' }>;

export interface OutletTools {
  readonly self: MemberId;
  /** Is this order, which waited, still what the protocol wants? */
  readonly current: (action: RingAction) => boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly write: (durable: Durable) => Promise<void>;
  readonly perform: (action: WorldAction) => void;
  /** Promises up to this number are on disk. */
  readonly stored: (number: number) => void;
}

/** A disk that refuses is tried again: nothing that depends on the promise may be said meanwhile. Milliseconds. */
const writeAgainAfterMs = 200;

export class Outlet {
  readonly #tools: OutletTools;
  readonly #outbox: Outbox;
  #closed = false;
  #retry: Timer | null = null;
  #count = 0;
  #longestMs = 0;
  #writingSinceMs: number | null = null;

  constructor(tools: OutletTools) {
    this.#tools = tools;
    this.#outbox = new Outbox(tools.self, tools.current);
  }

  /** How many promises were written, and how long the slowest took or takes by now. Milliseconds. */
  get writes(): { readonly count: number; readonly longestMs: number } {
    const underWayMs =
      this.#writingSinceMs === null ? 0 : this.#tools.clock.monotonicMs() - this.#writingSinceMs;
    return { count: this.#count, longestMs: Math.round(Math.max(this.#longestMs, underWayMs)) };
  }

  /** Takes the actions of one step; the array is not kept. */
  take(actions: readonly RingAction[]): void {
    if (this.#closed) return;
    this.#outbox.take(actions, this.#perform);
    this.#drain();
  }

  /** Nothing more is done; a write that is under way ends by itself. */
  close(): void {
    this.#closed = true;
    this.#outbox.clear();
    this.#retry?.cancel();
  }

  readonly #perform = (action: RingAction): void => {
    if (action.kind !== 'persist') this.#tools.perform(action);
  };

  #drain(): void {
    for (let next = this.#outbox.next(); next; next = this.#outbox.next()) {
      if (next.kind === 'persist') this.#begin(next.durable);
      else this.#tools.perform(next);
    }
  }

  #begin(durable: Durable): void {
    this.#writingSinceMs = this.#tools.clock.monotonicMs();
    this.#write(durable);
  }

  #write(durable: Durable): void {
    this.#tools.write(durable).then(
      () => this.#written(),
      (thrown: unknown) => {
        this.#tools.log.error({ cause: messageOf(thrown) }, 'a promise of the ring was not stored');
        if (this.#closed) return;
        this.#retry = this.#tools.clock.after(writeAgainAfterMs, () => this.#write(durable));
      },
    );
  }

  #written(): void {
    this.#longestMs = this.writes.longestMs;
    this.#writingSinceMs = null;
    this.#count++;
    const number = this.#outbox.stored();
    if (this.#closed) return;
    this.#drain();
    this.#tools.stored(number);
  }
}
