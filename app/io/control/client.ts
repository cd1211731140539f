/** A peer as the coordinator sees it, over the peer's control socket. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { CancellationTokenSource, type MessageConnection } from 'vscode-jsonrpc/node';
import { messageOf, RingmasterError } from '../../base/errors.js';
import type {
  MethodName,
  MethodParams,
  MethodResult,
  NoticeName,
  PeerControl,
  PeerNotices,
} from '../../contract/control.js';
import type { StepProgress } from '../../model/plan.js';
import { connectionOver, type Envelope, fromResponseError, progressType } from './protocol.js';

interface CallOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: StepProgress) => void) | undefined;
}

/**
 * Connects to the peer at `path`.
 * @throws peer.unreachable when nobody listens there
 */
export async function connectToPeer(node: string, path: string): Promise<PeerControl> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (thrown) {
    throw new RingmasterError('peer.unreachable', { node, cause: messageOf(thrown) }, { cause: thrown });
  }
  const connection = connectionOver(socket, () => socket.destroy());
  return new SocketPeerControl(node, connection, () => socket.destroy());
}

class SocketPeerControl implements PeerControl {
  readonly #node: string;
  readonly #connection: MessageConnection;
  readonly #destroy: () => void;
  readonly #closedListeners = new Set<() => void>();
  readonly #noticeListeners = new Map<NoticeName, Set<(notice: never) => void>>();
  /** Calls that wait for an answer; the loss of the connection ends them. */
  readonly #waiting = new Set<(lost: RingmasterError) => void>();
  #nextToken = 1;
  #closed = false;

  constructor(node: string, connection: MessageConnection, destroy: () => void) {
    this.#node = node;
    this.#connection = connection;
    this.#destroy = destroy;
    connection.onError(() => this.#lose());
    connection.onClose(() => this.#lose());
    connection.onNotification((name: string, notice: unknown) => {
      for (const listener of this.#noticeListeners.get(name as NoticeName) ?? []) listener(notice as never);
    });
    connection.listen();
  }

  async call<Name extends MethodName>(
    name: Name,
    params: MethodParams<Name>,
    options: CallOptions = {},
  ): Promise<MethodResult<Name>> {
    options.signal?.throwIfAborted();
    if (this.#closed) throw this.#lost();
    const progressToken = options.onProgress ? this.#nextToken++ : null;
    const progress =
      progressToken === null || !options.onProgress
        ? undefined
        : this.#connection.onProgress(progressType, progressToken, options.onProgress);
    const cancellation = new CancellationTokenSource();
    const cancel = () => cancellation.cancel();
    options.signal?.addEventListener('abort', cancel, { once: true });
    const envelope: Envelope = { params, progressToken };
    let giveUp: (lost: RingmasterError) => void = () => undefined;
    const lost = new Promise<never>((_resolve, reject) => {
      giveUp = reject;
      this.#waiting.add(reject);
    });
    try {
      const answer = this.#connection.sendRequest<MethodResult<Name>>(name, envelope, cancellation.token);
      return await Promise.race([answer, lost]);
    } catch (thrown) {
      // The peer has put everything back before it answers a cancelled call.
      if (options.signal?.aborted) throw options.signal.reason;
      if (this.#closed) throw this.#lost();
      throw fromResponseError(thrown);
    } finally {
      this.#waiting.delete(giveUp);
      options.signal?.removeEventListener('abort', cancel);
      progress?.dispose();
      cancellation.dispose();
    }
  }

  onNotice<Name extends NoticeName>(name: Name, listener: (notice: PeerNotices[Name]) => void): () => void {
    const listeners = this.#noticeListeners.get(name) ?? new Set();
    this.#noticeListeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  onClosed(listener: () => void): () => void {
    this.#closedListeners.add(listener);
    return () => this.#closedListeners.delete(listener);
  }

  close(): void {
    this.#closedListeners.clear();
    this.#lose();
  }

  #lost(): RingmasterError {
    return new RingmasterError('peer.unreachable', { node: this.#node, cause: 'its connection closed' });
  }

  #lose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.dispose();
    this.#destroy();
    for (const giveUp of this.#waiting) giveUp(this.#lost());
    for (const listener of this.#closedListeners) listener();
  }
}
