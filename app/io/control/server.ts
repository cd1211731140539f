/** The control server of a peer: a local socket that only our own user can open. */
import { mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { CancellationToken, MessageConnection } from 'vscode-jsonrpc/node';
import { messageOf, RingmasterError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import {
  controlMethods,
  type MethodContext,
  type MethodHandlers,
  type MethodName,
  type NoticeName,
  type PeerNotices,
} from '../../contract/control.js';
import { listenForOwner } from './local-socket.js';
import { connectionOver, envelopeSchema, progressType, toResponseError } from './protocol.js';

type AnyHandler = (params: unknown, context: MethodContext) => Promise<unknown>;

export class ControlServer {
  readonly #server: Server;
  readonly #log: Log;
  readonly #connections = new Map<MessageConnection, Socket>();

  private constructor(server: Server, handlers: MethodHandlers, log: Log) {
    this.#server = server;
    this.#log = log;
    server.on('connection', (socket) => this.#serve(socket, handlers));
  }

  /** Listens at `path`; what an earlier peer left there is removed. */
  static async listen(path: string, handlers: MethodHandlers, log: Log): Promise<ControlServer> {
    await mkdir(dirname(path), { recursive: true });
    await rm(path, { force: true });
    const server = createServer();
    const control = new ControlServer(server, handlers, log);
    // Nobody else may open the socket, not even between listen and chmod. Only the making of it is under this mask.
    const umask = process.umask(0o177);
    let listening: Promise<void>;
    try {
      listening = listenForOwner(server, path);
    } finally {
      process.umask(umask);
    }
    await listening;
    return control;
  }

  /** Tells every connected coordinator. */
  notify<Name extends NoticeName>(name: Name, notice: PeerNotices[Name]): void {
    for (const connection of this.#connections.keys())
      connection.sendNotification(name, notice).catch((thrown: unknown) => {
        this.#log.debug({ cause: messageOf(thrown) }, 'a notice was not delivered');
      });
  }

  /** Stops listening and ends the connections. A coordinator that does not end its side keeps nobody alive. */
  close(): void {
    this.#server.close();
    for (const [connection, socket] of this.#connections) {
      connection.dispose();
      socket.end();
      socket.unref();
    }
    this.#connections.clear();
  }

  #serve(socket: Socket, handlers: MethodHandlers): void {
    const connection = connectionOver(socket, () => drop('a message without an end'));
    this.#connections.set(connection, socket);
    const calls = new Set<AbortController>();
    const drop = (why: string) => {
      if (!this.#connections.delete(connection)) return;
      this.#log.info({ why }, 'a control connection ended');
      for (const call of calls)
        call.abort(new RingmasterError('plan.aborted', { by: 'the loss of its connection' }));
      connection.dispose();
      socket.destroy();
    };
    // Whoever speaks nonsense is not a coordinator: this connection ends, the others go on.
    connection.onError(([error]) => drop(messageOf(error)));
    connection.onClose(() => drop('closed by the other side'));
    socket.on('error', (error) => drop(messageOf(error)));
    connection.onRequest(async (name: string, envelope: unknown, token: CancellationToken) => {
      const call = new AbortController();
      calls.add(call);
      token.onCancellationRequested(() =>
        call.abort(new RingmasterError('plan.aborted', { by: 'the coordinator' })),
      );
      try {
        return await this.#answer(connection, handlers, { name, envelope, signal: call.signal });
      } catch (thrown) {
        const error = call.signal.aborted ? call.signal.reason : thrown;
        this.#log.warn({ name, cause: messageOf(error) }, 'a request failed');
        return toResponseError(error);
      } finally {
        calls.delete(call);
      }
    });
    connection.listen();
  }

  async #answer(
    connection: MessageConnection,
    handlers: MethodHandlers,
    request: { name: string; envelope: unknown; signal: AbortSignal },
  ): Promise<unknown> {
    const { name, signal } = request;
    if (!isMethodName(name)) throw new RingmasterError('request.unknown', { name });
    const envelope = envelopeSchema.safeParse(request.envelope);
    const parsed = controlMethods[name].params.safeParse(envelope.success ? envelope.data.params : undefined);
    if (!envelope.success || !parsed.success)
      throw new RingmasterError('request.invalid', {
        name,
        problem: (envelope.error ?? parsed.error)?.issues.map((issue) => issue.message).join('; ') ?? '',
      });
    if (controlMethods[name].changes) this.#log.info({ name }, 'request');
    const { progressToken } = envelope.data;
    // The schema of this very method has parsed the parameters.
    const handler = handlers[name] as AnyHandler;
    return handler(parsed.data, {
      signal,
      progress: (progress) => {
        if (progressToken === null || signal.aborted) return;
        connection.sendProgress(progressType, progressToken, progress).catch(() => undefined);
      },
    });
  }
}

const isMethodName = (name: string): name is MethodName => Object.hasOwn(controlMethods, name);
