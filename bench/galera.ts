/** A Galera cluster on this machine: MariaDB's own multi-master replication, with the flush settings of our nodes. */
import { join } from 'node:path';
import { systemClock, waitFor } from '../app/base/clock.js';
import { freePorts } from '../app/lab/ports.js';
import { galeraLibrary } from './needs.js';
import { type BenchServer, makeAccount, startServer } from './server.js';

const memberCount = 3;
/** SQL, replication, incremental and full transfer: each member takes one of each. */
const portsPerMember = 4;
const syncedWithinMs = 60_000;

export interface GaleraOptions {
  /** A folder of `inBenchFolder`. */
  readonly folder: string;
  /** The members take the next free ports from here. */
  readonly firstPort?: number;
  /** How many of the three begin; the others are begun later. */
  readonly begin?: number;
  /** How a member without data gets them. */
  readonly transfer?: 'rsync' | 'mariabackup';
  /** Patience with a member that gets its data. Milliseconds. */
  readonly withinMs?: number;
}

export interface GaleraCluster {
  /** The members that were begun, in order; one that was begun again stands in the place of the one before. */
  readonly servers: readonly BenchServer[];
  /** Begins a member, by its index, that does not run: it gets what it lacks. Resolves when it takes part. */
  begin(member: number): Promise<void>;
  stop(): Promise<void>;
}

/** What the donor's transfer logs in with. */
const transferAccount = { user: 'transfer', password: 'transfer' } as const;

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
function linesOf(
  member: number,
  all: readonly MemberPorts[],
  cacheFolder: string,
  transfer: 'rsync' | 'mariabackup',
): string[] {
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
    `wsrep_sst_method = ${transfer}`,
    ...(transfer === 'mariabackup'
      ? [`wsrep_sst_auth = ${transferAccount.user}:${transferAccount.password}`]
      : []),
    `wsrep_sst_receive_address = 127.0.0.1:${snapshot}`,
    'wsrep_slave_threads = 4',
  ];
}

/** Starts members one after the other: the first makes the cluster, the others copy it. */
export async function startGalera({
  folder,
  firstPort = 6400,
  begin: beginCount = memberCount,
  transfer = 'rsync',
  withinMs = syncedWithinMs,
}: GaleraOptions): Promise<GaleraCluster> {
  const free = await freePorts(firstPort, memberCount * portsPerMember, '127.0.0.1');
  const ports = Array.from({ length: memberCount }, (_, member): MemberPorts => {
    const [sql = 0, group = 0, incremental = 0, snapshot = 0] = free.slice(member * portsPerMember);
    return { sql, group, incremental, snapshot };
  });
  const servers: BenchServer[] = [];
  const begin = async (member: number, first = false) => {
    const name = `galera${member + 1}`;
    const server = await startServer({
      folder,
      name,
      port: ports[member]?.sql ?? 0,
      serverId: member + 1,
      lines: linesOf(member, ports, join(folder, name, 'data'), transfer),
      commandLine: first ? ['--wsrep-new-cluster'] : [],
      initialise: first,
      withinMs,
    });
    servers[member] = server;
    await untilSynced(server);
  };
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    for (let member = 0; member < beginCount; member++) {
      await begin(member, member === 0);
      if (member === 0) await makeAccounts(servers[0] as BenchServer, transfer);
    }
    return { servers, begin, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function makeAccounts(server: BenchServer, transfer: 'rsync' | 'mariabackup'): Promise<void> {
  await makeAccount(server);
  if (transfer !== 'mariabackup') return;
  const { user, password } = transferAccount;
  const root = await server.connect();
  await root.query(`CREATE USER ${user}@localhost IDENTIFIED BY '${password}'`);
  await root.query(`GRANT RELOAD, PROCESS, LOCK TABLES, BINLOG MONITOR ON *.* TO ${user}@localhost`);
  await root.end();
}

/** Resolves when the member takes part in the cluster. @throws Error with its last state */
async function untilSynced(server: BenchServer): Promise<void> {
  const root = await server.connect();
  let state = '';
  try {
    const synced = await waitFor(
      systemClock,
      async () => {
        const [rows] = await root.query(
          "SHOW STATUS WHERE Variable_name IN ('wsrep_cluster_status', 'wsrep_local_state_comment')",
        );
        state = (rows as { Value: string }[])
          .map(({ Value }) => Value)
          .sort()
          .join(' ');
        return state === 'Primary Synced' ? true : undefined;
      },
      { everyMs: 100, timeoutMs: syncedWithinMs },
    );
    if (!synced) throw new Error(`a Galera member did not become part of the cluster: ${state}`);
  } finally {
    await root.end();
  }
}
