/** The processes of a lab's nodes, found by the files that they were started with. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, waitFor } from '../../base/clock.js';
import { nodeFolder } from '../../io/mariadb/node-folder.js';
import type { Host } from '../../model/ports.js';

/** What belongs to a node: its MariaDB server, and the peer that looks after it. */
export type Part = 'server' | 'peer';

const endWithinMs = 10_000;

export class NodeProcesses {
  constructor(
    private readonly folder: string,
    private readonly host: Host,
    private readonly clock: Clock,
  ) {}

  /** The process id; undefined while there is no such process. */
  async find(node: string, part: Part): Promise<number | undefined> {
    return part === 'server' ? await this.server(node) : await this.peer(node);
  }

  /** Sends a signal. @returns false when there is no such process */
  async signal(node: string, part: Part, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<boolean> {
    const pid = await this.find(node, part);
    return pid !== undefined && send(pid, signal);
  }

  /** Ends processes at once and together. @returns those that there were, in words */
  async kill(victims: readonly { readonly node: string; readonly part: Part }[]): Promise<string[]> {
    const found = await Promise.all(
      victims.map(async (victim) => ({ ...victim, pid: await this.find(victim.node, victim.part) })),
    );
    const killed = found.filter(({ pid }) => pid !== undefined && send(pid, 'SIGKILL'));
    await Promise.all(
      killed.map(({ pid }) =>
        waitFor(
          this.clock,
          async () => ((await this.host.commandLine(pid ?? 0)) === undefined ? true : undefined),
          {
            everyMs: 10,
            timeoutMs: endWithinMs,
          },
        ),
      ),
    );
    return killed.map(({ node, part }) => `${part} of ${node}`);
  }

  /** Ends everything that was left of the lab. */
  async killAll(): Promise<void> {
    for (const pid of await allProcesses()) {
      const command = await this.host.commandLine(pid);
      if (pid !== process.pid && command?.some((part) => part.includes(`${this.folder}/`)))
        send(pid, 'SIGKILL');
    }
  }

  private async server(node: string): Promise<number | undefined> {
    const folder = nodeFolder(join(this.folder, node));
    const pid = Number((await this.host.readText(folder.pidFile))?.trim());
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    return (await this.startedWith(pid, folder.configuration)) ? pid : undefined;
  }

  private async peer(node: string): Promise<number | undefined> {
    const settings = join(this.folder, node, 'peer.json');
    for (const pid of await allProcesses()) if (await this.startedWith(pid, settings)) return pid;
    return undefined;
  }

  private async startedWith(pid: number, file: string): Promise<boolean> {
    return (await this.host.commandLine(pid))?.some((part) => part.includes(file)) ?? false;
  }
}

const allProcesses = async (): Promise<number[]> =>
  (await readdir('/proc')).map(Number).filter((pid) => Number.isInteger(pid) && pid > 0);

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
    return false;
  }
}
