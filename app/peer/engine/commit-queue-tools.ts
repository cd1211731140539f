/** What a commit queue is given, and the pause that it gives. */
import type { Clock } from '../../base/clock.js';
import type { Log } from '../../base/log.js';

/** The token kept without committing: while it lasts nobody in the cluster commits. */
export interface CommitPause {
  /** The last change of the order; nothing comes after it before `end`. */
  readonly sequence: number;
  /** Commits go on. @returns false when the view ended meanwhile, and others may have committed since */
  end(): boolean;
}

/** What the queue needs of its node and ring. */
export interface CommitQueueTools {
  /** So many transactions wait. */
  readonly waiting: (length: number) => void;
  /** The hold is over: the last number used. */
  readonly committed: (ringId: number, upTo: number) => void;
  /** The last number in the node's own log. Rejects while the server does not answer. */
  readonly readSequence: () => Promise<number>;
  /** Does another member wait for the token? */
  readonly othersWant: () => boolean;
  /** Is the node's own OK, given in the current view, enough for a lossless commit? */
  readonly okIsEnough: () => boolean;
  /** This connection of the node commits now, or does no longer: it must not wait for locks of those who may not. */
  readonly holds: (backendId: number, holds: boolean) => void;
  /** Resolves when this node has applied everything that was acknowledged anywhere before the call. */
  readonly caughtUp: (signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}
