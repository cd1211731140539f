/** How far the node's applier is, and waiting for it: the server wakes us, nobody polls. */
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { type Admin, numberOf } from '../../io/mariadb/admin.js';

/** The server answers at the latest after this, so that a goal that was given up does not block the next one. Seconds. */
const waitSeconds = 1;

interface Goal {
  readonly sequence: number;
  readonly reached: () => void;
  readonly failed: (reason: unknown) => void;
}

export class Applied {
  readonly #connect: () => Promise<Admin>;
  readonly #moved: (applied: number) => void;
  readonly #log: Log;
  readonly #goals = new Set<Goal>();
  /** What somebody wants to hear of without waiting for it. */
  #wanted = 0;
  #applied = 0;
  #running = false;
  #connection: Admin | null = null;

  /**
   * @param connect opens a connection that only this object uses
   * @param moved is told the applied sequence number when a wait brought news
   */
  constructor(connect: () => Promise<Admin>, moved: (applied: number) => void, log: Log) {
    this.#connect = connect;
    this.#moved = moved;
    this.#log = log;
  }

  /** The last change known to be applied or committed here. */
  get sequence(): number {
    return this.#applied;
  }

  /** Somebody looked, or the node committed itself. */
  seen(applied: number): void {
    if (applied <= this.#applied) return;
    this.#applied = applied;
    for (const goal of this.#goals) {
      if (goal.sequence > applied) continue;
      this.#goals.delete(goal);
      goal.reached();
    }
  }

  /** The data are others now. */
  reset(applied: number): void {
    this.#applied = 0;
    this.#wanted = 0;
    this.seen(applied);
  }

  /** News of `sequence` are wanted as soon as it is applied. */
  want(sequence: number): void {
    if (sequence <= this.#applied || sequence <= this.#wanted) return;
    this.#wanted = sequence;
    this.#run();
  }

  /** Resolves when `sequence` is applied. @throws the signal's reason when it is aborted first */
  reach(sequence: number, signal: AbortSignal): Promise<void> {
    if (sequence <= this.#applied) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const withdraw = () => {
        this.#goals.delete(goal);
        reject(signal.reason);
      };
      const goal: Goal = {
        sequence,
        reached: () => {
          signal.removeEventListener('abort', withdraw);
          resolve();
        },
        failed: (reason) => {
          signal.removeEventListener('abort', withdraw);
          reject(reason);
        },
      };
      signal.addEventListener('abort', withdraw, { once: true });
      this.#goals.add(goal);
      this.#run();
    });
  }

  /** The server went away: nobody waits any more. */
  lost(reason: unknown): void {
    this.#wanted = 0;
    this.#connection?.destroy();
    this.#connection = null;
    for (const goal of this.#goals) goal.failed(reason);
    this.#goals.clear();
  }

  #next(): number {
    let lowest = this.#wanted > this.#applied ? this.#wanted : Number.POSITIVE_INFINITY;
    for (const { sequence } of this.#goals) lowest = Math.min(lowest, sequence);
    return lowest;
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    this.#work().then(
      () => {
        this.#running = false;
        if (Number.isFinite(this.#next())) this.#run();
      },
      (thrown: unknown) => {
        this.#running = false;
        this.#log.debug({ cause: messageOf(thrown) }, 'the applier was not waited for');
        this.lost(thrown);
      },
    );
  }

  async #work(): Promise<void> {
    for (let goal = this.#next(); Number.isFinite(goal); goal = this.#next()) {
      if (!this.#connection || this.#connection.lost) this.#connection = await this.#connect();
      // Compares the number alone, whoever made the change. Watches the applier, and own changes after their round trip
      // only: whoever waits for an own change is answered by `seen`.
      const row = await this.#connection.one('SELECT MASTER_GTID_WAIT(?, ?) AS waited', [
        `0-1-${goal}`,
        waitSeconds,
      ]);
      if (numberOf(row, 'waited') !== 0) continue;
      this.seen(goal);
      this.#moved(this.#applied);
    }
  }
}
