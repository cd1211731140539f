/**
 * A physical copy of a node: mariabackup streams it from the donor over one TCP connection into a new folder beside the
 * joiner's data.
 *
 * On the wire: the donor connects and sends the token and a line feed, then the stream; it ends its side when the
 * backup ended well, and breaks the connection off when it did not. The joiner answers `ok` and a line feed when
 * everything is unpacked.
 */
import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../../base/clock.js';
import { messageOf, RingmasterError } from '../../base/errors.js';
import { randomHex } from '../../base/random.js';
import type { MethodContext, PeerSettings, SqlAddress } from '../../contract/control.js';
import type { Host } from '../../model/ports.js';
import { backupConfiguration } from './configuration.js';
import type { NodeFolder } from './node-folder.js';
import { ProgressMeter } from './progress-meter.js';

/** How long a listener waits for its donor. The coordinator asks the donor right after. */
const donorPatienceMs = 60_000;
/** Wrong tokens after which the listener closes: nobody guesses 128 bits, but a port scanner may knock. */
const wrongTokensMax = 8;
/** How long a copy may stand still. At its end mariabackup waits for statements that hold locks. */
export const copyStallMs = 120_000;
const stallLookMs = 1_000;
/**
 * How often mariabackup looks for more of the redo log. At its end commits wait until it has seen all of it: with its own
 * default of a second, for a second.
 */
const logLookMs = 20;
const tokenBytesMax = 256;
/** Files that mariabackup writes last: without them the stream broke off between two files. */
const lastFile = 'xtrabackup_info';

interface CopyTools {
  readonly settings: PeerSettings;
  readonly folder: NodeFolder;
  readonly host: Host;
  readonly clock: Clock;
  readonly stallMs: number;
}

export async function requireCommand(host: Host, names: readonly [string, ...string[]]): Promise<string> {
  const path = await host.findCommand(names);
  if (path === undefined)
    throw new RingmasterError('host.command-missing', {
      command: names[0],
      host: host.name,
      install: 'apt-get install mariadb-backup',
    });
  return path;
}

/** Counts what flows through, and breaks off when nothing does. */
function meteredPipe(
  tools: CopyTools,
  meter: ProgressMeter,
  context: MethodContext,
  stalled: () => RingmasterError,
) {
  let bytes = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      meter.reach(bytes);
      meter.reportTo(context.progress);
      done(null, chunk);
    },
  });
  const watch = tools.clock.every(stallLookMs, () => {
    if (meter.stalledMs() > tools.stallMs) counter.destroy(stalled());
  });
  return { counter, bytes: () => bytes, stop: () => watch.cancel() };
}

/** The donor's side. Resolves when the joiner has everything. @throws snapshot.failed, snapshot.stalled */
export async function sendCopy(
  tools: CopyTools,
  {
    to,
    token,
    parallel,
    expectedBytes,
  }: { to: SqlAddress; token: string; parallel: number; expectedBytes: number },
  context: MethodContext,
): Promise<number> {
  const { settings, folder, host } = tools;
  const names = { donor: settings.node, joiner: `${to.host}:${to.port}` };
  const command = await requireCommand(host, ['mariabackup', 'mariadb-backup']);
  const scratch = join(folder.temporary, 'backup');
  await host.remove(scratch);
  await host.makeFolder(scratch, { mode: 0o750, owner: settings.runAs });
  await host.writeText(folder.backupConfiguration, backupConfiguration(settings, folder), {
    mode: 0o600,
    owner: settings.runAs,
  });
  const socket = connect({ ...to, allowHalfOpen: true });
  const answer = collectText(socket);
  const backup = await host.stream(
    [
      command,
      `--defaults-file=${folder.backupConfiguration}`,
      '--backup',
      '--stream=xbstream',
      `--parallel=${parallel}`,
      `--log-copy-interval=${logLookMs}`,
      `--target-dir=${scratch}`,
    ],
    { runAs: settings.runAs, signal: context.signal },
  );
  const meter = new ProgressMeter(tools.clock, { unit: 'bytes', total: expectedBytes, from: 0 });
  const pipe = meteredPipe(tools, meter, context, () => stalledError(names, tools.stallMs));
  const breakOff = () => socket.resetAndDestroy();
  context.signal.addEventListener('abort', breakOff, { once: true });
  try {
    await once(socket, 'connect', { signal: context.signal });
    socket.write(`${token}\n`);
    await pipeline(backup.stdout, pipe.counter, socket, { end: false, signal: context.signal });
    const end = await backup.ended;
    if (end.exitCode !== 0) throw failed(names, `mariabackup: ${lastLines(backup.stderrTail())}`);
    socket.end();
    if ((await answer) !== 'ok') throw failed(names, 'the joiner did not confirm that it has everything');
    context.progress(meter.view());
    return pipe.bytes();
  } catch (thrown) {
    socket.resetAndDestroy();
    backup.stop();
    await backup.ended;
    context.signal.throwIfAborted();
    throw asSnapshotError(names, thrown);
  } finally {
    context.signal.removeEventListener('abort', breakOff);
    pipe.stop();
    await host.remove(scratch);
    await host.remove(folder.backupConfiguration);
  }
}

