/**
 * Decides when the next transaction may begin and whether it reads or writes. Two rules meet here: the target rate
 * (transactions per second over all sessions), and the share of writes, which must hold over all sessions although
 * only some of them can write. A session that may not go yet waits here, first come first served.
 *
 * The share is kept as a debt: every transaction adds the share of writes (0 to 1), every write pays one. A session
 * that can write does so as soon as a whole write is owed; one that cannot write reads on credit, up to a bound.
 */
import type { Clock, Timer } from '../../base/clock.js';

export type TransactionKind = 'read' | 'write';

/** Writes that reads elsewhere may run ahead of. Small, so that the share is right within a fraction of a second. */
const owedWritesMax = 32;
/** How late slots may be used: a rate missed for longer than this is not made up for. */
const burstMs = 100;

interface Waiting {
  readonly arrival: number;
  readonly admit: (kind: TransactionKind | null) => void;
}

/** The gate that every transaction of the generator passes. */
export class Turnstile {
  private readonly writers: Waiting[] = [];
  private readonly others: Waiting[] = [];
  private arrivals = 0;
  private owedWrites = 0;
  private share: number;
  private periodMs: number | null;
  private nextSlotMs: number;
  private timer: Timer | null = null;
  private writerExists = false;

  /**
   * @param writePercent share of transactions that write, 0 to 100
   * @param targetRate transactions per second; null for no limit
   */
  constructor(
    private readonly clock: Clock,
    writePercent: number,
    targetRate: number | null,
  ) {
    this.share = writePercent / 100;
    this.periodMs = targetRate === null ? null : 1000 / targetRate;
    this.nextSlotMs = clock.monotonicMs();
  }

  /** New rules, at once, for those who wait too. */
  configure(writePercent: number, targetRate: number | null): void {
    this.share = writePercent / 100;
    this.periodMs = targetRate === null ? null : 1000 / targetRate;
    this.nextSlotMs = this.clock.monotonicMs();
    this.owedWrites = Math.min(this.owedWrites, this.share * owedWritesMax);
    this.pump();
  }

  /** Without a writer, reads go on and writes stay owed, up to the bound. */
  setWriterExists(exists: boolean): void {
    this.writerExists = exists;
    this.pump();
  }

  /**
   * Waits for a turn.
   * @returns what to run, or null when the session should look again at where it belongs
   */
  enter(canWrite: boolean): Promise<TransactionKind | null> {
    return new Promise((resolve) => {
      (canWrite ? this.writers : this.others).push({ arrival: this.arrivals++, admit: resolve });
      this.pump();
    });
  }

  /** Sends everybody who waits away, to look again at where they belong. */
  sendAway(): void {
    for (const waiting of [...this.writers.splice(0), ...this.others.splice(0)]) waiting.admit(null);
  }

  /** How many wait. */
  get waiting(): number {
    return this.writers.length + this.others.length;
  }

  private pump(): void {
    while (this.waiting > 0) {
      if (!this.rateAllows()) return;
      const turn = this.nextTurn();
      if (!turn) return;
      this.owedWrites += this.share - (turn.kind === 'write' ? 1 : 0);
      // Only reads without a writer run up against this: what cannot be written for now is not owed for ever.
      if (!this.writerExists) this.owedWrites = Math.min(this.owedWrites, owedWritesMax);
      if (this.periodMs !== null) {
        this.nextSlotMs = Math.max(this.nextSlotMs, this.clock.monotonicMs() - burstMs) + this.periodMs;
      }
      turn.waiting.admit(turn.kind);
    }
  }

  /** The next session and what it runs; undefined when nobody who waits may go. */
  private nextTurn(): { waiting: Waiting; kind: TransactionKind } | undefined {
    const writeIsDue = this.share > 0 && this.owedWrites + this.share >= 1;
    const readersMayGo = this.share < 1 && (!this.writerExists || this.owedWrites < owedWritesMax);
    const writer = this.writers[0];
    const other = readersMayGo ? this.others[0] : undefined;
    const takeWriter =
      writer !== undefined && (writeIsDue || other === undefined || writer.arrival < other.arrival);
    const queue = takeWriter ? this.writers : this.others;
    if (!takeWriter && other === undefined) return undefined;
    const waiting = queue.shift();
    return waiting && { waiting, kind: takeWriter && (writeIsDue || this.share === 1) ? 'write' : 'read' };
  }

  /** Is a slot free? If not, wakes up when one is. */
  private rateAllows(): boolean {
    if (this.periodMs === null) return true;
    const waitMs = this.nextSlotMs - this.clock.monotonicMs();
    if (waitMs <= 0) return true;
    this.timer?.cancel();
    this.timer = this.clock.after(waitMs, () => {
      this.timer = null;
      this.pump();
    });
    return false;
  }
}
