/** A Galera cluster on this machine: MariaDB's own multi-master replication, with the flush settings of our nodes. */
import { join } from 'node:path';
import { systemClock, waitFor } from '../app/base/clock.js';
import { freePorts } from '../app/lab/ports.js';
import { galeraLibrary } from './needs.js';
import { type BenchServer, makeAccount, startServer } from './server.js';

const memberCount = 3;
/** SQL, replication, incremental and full transfer: each member takes one of each from here. */
const firstPort = 6400;
const portsPerMember = 4;
const syncedWithinMs = 60_000;

export interface GaleraCluster {
  readonly servers: readonly BenchServer[];
  stop(): Promise<void>;
}

interface MemberPorts {
  readonly sql: number;
  readonly group: number;
  readonly incremental: number;
  readonly snapshot: number;
}

/**
 * What a member has different from a node of ours. Flush settings, buffer pool and the number of appliers stay the same;
 * the binlog, which Galera does not need, is off.
 */
function linesOf(member: number, all: readonly MemberPorts[], cacheFolder: string): string[] {
  const { group, incremental, snapshot } = all[member] as MemberPorts;
  const provider = [
    `gmcast.listen_addr=tcp://127.0.0.1:${group}`,
    `ist.recv_addr=127.0.0.1:${incremental}`,
    'gcache.size=64M',
    `gcache.dir=${cacheFolder}`,
  ];
  return [
    'read_only = OFF',
    'skip_log_bin',
    'log_slave_updates = OFF',
    'gtid_strict_mode = OFF',
    'init_rpl_role = MASTER',
    'rpl_semi_sync_slave_enabled = OFF',
    'slave_parallel_threads = 0',
    'wsrep_on = ON',
    `wsrep_provider = ${galeraLibrary}`,
    `wsrep_provider_options = "${provider.join('; ')}"`,
    `wsrep_cluster_address = gcomm://${all.map((ports) => `127.0.0.1:${ports.group}`).join(',')}`,
    'wsrep_cluster_name = ringmaster_bench',
    `wsrep_node_name = galera${member + 1}`,
    `wsrep_node_address = 127.0.0.1:${group}`,
    'wsrep_sst_method = rsync',
    `wsrep_sst_receive_address = 127.0.0.1:${snapshot}`,
    'wsrep_slave_threads = 4',
  ];
}

/** Starts the members one after the other: the first makes the cluster, the others copy it. */
export async function startGalera(folder: string): Promise<GaleraCluster> {
  const free = await freePorts(firstPort, memberCount * portsPerMember, '127.0.0.1');
  const ports = Array.from({ length: memberCount }, (_, member): MemberPorts => {
    const [sql = 0, group = 0, incremental = 0, snapshot = 0] = free.slice(member * portsPerMember);
    return { sql, group, incremental, snapshot };
  });
  const servers: BenchServer[] = [];
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    for (const [member, { sql }] of ports.entries()) {
      const name = `galera${member + 1}`;
      const first = member === 0;
      const server = await startServer({
        folder,
        name,
        port: sql,
        serverId: member + 1,
        lines: linesOf(member, ports, join(folder, name, 'data')),
        commandLine: first ? ['--wsrep-new-cluster'] : [],
        initialise: first,
      });
      servers.push(server);
      await untilSynced(server, member + 1);
      if (first) await makeAccount(server);
    }
    return { servers, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Resolves when the member takes part in a cluster of that size. @throws Error with its last state */
async function untilSynced(server: BenchServer, size: number): Promise<void> {
  const root = await server.connect();
  let state = '';
  try {
    const synced = await waitFor(
      systemClock,
      async () => {
        const [rows] = await root.query(
          "SHOW STATUS WHERE Variable_name IN ('wsrep_cluster_size', 'wsrep_local_state_comment')",
        );
        state = (rows as { Value: string }[])
          .map(({ Value }) => Value)
          .sort()
          .join(' ');
        return state === `${size} Synced` ? true : undefined;
      },
      { everyMs: 100, timeoutMs: syncedWithinMs },
    );
    if (!synced) throw new Error(`a Galera member did not become part of the cluster: ${state}`);
  } finally {
    await root.end();
  }
}
