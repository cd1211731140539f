/** What a session must wait for before its changes may become part of the cluster's order. */
import type { SafetyLevel } from '../../wire/session/protocol.js';

export interface CommitGate {
  /**
   * Waits for the permission to commit.
   * @throws the signal's reason when it is aborted first; RingmasterError when there is no permission to be had
   */
  acquire(signal: AbortSignal): Promise<void>;
  /**
   * Gives the permission back, used or not, as soon as the node has answered. `unknown`: the node went away in between.
   */
  release(outcome: 'done' | 'failed' | 'unknown'): void;
  /**
   * Asked after `release('done')`, unless the session wants `local`: waits until the change that was just committed is
   * `lossless` (a majority of the view has received it) or `everywhere` (all have applied it).
   * @returns `unknown` when that cannot be known any more: the view ended, or the node left it. A rejection counts as that.
   */
  safe(level: SafetyLevel, signal: AbortSignal): Promise<'kept' | 'unknown'>;
  /** Waits until this node has applied all that was acknowledged anywhere before now. */
  caughtUp(signal: AbortSignal): Promise<void>;
}

/** The gate of a node that is alone: everything is permitted at once. */
export const openGate: CommitGate = {
  acquire: () => Promise.resolve(),
  release: () => undefined,
  safe: () => Promise.resolve('kept'),
  caughtUp: () => Promise.resolve(),
};
