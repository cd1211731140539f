/**
 * The console's end of the command line: a local socket in a folder that only the console's own user can enter. It
 * speaks the window's contract over JSON-RPC 2.0, as peers speak theirs.
 */
import { once } from 'node:events';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import { messageOf, RingmasterError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { type CommandLineCall, commandLineCallSchema } from '../../contract/command-line.js';
import type { NamedPush, ReplyEnvelope } from '../../contract/window.js';
import { listenForOwner } from '../control/local-socket.js';
import { connectionOver, toResponseError } from '../control/protocol.js';

/** Answers one call; failures are values. The name and the payload of the call are not trusted yet. */
export type AnswerCall = (name: string, call: CommandLineCall) => Promise<ReplyEnvelope<unknown>>;

/** Command lines that may be connected at a time. */
const connectionsMax = 64;
/** Pushes that may wait for a command line that does not read, before its connection is given up. */
const pushesWaitingMax = 500;

interface Attached {
  readonly drop: (why: string) => void;
  /** Has it asked for the snapshot that pushes build on? */
  follows: boolean;
  pushesWaiting: number;
}

/** Does a program answer at `path`? */
async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

const isTaken = (thrown: unknown): boolean =>
  thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE';

export class ConsoleServer {
  readonly #server: Server;
  readonly #log: Log;
  readonly #answer: AnswerCall;
  readonly #attached = new Map<MessageConnection, Attached>();

  private constructor(server: Server, answer: AnswerCall, log: Log) {
    this.#server = server;
    this.#answer = answer;
    this.#log = log;
    server.maxConnections = connectionsMax;
    server.on('connection', (socket) => this.#serve(socket));
  }

  /**
   * Listens at `path`, whose folder is made when needed; the folder above must exist. A socket that a console left when
   * it was killed is replaced.
   * @throws RingmasterError `console.taken` when another console answers there, `host.path-denied`
   */
  static async listen(path: string, answer: AnswerCall, log: Log): Promise<ConsoleServer> {
    const folder = dirname(path);
    try {
      await mkdir(folder, { mode: 0o700 }).catch(ignoreExisting);
      // This keeps others away from the first moment. A umask would too, but the threads of Electron share it.
      await chmod(folder, 0o700);
      const server = createServer();
      const console = new ConsoleServer(server, answer, log);
      await listenForOwner(server, path).catch(async (thrown: unknown) => {
        if (!isTaken(thrown)) throw thrown;
        if (await isAnswered(path)) throw new RingmasterError('console.taken', { path });
        await rm(path, { force: true });
        await listenForOwner(server, path);
      });
      return console;
    } catch (thrown) {
      if (thrown instanceof RingmasterError) throw thrown;
      const cause = messageOf(thrown);
      throw new RingmasterError('host.path-denied', { path, host: 'this machine', cause }, { cause: thrown });
    }
  }

  /** Tells every command line that follows the cluster. */
  push({ name, push }: NamedPush): void {
    for (const [connection, attached] of this.#attached) {
      if (!attached.follows) continue;
      if (++attached.pushesWaiting > pushesWaitingMax) {
        attached.drop('it does not read');
        continue;
      }
      connection
        .sendNotification(name, push)
        .catch((thrown: unknown) => attached.drop(messageOf(thrown)))
        .finally(() => attached.pushesWaiting--);
    }
  }

  /** Stops listening, ends the connections and removes the socket. */
  close(): void {
    this.#server.close();
    for (const attached of [...this.#attached.values()]) attached.drop('the console closes');
  }

  #serve(socket: Socket): void {
    const connection = connectionOver(socket, () => drop('a message without an end'));
    const drop = (why: string) => {
      if (!this.#attached.delete(connection)) return;
      this.#log.info({ why }, 'a command line left');
      connection.dispose();
      socket.destroy();
    };
    const attached: Attached = { drop, follows: false, pushesWaiting: 0 };
    this.#attached.set(connection, attached);
    connection.onError(([error]) => drop(messageOf(error)));
    connection.onClose(() => drop('closed by the other side'));
    socket.on('error', (error) => drop(messageOf(error)));
    connection.onRequest(async (name: string, call: unknown) => {
      const parsed = commandLineCallSchema.safeParse(call);
      if (!parsed.success) {
        const problem = parsed.error.issues.map((issue) => issue.message).join('; ');
        return toResponseError(new RingmasterError('request.invalid', { name, problem }));
      }
      // Pushes that overtake the snapshot are older than it or fit on it: the reader sorts them by their versions.
      if (name === 'cluster.open') attached.follows = true;
      return this.#answer(name, parsed.data);
    });
    connection.listen();
  }
}

function ignoreExisting(thrown: unknown): void {
  if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
}
