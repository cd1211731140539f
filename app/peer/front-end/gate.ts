/** What a session must wait for before its changes may become part of the cluster's order. */

export interface CommitGate {
  /**
   * Waits for the permission to commit.
   * @throws the signal's reason when it is aborted first; RingmasterError when there is no permission to be had
   */
  acquire(signal: AbortSignal): Promise<void>;
  /** Gives the permission back, used or not. `unknown`: the node went away in between. */
  release(outcome: 'done' | 'failed' | 'unknown'): void;
  /** Waits until the last change of this session is on every node. */
  safe(signal: AbortSignal): Promise<void>;
  /** Waits until this node has applied all that was acknowledged anywhere before now. */
  caughtUp(signal: AbortSignal): Promise<void>;
}

/** The gate of a node that is alone: everything is permitted at once. */
export const openGate: CommitGate = {
  acquire: () => Promise.resolve(),
  release: () => undefined,
  safe: () => Promise.resolve(),
  caughtUp: () => Promise.resolve(),
};
