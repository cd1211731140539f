/**
 * When to look for blockers: a pure decision from what is known of the applier.
 *
 * Nothing is polled while nothing waits. A wake-up of a process costs up to 0.7 ms of processor time (a query of a
 * sleeping Node.js process, measured on a small virtual machine), so that polling every 10 ms would take 7 % of a core
 * for ever. The engine knows from the token what the applier must reach, and learns when it did; only when that takes
 * longer than usual is the server asked. `Innodb_row_lock_current_waits`, the trigger one could poll instead, costs 200
 * to 250 microseconds of server each time (most of it for collecting all other counters), counts waits of local sessions
 * too, and knows nothing of metadata locks.
 */

/** How long the applier may stand still before the server is asked, milliseconds. Mostly it needs one to five. */
export const patienceMs = 8;
/** The same for a while after a conflict, because they come in bunches: hot rows stay hot. */
export const alertPatienceMs = 3;
const alertForMs = 1_000;
/** Between polls while nothing is expected: they find what nobody told of. */
export const restingPollMs = 200;
/** Between two looks while the applier stands still: doubled from the first to the last while nothing is found. */
const lookAgainMs = { first: 6, last: 15 } as const;
/** How long nothing may move before it is asked whether there is anything to apply at all. */
const doubtMs = 60;
/** Between two reports of the same blockers: rolling back takes its time. */
const repeatMs = { first: 20, last: 320 } as const;

/** What a poll saw. */
export interface Sighting {
  readonly atMs: number;
  /** The applied sequence number. */
  readonly applied: number;
  /** The received sequence number; null when it was not asked for. */
  readonly received: number | null;
}

export class Attention {
  private expected = 0;
  private applied = -1;
  /** Since when something is to be applied and nothing was. */
  private stillSinceMs = 0;
  private lastPollMs = Number.NEGATIVE_INFINITY;
  private nextLookMs = 0;
  private lookPauseMs: number = lookAgainMs.first;
  private standstills = 0;
  private lastConflictMs = Number.NEGATIVE_INFINITY;
  /** Connections that hold the permission to commit, and since when. */
  private readonly held = new Map<number, number>();

  /** The applier will have to reach this sequence number. */
  expect(sequence: number, atMs: number): void {
    if (!this.busy) this.stillSinceMs = atMs;
    this.expected = Math.max(this.expected, sequence);
  }

  /** The applier has reached this sequence number. */
  reached(sequence: number, atMs: number): void {
    if (sequence > this.applied) this.move(sequence, atMs);
  }

  /** Counts standstills: whoever blocked the last one and blocks again is in another conflict. */
  get standstill(): number {
    return this.standstills;
  }

  hold(id: number, atMs: number): void {
    if (this.held.size === 0 && !this.busy) this.standstills++;
    this.held.set(id, atMs);
  }

  release(id: number): void {
    this.held.delete(id);
  }

  holds(id: number): boolean {
    return this.held.has(id);
  }

  /** Blockers were found. */
  conflict(atMs: number): void {
    this.lastConflictMs = atMs;
  }

  /** Whether something is known that is not applied yet. */
  get busy(): boolean {
    return this.applied < this.expected;
  }

  /** After a new server or other data: what was known counts for nothing. */
  forget(): void {
    this.expected = 0;
    this.applied = -1;
    this.lastPollMs = Number.NEGATIVE_INFINITY;
  }

  /** When the server is to be asked next. */
  get dueMs(): number {
    const waits: number[] = [...this.held.values()];
    if (this.busy) waits.push(this.stillSinceMs);
    if (waits.length === 0) return this.lastPollMs + restingPollMs;
    const longest = Math.min(...waits);
    return Math.max(longest + this.patienceMs(longest), this.nextLookMs);
  }

  /** Whether the next poll is to ask what has been received, too: that costs twice as much. */
  wantsReceived(atMs: number): boolean {
    return !this.busy || this.applied < 0 || atMs - this.stillSinceMs > doubtMs;
  }

  /** Takes what a poll saw. @returns whether to look for blockers now */
  see({ atMs, applied, received }: Sighting): boolean {
    const wasBusy = this.busy;
    this.lastPollMs = atMs;
    if (applied !== this.applied) this.move(applied, atMs);
    // What was received is the truth; what was expected may be a change of our own that comes round later.
    if (received !== null) this.expected = received;
    // Found by ourselves, after a while: most of it may have been spent waiting already.
    if (this.busy && !wasBusy) this.stillSinceMs = atMs - patienceMs / 2;
    const longest = Math.min(...this.held.values(), this.busy ? this.stillSinceMs : Number.POSITIVE_INFINITY);
    const look = atMs - longest >= this.patienceMs(longest) && atMs >= this.nextLookMs;
    if (look) {
      this.nextLookMs = atMs + this.lookPauseMs;
      this.lookPauseMs = Math.min(this.lookPauseMs * 2, lookAgainMs.last);
    }
    return look;
  }

  /** With whatever has waited since `sinceMs`. */
  private patienceMs(sinceMs: number): number {
    return sinceMs - this.lastConflictMs < alertForMs ? alertPatienceMs : patienceMs;
  }

  private move(applied: number, atMs: number): void {
    this.applied = applied;
    this.standstills++;
    this.stillSinceMs = atMs;
    this.nextLookMs = 0;
    this.lookPauseMs = lookAgainMs.first;
  }
}

/** Remembers who was reported, so that repeats come at a bounded pace and each conflict is counted once. */
export class Reports {
  private readonly known = new Map<number, { nextMs: number; pauseMs: number }>();
  private standstill = -1;

  /** Those of `ids` that are due now; ids that are not among them any more are forgotten, all at a new standstill. */
  due(
    ids: readonly number[],
    standstill: number,
    atMs: number,
  ): { readonly due: number[]; readonly fresh: number } {
    if (standstill !== this.standstill) this.known.clear();
    this.standstill = standstill;
    for (const id of this.known.keys()) if (!ids.includes(id)) this.known.delete(id);
    let fresh = 0;
    const due = ids.filter((id) => {
      const entry = this.known.get(id);
      if (!entry) {
        fresh++;
        this.known.set(id, { nextMs: atMs + repeatMs.first, pauseMs: repeatMs.first });
        return true;
      }
      if (atMs < entry.nextMs) return false;
      entry.pauseMs = Math.min(entry.pauseMs * 2, repeatMs.last);
      entry.nextMs = atMs + entry.pauseMs;
      return true;
    });
    return { due, fresh };
  }
}
