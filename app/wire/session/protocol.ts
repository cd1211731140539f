/** What goes into the session machine and what comes out of it. */
import type { ErrorPacket } from '../packets/responses.js';

/** When a commit counts as safe, beyond its node's own OK: a majority of the view has received it, or all applied it. */
export type SafetyLevel = 'lossless' | 'everywhere';

/** How long the client of a commit waits, and how fresh its reads are: set by user variables of the session. */
export interface SessionSettings {
  /** `@ringmaster_acknowledge`: when a commit counts as safe. */
  readonly acknowledge: 'local' | SafetyLevel;
  /** `@ringmaster_read`: `causal` reads wait for what was acknowledged before they began. */
  readonly read: 'local' | 'causal';
}

export interface SessionOptions {
  /** The id that the client is told: unique in the cluster. Null leaves the node's own. */
  readonly connectionId: number | null;
  /** Offer TLS to the client. */
  readonly tls: boolean;
  /**
   * How a single changing statement runs in autocommit mode. `wrapped`: at once, in a transaction that the machine
   * opens; only its commit waits. `held`: untouched, after the permission to commit was given.
   */
  readonly autocommitWrites: 'wrapped' | 'held';
  readonly settings: SessionSettings;
  /** The longest command that is kept whole, in bytes; longer ones stream. Bounds the memory of a session. */
  readonly commandBytesMax: number;
  /** How often a wrapped statement is run again after a conflict before its client hears of it. */
  readonly conflictRetriesMax: number;
  /** A session whose node is lost asks for another one (`needNode`) instead of closing, if its client was silent. */
  readonly movable: boolean;
}

export const defaultSessionOptions: SessionOptions = {
  connectionId: null,
  tls: false,
  autocommitWrites: 'wrapped',
  settings: { acknowledge: 'lossless', read: 'local' },
  commandBytesMax: 0x10_0000,
  conflictRetriesMax: 3,
  movable: false,
};

export type SessionEvent =
  | { readonly kind: 'clientBytes' | 'backendBytes'; readonly bytes: Buffer }
  | { readonly kind: 'clientClosed' | 'backendClosed' }
  /** The answer to `ask`. */
  | { readonly kind: 'granted' }
  /** The answer to `ask` when there is no permission to be had, such as in a minority. */
  | { readonly kind: 'denied'; readonly error: ErrorPacket }
  /** The answer to `awaitSafe`: the change stays, or nobody can say whether it does. */
  | { readonly kind: 'safe' | 'outcomeUnknown' }
  /** The applier is blocked by this session: its transaction must give way. */
  | { readonly kind: 'rollBack' }
  /** The answer to `killQuery`: the node has been told. */
  | { readonly kind: 'killed' }
  /** The answer to `resolveKill`: the node's own id of that connection, or what the client is to be told. */
  | { readonly kind: 'killResolved'; readonly backendId: number }
  | { readonly kind: 'killAnswered'; readonly error: ErrorPacket | null }
  /**
   * The node's bytes come from another one from now on, to which nothing was said yet; only to a session that rests.
   * `passwordHashes`: SHA1(SHA1(password)) of every account there that may be the client's.
   */
  | { readonly kind: 'moveTo'; readonly passwordHashes: readonly Buffer[] }
  /** The session must end: with an ERR packet where the protocol allows one. */
  | { readonly kind: 'end'; readonly error: ErrorPacket };

export type SessionAction =
  | { readonly kind: 'toClient' | 'toBackend'; readonly bytes: readonly Buffer[] }
  /** Permission is wanted: to commit, or to read what is fresh enough. Answered by `granted` or `denied`. */
  | { readonly kind: 'ask'; readonly for: 'commit' | 'read' }
  /** The permission asked for is not wanted any more: no answer must come. */
  | { readonly kind: 'withdraw' }
  /**
   * The permission to commit is given back: the node accepted, refused, or went away. `sequence` is the GTID sequence
   * number of the last commit made with it, null where the node's answer does not tell, or nothing was written.
   */
  | { readonly kind: 'release'; readonly outcome: 'done'; readonly sequence: number | null }
  | { readonly kind: 'release'; readonly outcome: 'failed' | 'unknown' }
  /** Wait until the change just committed is as safe as the session asks. Answered by `safe` or `outcomeUnknown`. */
  | { readonly kind: 'awaitSafe'; readonly level: SafetyLevel }
  /** Tell the node to interrupt the running statement of this session. Answered by `killed`. */
  | { readonly kind: 'killQuery' }
  | { readonly kind: 'resolveKill'; readonly connectionId: number; readonly target: 'connection' | 'query' }
  | { readonly kind: 'pauseClient' | 'resumeClient' }
  /** The client wants TLS: everything after this, in both directions, is encrypted. `rest` came already and is, too. */
  | { readonly kind: 'startTls'; readonly rest: Buffer }
  /** The client is logged in. */
  | { readonly kind: 'loggedIn'; readonly user: string; readonly backendId: number }
  /** The node is lost and the client was silent. Answered by `moveTo` or `end`. */
  | { readonly kind: 'needNode' }
  /** The session is on its new node, with all that it had. */
  | { readonly kind: 'moved'; readonly backendId: number }
  /** Something that an operator should see. */
  | {
      readonly kind: 'note';
      readonly what: 'conflict' | 'retry' | 'caught' | 'malformed';
      readonly detail: string;
    }
  /** Flush what was written, then close both sides. */
  | { readonly kind: 'close'; readonly reason: string };
