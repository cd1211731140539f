/** A cluster of ours for benchmarks: the lab, without its load and without processor quotas. */
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { systemClock, waitFor } from '../app/base/clock.js';
import { createLog } from '../app/base/log.js';
import { type Lab, openLab } from '../app/lab/lab.js';
import { freePorts } from '../app/lab/ports.js';
import { buildAll } from '../scripts/build.js';
import { labPrograms } from '../scripts/support/programs.js';
import type { SysbenchTarget } from './sysbench.js';

export interface LabCluster {
  /** The one address that spreads over all active nodes. */
  readonly address: SysbenchTarget;
  /** Ports of the servers themselves. */
  readonly servers: readonly number[];
  readonly lab: Lab;
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
const servesWithinMs = 10_000;

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
    programs: labPrograms,
    log: createLog('bench', join(folder, 'lab.log')),
  });
  const address = { ports: [port], ...lab.accounts.application };
  const setQuota = async (cores: number) => {
    await lab.handlers['lab.set-quota']({ cores });
  };
  try {
    await lab.ready;
    await setQuota(allCores);
    await untilServing(address);
    const { snapshot } = await lab.handlers['cluster.open']({});
    const servers = snapshot.nodes.map((node) => node.port);
    return { address, servers, lab, setQuota, stop: () => lab.close() };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

/** Resolves when the address takes sessions: its policy waits for a first sample of a node. */
async function untilServing({ ports, ...account }: SysbenchTarget): Promise<void> {
  const serves = await waitFor(
    systemClock,
    async () => {
      try {
        const connection = await createConnection({ host: '127.0.0.1', port: ports[0] ?? 0, ...account });
        await connection.end();
        return true;
      } catch {
        return undefined;
      }
    },
    { everyMs: 100, timeoutMs: servesWithinMs },
  );
  if (!serves) throw new Error('the cluster takes no sessions');
}
