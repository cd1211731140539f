/**
 * A processor quota for one server through control groups, version 1 or 2, where we may write them. Makes the nodes of a
 * lab behave like separate machines.
 * Source: Linux kernel documentation, "CFS Bandwidth Control" and "Control Group v2".
 */
import { createHash } from 'node:crypto';
import { messageOf } from '../base/errors.js';
import type { Host } from '../model/ports.js';

/**
 * The period of a quota, microseconds. The default of 100 ms would let a server with 0.4 core stand still for 60 ms at
 * a time; with 10 ms it is 6 ms, and 0.1 core is still the kernel's minimum of 1 ms.
 */
const periodMicroseconds = 10_000;

export interface QuotaAnswer {
  readonly applied: boolean;
  /** Why not, or what was done; one sentence without a full stop. */
  readonly why: string;
}

export class ProcessorQuota {
  readonly #host: Host;
  readonly #name: string;
  #group: { readonly path: string; readonly version: 1 | 2 } | null = null;

  /** @param folder the node's folder: two labs can have a node of the same name */
  constructor(host: Host, node: string, folder: string) {
    this.#host = host;
    this.#name = `${node}-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`;
  }

  /** Gives the process a quota in cores, or none. Never throws: without a quota the nodes share the processor. */
  async apply(pid: number, cores: number | null): Promise<QuotaAnswer> {
    try {
      if (cores === null && this.#group === null) return { applied: true, why: 'there is no quota' };
      const group = this.#group ?? (await this.#makeGroup());
      if (!group) return { applied: false, why: 'control groups cannot be written on this machine' };
      this.#group = group;
      const quota = cores === null ? null : Math.max(1_000, Math.round(cores * periodMicroseconds));
      if (group.version === 1) {
        await this.#host.writeInPlace(`${group.path}/cpu.cfs_period_us`, String(periodMicroseconds));
        await this.#host.writeInPlace(`${group.path}/cpu.cfs_quota_us`, String(quota ?? -1));
      } else
        await this.#host.writeInPlace(`${group.path}/cpu.max`, `${quota ?? 'max'} ${periodMicroseconds}`);
      await this.#host.writeInPlace(`${group.path}/cgroup.procs`, String(pid));
      return {
        applied: true,
        why: cores === null ? 'there is no quota' : `${cores} core by a control group`,
      };
    } catch (thrown) {
      return { applied: false, why: messageOf(thrown) };
    }
  }

  /** Removes the group after the server ended. */
  async remove(): Promise<void> {
    const group = this.#group ?? (await this.#findGroup());
    this.#group = null;
    if (group) await this.#host.removeEmptyFolder(group.path).catch(() => undefined);
  }

  #candidates() {
    return [
      {
        root: '/sys/fs/cgroup/cpu',
        path: `/sys/fs/cgroup/cpu/ringmaster/${this.#name}`,
        version: 1 as const,
      },
      { root: '/sys/fs/cgroup', path: `/sys/fs/cgroup/ringmaster/${this.#name}`, version: 2 as const },
    ];
  }

  async #findGroup() {
    for (const candidate of this.#candidates())
      if (await this.#host.stat(`${candidate.path}/cgroup.procs`)) return candidate;
    return null;
  }

  async #makeGroup() {
    for (const { root, path, version } of this.#candidates()) {
      const marker = version === 1 ? `${root}/cpu.cfs_quota_us` : `${root}/cgroup.controllers`;
      if (!(await this.#host.stat(marker))) continue;
      if (version === 2) {
        if (!(await this.#host.readText(marker))?.split(/\s+/).includes('cpu')) continue;
        await this.#host.writeInPlace(`${root}/cgroup.subtree_control`, '+cpu');
        await this.#host.makeFolder(`${root}/ringmaster`, { mode: 0o755, owner: null });
        await this.#host.writeInPlace(`${root}/ringmaster/cgroup.subtree_control`, '+cpu');
      }
      await this.#host.makeFolder(path, { mode: 0o755, owner: null });
      return { path, version };
    }
    return null;
  }
}
