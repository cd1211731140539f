/** What the main process and the coordinator's process say to each other. Both ends derive from this. */
import type { NamedPush, ReplyEnvelope, RequestName } from '../app/contract/window.js';

export type ToCoordinator =
  | {
      readonly kind: 'request';
      readonly id: number;
      readonly name: RequestName;
      readonly payload: unknown;
      /** Who asks. */
      readonly by: string;
    }
  /** Stop the lab cleanly, say `closed`, and end. */
  | { readonly kind: 'close' };

export type FromCoordinator =
  | { readonly kind: 'reply'; readonly id: number; readonly envelope: ReplyEnvelope<unknown> }
  | { readonly kind: 'push'; readonly push: NamedPush }
  | { readonly kind: 'closed' };

/** One end of a two-way line; Electron's ports and the tests' in-memory pair both fit. */
export interface MessageLine<Out, In> {
  post(message: Out): void;
  /** Calls `listener` on each message until the returned function is called. */
  onMessage(listener: (message: In) => void): () => void;
}
