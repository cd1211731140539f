/** What a session must wait for before its changes may become part of the cluster's order. */
import type { SafetyLevel } from '../../wire/session/protocol.js';

/** What became of a permission. */
export interface Released {
  /** The node said OK, or said no, or went away in between. */
  readonly outcome: 'done' | 'failed' | 'unknown';
  /**
   * With `done`: the GTID sequence number of the last commit that the permission was used for. Null where the node's
   * answer had no place for it (an old client's result set came last), or nothing was written to the binlog.
   */
  readonly sequence: number | null;
}

export interface CommitGate {
  /**
   * Waits for the permission to commit.
   * @param backendId the session's connection to the node
   * @throws the signal's reason when it is aborted first; RingmasterError when there is no permission to be had
   */
  acquire(signal: AbortSignal, backendId: number): Promise<void>;
  /**
   * Gives the permission back, used or not, as soon as the node has answered.
   */
  release(outcome: Released, backendId: number): void;
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
