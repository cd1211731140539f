/** A cluster of ours for benchmarks: the lab, without its load and without processor quotas. */
import { join } from 'node:path';
import { createLog } from '../app/base/log.js';
import { openLab } from '../app/lab/lab.js';
import { freePorts } from '../app/lab/ports.js';
import { buildAll } from '../scripts/build.js';
import { projectFolder } from '../scripts/support/run.js';
import type { SysbenchTarget } from './sysbench.js';

export interface LabCluster {
  /** The one address that spreads over all active nodes. */
  readonly address: SysbenchTarget;
  /** Gives every node a quota of the processor, in cores. */
  setQuota(cores: number): Promise<void>;
  stop(): Promise<void>;
}

export interface LabClusterOptions {
  /** A folder that the servers' user can reach. */
  readonly folder: string;
  readonly nodes: number;
  readonly active: number;
  /** The lab takes the next free ports from here. */
  readonly firstPort: number;
}

/** More than any machine of ours has: no quota. */
const allCores = 64;

/** Starts it and resolves when its nodes are active. */
export async function startLab({ folder, nodes, active, firstPort }: LabClusterOptions): Promise<LabCluster> {
  await buildAll();
  const [port = 0] = await freePorts(firstPort, 1, '127.0.0.1');
  const lab = await openLab({
    folder,
    nodes,
    active,
    port,
    connections: 0,
    programs: {
      peer: join(projectFolder, 'out/peer/peer.cjs'),
      load: join(projectFolder, 'out/load/load.cjs'),
    },
    log: createLog('bench', join(folder, 'lab.log')),
  });
  const setQuota = async (cores: number) => {
    await lab.handlers['lab.set-quota']({ cores });
  };
  try {
    await lab.ready;
    await setQuota(allCores);
  } catch (error) {
    await lab.close();
    throw error;
  }
  return { address: { ports: [port], ...lab.accounts.application }, setQuota, stop: () => lab.close() };
}
