/** Counts and response times of the generator, cut into samples of about a second. */
import { build, type Histogram } from 'hdr-histogram-js';
import type { Clock } from '../../base/clock.js';
import type { LoadSample } from '../../model/metrics.js';

/** Response times beyond this are counted as this: a minute. */
const microsecondsMax = 60_000_000;

/** Collects what sessions report; `cut` closes a sample. */
export class Statistics {
  transactions = 0;
  failedTransactions = 0;
  retriedTransactions = 0;
  unknownOutcomes = 0;
  lastError: string | null = null;
  private readonly responseMicroseconds: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: microsecondsMax,
    numberOfSignificantValueDigits: 2,
    useWebAssembly: false,
  });
  private cutAtMs: number;
  private transactionsAtCut = 0;
  private failedAtCut = 0;

  constructor(private readonly clock: Clock) {
    this.cutAtMs = clock.monotonicMs();
  }

  /** A transaction was completed `responseMs` after it began, retries included. */
  completed(responseMs: number): void {
    this.transactions++;
    const microseconds = Math.round(responseMs * 1000);
    this.responseMicroseconds.recordValue(Math.min(Math.max(microseconds, 1), microsecondsMax));
  }

  failed(reason: string): void {
    this.failedTransactions++;
    this.lastError = reason;
  }

  retried(): void {
    this.retriedTransactions++;
  }

  outcomeUnknown(reason: string): void {
    this.unknownOutcomes++;
    this.lastError = reason;
  }

  /** Something went wrong that cost no transaction. */
  trouble(reason: string): void {
    this.lastError = reason;
  }

  /** The sample since the last cut. Percentiles are null when no transaction was completed in it. */
  cut(): LoadSample {
    const nowMs = this.clock.monotonicMs();
    const seconds = Math.max(nowMs - this.cutAtMs, 1) / 1000;
    const percentile = (percent: number) =>
      this.responseMicroseconds.totalCount === 0
        ? null
        : this.responseMicroseconds.getValueAtPercentile(percent) / 1000;
    const sample: LoadSample = {
      takenAtMs: this.clock.wallMs(),
      transactionsPerSecond: (this.transactions - this.transactionsAtCut) / seconds,
      errorsPerSecond: (this.failedTransactions - this.failedAtCut) / seconds,
      responseMsP50: percentile(50),
      responseMsP95: percentile(95),
      responseMsP99: percentile(99),
    };
    this.cutAtMs = nowMs;
    this.transactionsAtCut = this.transactions;
    this.failedAtCut = this.failedTransactions;
    this.responseMicroseconds.reset();
    return sample;
  }
}
