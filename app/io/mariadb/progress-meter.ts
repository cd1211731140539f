/** Turns a growing number into progress: rate over the last seconds, time left, and how long nothing moved. */
import type { Clock } from '../../base/clock.js';
import type { StepProgress } from '../../model/plan.js';

/** The rate is taken over this time: long enough to be calm, short enough to follow. */
const windowMs = 3_000;
/** How often progress is told: a person reads no faster, and each report crosses two processes. */
const reportEveryMs = 250;

/** Share of the whole that must be done before the time left is told. */
const judgedFromShare = 0.01;

export class ProgressMeter {
  readonly #clock: Clock;
  readonly #unit: StepProgress['unit'];
  readonly #total: number | null;
  readonly #from: number;
  /** Points of the window, oldest first; bounded by the report period. */
  #points: { atMs: number; reached: number }[] = [];
  #reached: number;
  #movedAtMs: number;
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  /**
   * @param total how much there is to do, or null while it cannot be known
   * @param from what `reach` counts from; progress counts from zero
   */
  constructor(
    clock: Clock,
    { unit, total, from }: { unit: StepProgress['unit']; total: number | null; from: number },
  ) {
    this.#clock = clock;
    this.#unit = unit;
    this.#total = total;
    this.#from = from;
    this.#reached = from;
    this.#movedAtMs = clock.monotonicMs();
    this.#points = [{ atMs: this.#movedAtMs, reached: from }];
  }

  /** Says how far it is now, on the scale of `from`. */
  reach(reached: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (reached > this.#reached) this.#movedAtMs = nowMs;
    this.#reached = Math.max(this.#reached, reached);
    const last = this.#points.at(-1);
    if (!last || nowMs - last.atMs >= reportEveryMs)
      this.#points.push({ atMs: nowMs, reached: this.#reached });
    while (this.#points.length > 2 && nowMs - (this.#points[1]?.atMs ?? nowMs) > windowMs)
      this.#points.shift();
  }

  /** Milliseconds since it moved. */
  stalledMs(): number {
    return this.#clock.monotonicMs() - this.#movedAtMs;
  }

  view(): StepProgress {
    const nowMs = this.#clock.monotonicMs();
    const first = this.#points[0];
    const seconds = first ? (nowMs - first.atMs) / 1000 : 0;
    // Less than a quarter of a second says nothing about a rate.
    const perSecond = first && seconds >= 0.25 ? (this.#reached - first.reached) / seconds : null;
    const done = this.#reached - this.#from;
    const left = this.#total === null ? null : Math.max(0, this.#total - done);
    // The first bytes come slowly, and a time left made from them would be hours.
    const begun = this.#total === null || done >= this.#total * judgedFromShare;
    return {
      done,
      total: this.#total === null ? null : Math.max(this.#total, done),
      unit: this.#unit,
      perSecond,
      etaSeconds: left === 0 ? 0 : left !== null && perSecond && begun ? left / perSecond : null,
    };
  }

  /** Tells `listener` when the last report is old enough. */
  reportTo(listener: (progress: StepProgress) => void): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#reportedAtMs < reportEveryMs) return;
    this.#reportedAtMs = nowMs;
    listener(this.view());
  }
}
