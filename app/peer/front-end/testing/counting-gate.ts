/** A gate that is open but counts, and can be shut: what went through it and whether it was open are known. */
import { RingmasterError } from '../../../base/errors.js';
import type { SafetyLevel } from '../../../wire/session/protocol.js';
import type { CommitGate, Released } from '../gate.js';

export class CountingGate implements CommitGate {
  acquired = 0;
  held = 0;
  outcomes: Released[] = [];
  /** Waiters while the gate is shut. */
  private waiting: (() => void)[] = [];
  private shut = false;
  refuses = false;
  /** What becomes of committed changes, and how safe they were asked to be. */
  fate: 'kept' | 'unknown' = 'kept';
  levels: SafetyLevel[] = [];

  async acquire(signal: AbortSignal): Promise<void> {
    if (this.refuses) throw new RingmasterError('cluster.no-quorum');
    if (this.shut) {
      await new Promise<void>((resolve, reject) => {
        this.waiting.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    }
    this.acquired++;
    this.held++;
  }

  release(outcome: Released): void {
    this.held--;
    this.outcomes.push(outcome);
  }

  safe(level: SafetyLevel): Promise<'kept' | 'unknown'> {
    this.levels.push(level);
    return Promise.resolve(this.fate);
  }

  caughtUp(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.shut = true;
  }

  open(): void {
    this.shut = false;
    const { waiting } = this;
    this.waiting = [];
    for (const go of waiting) go();
  }

  get waiters(): number {
    return this.waiting.length;
  }
}