/** The joiner's side: one listener for one copy. */
export class CopyReceiver {
  readonly token = randomHex(32);
  readonly #tools: CopyTools;
  readonly #expectedBytes: number;
  readonly #server: Server;
  readonly #donor: Promise<Socket>;
  #cancelled = false;

  private constructor(tools: CopyTools, expectedBytes: number, server: Server) {
    this.#tools = tools;
    this.#expectedBytes = expectedBytes;
    this.#server = server;
    this.#donor = this.#acceptDonor();
    // Who asks for the copy later gets the error; until then nobody listens.
    this.#donor.catch(() => undefined);
  }

  /** Makes the new folder and listens on the node's address, at a port that the system chooses. */
  static async open(tools: CopyTools, expectedBytes: number): Promise<CopyReceiver> {
    const { folder, host, settings } = tools;
    const free = await host.freeBytes(folder.root);
    if (free < expectedBytes * 1.1)
      throw new RingmasterError('host.disk-full', {
        path: folder.root,
        host: host.name,
        freeMegabytes: Math.floor(free / 1e6),
        neededMegabytes: Math.ceil((expectedBytes * 1.1) / 1e6),
      });
    await host.remove(folder.copy);
    await host.makeFolder(folder.copy, { mode: 0o750, owner: settings.runAs });
    const server = createServer({ allowHalfOpen: true });
    server.listen({ host: settings.sql.host, port: 0 });
    await once(server, 'listening');
    return new CopyReceiver(tools, expectedBytes, server);
  }

  get address(): SqlAddress {
    const address = this.#server.address();
    if (address === null || typeof address === 'string')
      throw new RingmasterError('defect', { cause: 'a copy listener without an address' });
    return { host: address.address, port: address.port };
  }

