/** A running console as the command line sees it, over the console's local socket. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import type { Clock } from '../../base/clock.js';
import { fromErrorView, messageOf, RingmasterError } from '../../base/errors.js';
import type { CommandLineCall } from '../../contract/command-line.js';
import type {
  PushName,
  ReplyEnvelope,
  RequestName,
  RequestPayload,
  RequestReply,
  WindowPushes,
} from '../../contract/window.js';
import { connectionOver, fromResponseError } from '../control/protocol.js';

/** No answer for this long counts as none: every request of the contract answers before its work is done. */
const answerMs = 15_000;

export interface ConsoleClientOptions {
  /** Who sits at the terminal. */
  readonly user: string;
  readonly clock: Clock;
}

/** The window's contract without a window. Every failure is a RingmasterError. */
export interface ConsoleClient {
  /**
   * @param confirmed did the user say yes to this very request? The console's guard asks
   * @throws RingmasterError the console's refusal, `console.lost`, `coordinator.silent`
   */
  request<Name extends RequestName>(
    name: Name,
    payload: RequestPayload<Name>,
    confirmed?: boolean,
  ): Promise<RequestReply<Name>>;
  /** Calls `listener` on each push until the returned function is called. Pushes come after `cluster.open`. */
  onPush<Name extends PushName>(name: Name, listener: (push: WindowPushes[Name]) => void): () => void;
  /** Calls `listener` once when the connection is lost. */
  onLost(listener: (error: RingmasterError) => void): () => void;
  close(): void;
}

const codeOf = (thrown: unknown): unknown =>
  thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;

/**
 * Connects to the console that listens at `path`.
 * @returns undefined when none does
 * @throws RingmasterError `console.denied` when the socket belongs to somebody else
 */
export async function connectToConsole(
  path: string,
  options: ConsoleClientOptions,
): Promise<ConsoleClient | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') return undefined;
    throw new RingmasterError('console.denied', { path, cause: messageOf(thrown) }, { cause: thrown });
  }
  const connection = connectionOver(socket, () => socket.destroy());
  return new SocketConsoleClient(connection, () => socket.destroy(), options);
}

class SocketConsoleClient implements ConsoleClient {
  readonly #connection: MessageConnection;
  readonly #destroy: () => void;
  readonly #options: ConsoleClientOptions;
  readonly #lostListeners = new Set<(error: RingmasterError) => void>();
  readonly #pushListeners = new Map<string, Set<(push: never) => void>>();
  #open = true;

  constructor(connection: MessageConnection, destroy: () => void, options: ConsoleClientOptions) {
    this.#connection = connection;
    this.#destroy = destroy;
    this.#options = options;
    connection.onError(() => this.#lose());
    connection.onClose(() => this.#lose());
    connection.onNotification((name: string, push: unknown) => {
      for (const listener of this.#pushListeners.get(name) ?? []) listener(push as never);
    });
    connection.listen();
  }

  async request<Name extends RequestName>(
    name: Name,
    payload: RequestPayload<Name>,
    confirmed = false,
  ): Promise<RequestReply<Name>> {
    const call: CommandLineCall = { payload, user: this.#options.user, confirmed };
    const envelope = await this.#answerTo<RequestReply<Name>>(name, call);
    if (envelope.ok) return envelope.reply;
    throw fromErrorView(envelope.error);
  }

  onPush<Name extends PushName>(name: Name, listener: (push: WindowPushes[Name]) => void): () => void {
    const listeners = this.#pushListeners.get(name) ?? new Set();
    this.#pushListeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  onLost(listener: (error: RingmasterError) => void): () => void {
    this.#lostListeners.add(listener);
    return () => this.#lostListeners.delete(listener);
  }

  close(): void {
    this.#lostListeners.clear();
    this.#lose();
  }

  /** Waits for the answer, but neither beyond the end of the connection nor for ever. */
  async #answerTo<Reply>(name: string, call: CommandLineCall): Promise<ReplyEnvelope<Reply>> {
    if (!this.#open) throw new RingmasterError('console.lost');
    let giveUp = () => {};
    const ended = new Promise<never>((_resolve, reject) => {
      const unheard = this.onLost(reject);
      const timer = this.#options.clock.after(answerMs, () =>
        reject(new RingmasterError('coordinator.silent', { seconds: answerMs / 1000 })),
      );
      giveUp = () => {
        timer.cancel();
        unheard();
      };
    });
    try {
      return await Promise.race([this.#connection.sendRequest<ReplyEnvelope<Reply>>(name, call), ended]);
    } catch (thrown) {
      if (thrown instanceof RingmasterError) throw thrown;
      throw this.#open ? fromResponseError(thrown) : new RingmasterError('console.lost');
    } finally {
      giveUp();
    }
  }

  #lose(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#connection.dispose();
    this.#destroy();
    const error = new RingmasterError('console.lost');
    for (const listener of [...this.#lostListeners]) listener(error);
    this.#lostListeners.clear();
  }
}
