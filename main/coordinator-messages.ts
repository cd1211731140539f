/** What the main process and the coordinator's process say to each other. Both ends derive from this. */
import type { PushName, ReplyEnvelope, RequestName, WindowPushes } from '../app/contract/window.js';

/** A push with its name, so that one message type carries them all. */
export type NamedPush = {
  readonly [Name in PushName]: { readonly name: Name; readonly push: WindowPushes[Name] };
}[PushName];

export type ToCoordinator =
  | { readonly kind: 'request'; readonly id: number; readonly name: RequestName; readonly payload: unknown }
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