  /** Resolves when the whole copy is unpacked. On any failure the partial copy is removed. */
  async received(context: MethodContext): Promise<number> {
    const { settings, folder, host, clock } = this.#tools;
    const names = { donor: 'the donor', joiner: settings.node };
    const cancel = () => this.#close();
    context.signal.addEventListener('abort', cancel, { once: true });
    const meter = new ProgressMeter(clock, { unit: 'bytes', total: this.#expectedBytes, from: 0 });
    const pipe = meteredPipe(this.#tools, meter, context, () => stalledError(names, this.#tools.stallMs));
    try {
      const mbstream = await requireCommand(host, ['mbstream']);
      const socket = await this.#donor;
      const unpack = await host.stream([mbstream, '-x', '-C', folder.copy], {
        runAs: settings.runAs,
        signal: context.signal,
      });
      try {
        await pipeline(socket, pipe.counter, unpack.stdin, { signal: context.signal });
        const end = await unpack.ended;
        if (end.exitCode !== 0) throw failed(names, `mbstream: ${lastLines(unpack.stderrTail())}`);
        if (!(await host.stat(join(folder.copy, lastFile)))) throw failed(names, 'the stream broke off');
      } catch (thrown) {
        socket.resetAndDestroy();
        unpack.stop();
        await unpack.ended;
        const said = unpack.stderrTail();
        throw said === '' || thrown instanceof RingmasterError ? thrown : failed(names, lastLines(said));
      }
      socket.end('ok\n');
      context.progress(meter.view());
      return pipe.bytes();
    } catch (thrown) {
      await host.remove(folder.copy);
      context.signal.throwIfAborted();
      throw asSnapshotError(names, thrown);
    } finally {
      context.signal.removeEventListener('abort', cancel);
      pipe.stop();
      this.#close();
    }
  }

  /** Stops waiting for a donor. */
  async cancel(): Promise<void> {
    this.#close();
    await this.#donor.then(
      (socket) => socket.resetAndDestroy(),
      () => undefined,
    );
  }

  #close(): void {
    this.#cancelled = true;
    this.#server.close();
  }

  /** The first connection that knows the token. */
  #acceptDonor(): Promise<Socket> {
    const { clock, settings } = this.#tools;
    const names = { donor: 'the donor', joiner: settings.node };
    return new Promise((resolve, reject) => {
      let wrong = 0;
      const waiting = new Set<Socket>();
      const finish = () => {
        patience.cancel();
        for (const socket of waiting) socket.destroy();
        this.#server.close();
      };
      const patience = clock.after(donorPatienceMs, () => {
        finish();
        reject(failed(names, `no donor came within ${donorPatienceMs / 1000} s`));
      });
      this.#server.once('close', () => {
        finish();
        reject(failed(names, this.#cancelled ? 'it was stopped' : 'the listener closed'));
      });
      this.#server.on('connection', (socket) => {
        waiting.add(socket);
        socket.on('error', () => waiting.delete(socket));
        void this.#checkToken(socket).then((right) => {
          waiting.delete(socket);
          if (right) {
            resolve(socket);
            finish();
            return;
          }
          socket.destroy();
          if (++wrong >= wrongTokensMax) {
            finish();
            reject(failed(names, 'too many connections with a wrong token'));
          }
        });
      });
    });
  }

  /** Reads up to the line feed and leaves what follows in the socket. */
  #checkToken(socket: Socket): Promise<boolean> {
    return new Promise((resolve) => {
      let read = Buffer.alloc(0);
      const done = (right: boolean) => {
        socket.off('readable', look);
        socket.off('close', close);
        resolve(right);
      };
      const close = () => done(false);
      const look = () => {
        for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
          read = Buffer.concat([read, chunk]);
          const end = read.indexOf(0x0a);
          if (end >= 0) {
            if (read.length > end + 1) socket.unshift(read.subarray(end + 1));
            return done(sameToken(read.subarray(0, end), Buffer.from(this.token)));
          }
          if (read.length > tokenBytesMax) return done(false);
        }
      };
      socket.on('readable', look);
      socket.once('close', close);
    });
  }
}

/** Compares without telling by its duration how much was right. */
function sameToken(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** The first line that the other side says, when it ends; empty when it breaks off. */
function collectText(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text = (text + chunk).slice(0, tokenBytesMax);
    });
    socket.once('end', () => resolve(text.trim()));
    socket.once('close', () => resolve(text.trim()));
    socket.on('error', () => resolve(''));
  });
}

interface Names {
  readonly donor: string;
  readonly joiner: string;
}

const failed = (names: Names, cause: string): RingmasterError =>
  new RingmasterError('snapshot.failed', { ...names, cause });

const stalledError = (names: Names, stallMs: number): RingmasterError =>
  new RingmasterError('snapshot.stalled', { ...names, seconds: stallMs / 1000 });

const brokenCodes = ['ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ERR_STREAM_PREMATURE_CLOSE'];

function asSnapshotError(names: Names, thrown: unknown): RingmasterError {
  if (thrown instanceof RingmasterError) return thrown;
  const broken = thrown instanceof Error && 'code' in thrown && brokenCodes.includes(String(thrown.code));
  const cause = broken ? 'the connection between them broke off' : messageOf(thrown);
  return new RingmasterError('snapshot.failed', { ...names, cause }, { cause: thrown });
}

const lastLines = (text: string): string => text.split('\n').slice(-3).join(' ').trim();
