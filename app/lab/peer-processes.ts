/** The lab's peer processes: forked here, found again when they outlived the process that forked them. */
import { type ChildProcess, fork } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, waitFor } from '../base/clock.js';
import { messageOf, RingmasterError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { PeerControl, PeerSettings } from '../contract/control.js';
import type { PeerProvider } from '../coordinator/ports.js';
import { connectToPeer } from '../io/control/client.js';
import type { NodeName } from '../model/ids.js';

/** A peer that says nothing for this long after its start has not started. */
const startWithinMs = 10_000;
/** A peer that was told to end stops its server first. */
const endWithinMs = 30_000;

export interface PeerProcessesOptions {
  /** The bundled peer, `out/peer/peer.cjs`. */
  readonly program: string;
  readonly settings: ReadonlyMap<NodeName, PeerSettings>;
  readonly clock: Clock;
  readonly log: Log;
}

export class PeerProcesses implements PeerProvider {
  private readonly children = new Map<NodeName, ChildProcess>();

  constructor(private readonly options: PeerProcessesOptions) {}

  /**
   * Connects to the peer of a node: one that lives already, or a new process.
   * @throws RingmasterError `peer.ended` or `peer.unreachable`
   */
  async connect(node: NodeName): Promise<PeerControl> {
    const settings = this.options.settings.get(node);
    if (!settings) throw new RingmasterError('peer.unreachable', { node, cause: 'it is not configured' });
    const living = await connectToPeer(node, settings.controlSocket).catch(() => undefined);
    if (living) return living;
    // One that does not answer for a moment lives all the same: a second one would only find its ports taken.
    const child = this.children.get(node) ?? (await this.start(node, settings));
    const { clock } = this.options;
    const control = await waitFor(
      clock,
      async () => {
        if (child.exitCode !== null || child.signalCode !== null) {
          const cause = child.signalCode ? `killed by ${child.signalCode}` : `exit code ${child.exitCode}`;
          throw new RingmasterError('peer.ended', { node, cause, logFile: settings.logFile });
        }
        return await connectToPeer(node, settings.controlSocket).catch(() => undefined);
      },
      { everyMs: 25, timeoutMs: startWithinMs },
    );
    if (!control)
      throw new RingmasterError('peer.unreachable', { node, cause: 'it does not open its control socket' });
    return control;
  }

  private async start(node: NodeName, settings: PeerSettings): Promise<ChildProcess> {
    const path = join(settings.folder, 'peer.json');
    try {
      await mkdir(settings.folder, { recursive: true, mode: 0o755 });
      // The settings hold passwords: a file of the owner's, not an argument that every user can read.
      await writeFile(path, JSON.stringify(settings), { mode: 0o600 });
      await chmod(path, 0o600);
    } catch (error) {
      throw new RingmasterError('host.path-denied', { path, host: 'this machine', cause: messageOf(error) });
    }
    const child = fork(this.options.program, [path], {
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      // Out of our process group: whoever kills the whole group leaves each peer alive to stop its server.
      detached: true,
    });
    child.on('error', (error) => this.options.log.error({ node, error: error.message }, 'peer process'));
    child.once('exit', (code, signal) => {
      this.options.log.info({ node, code, signal }, 'peer process ended');
      if (this.children.get(node) === child) this.children.delete(node);
    });
    this.children.set(node, child);
    return child;
  }

  /** Waits until all peers that we forked have ended; those that do not are ended by force. */
  async ended(): Promise<void> {
    const { clock, log } = this.options;
    const done = await waitFor(clock, () => (this.children.size === 0 ? true : undefined), {
      everyMs: 20,
      timeoutMs: endWithinMs,
    });
    if (done) return;
    for (const [node, child] of this.children) {
      log.error({ node }, 'peer did not end by itself');
      child.kill('SIGKILL');
    }
  }
}
