/** The server's configuration: one record of what we set, each line with its reason, and the file made from it. */
import type { PeerSettings } from '../../contract/control.js';
import type { NodeFolder } from './node-folder.js';

type Line = readonly [name: string, value: string | number, why: string];

/**
 * The performance schema for one purpose: who holds the metadata lock that the applier waits for. Measured on 10.11: with
 * everything else off and sized zero it takes 3 MB (its defaults take 150), and a point select or a small transaction
 * costs the same processor time as without it, within the noise of 3 % (with its defaults a sixth more). The plugin
 * METADATA_LOCK_INFO costs nothing but lists granted locks only, so that it cannot say what is waited for.
 */
export const metadataLockLines: readonly Line[] = [
  ['performance_schema', 'ON', 'shows who holds the metadata lock that the applier waits for'],
  ['performance-schema-instrument', "'%=OFF'", 'everything but that costs time'],
  ['performance-schema-instrument', "'wait/lock/metadata/sql/mdl=ON'", ''],
  ['performance_schema_consumer_statements_digest', 'OFF', ''],
  ...[
    ...['digests', 'accounts', 'hosts', 'users', 'session_connect_attrs'].map((part) => `${part}_size`),
    ...['stages', 'statements', 'transactions', 'waits'].flatMap((part) => [
      `events_${part}_history_size`,
      `events_${part}_history_long_size`,
    ]),
    ...['cond', 'file', 'mutex', 'rwlock', 'socket'].flatMap((part) => [
      `max_${part}_classes`,
      `max_${part}_instances`,
    ]),
    ...['stage', 'statement', 'memory'].map((part) => `max_${part}_classes`),
    ...['table', 'program', 'prepared_statements'].map((part) => `max_${part}_instances`),
    ...['table_handles', 'table_lock_stat', 'index_stat', 'digest_length', 'sql_text_length'].map(
      (part) => `max_${part}`,
    ),
  ].map((name): Line => [`performance_schema_${name}`, 0, '']),
];

/** What ordered replication rests on: one domain, strict order, rows only, everything handed on. */
function replicationLines(settings: PeerSettings): readonly Line[] {
  return [
    ['server_id', settings.serverId, 'who made a change: the middle of its GTID'],
    ['gtid_domain_id', 0, 'one domain: the sequence number is the place in the total order'],
    ['gtid_strict_mode', 'ON', 'the server itself refuses a change that is out of order'],
    ['log_bin', 'binlog', 'inside the data folder: a swap must take data and binlog together'],
    ['relay_log', 'relay', 'named by us: the default contains the name of the host, which can change'],
    ['log_slave_updates', 'ON', 'in a ring every node hands on what it applies'],
    ['binlog_format', 'ROW', 'statements could act differently elsewhere'],
    [
      'log_bin_trust_function_creators',
      'ON',
      'what a trigger or function does arrives as rows elsewhere: no reason to ask for SUPER',
    ],
    ['max_binlog_size', '16M', '10.11 scans a binlog from its start when a follower connects'],
    [
      'binlog_expire_logs_seconds',
      86_400,
      'a follower away for longer gets a full copy; the peer bounds the size',
    ],
    [
      'sync_binlog',
      0,
      'written to the system at each commit, which a crash of the process survives; the copy on',
    ],
    [
      'innodb_flush_log_at_trx_commit',
      2,
      'another node, not the disk, covers the crash of a machine: a lost tail is found when the node returns',
    ],
    ['init_rpl_role', 'SLAVE', 'crash recovery drops the binlog tail that no client was told is committed'],
    ['relay_log_recovery', 'ON', 'after a crash fetch again what was received but not applied'],
    ['skip_slave_start', 'ON', 'positions are compared before replication may start'],
    ['read_only', 'ON', 'nothing is written before the coordinator opens the node; appliers are exempt'],
    ['slave_parallel_threads', 4, 'the applier must keep up with many sessions of the writer'],
    [
      'slave_parallel_mode',
      'conservative',
      'what committed together applies together; optimistic would roll back and retry on hot rows',
    ],
    ['slave_transaction_retries', 1_000_000, 'a deadlock with a local session must never stop the ring'],
    [
      'innodb_lock_wait_timeout',
      50,
      'the applier is freed by rolling back whom it waits for; giving up would only apply the whole change again',
    ],
    ['slave_net_timeout', 4, 'a dead predecessor is noticed in seconds, not in a minute'],
    ['rpl_semi_sync_master_wait_point', 'AFTER_SYNC', 'nobody sees a change before the successor has it'],
    ['rpl_semi_sync_slave_enabled', 'ON', 'answers a lossless predecessor; lets lost own changes come back'],
    ['rpl_semi_sync_slave_kill_conn_timeout', 1, 'stopping must not wait for a dead predecessor'],
    ['rpl_semi_sync_master_timeout', 86_400_000, 'never fall back to unsafe in silence: the peer decides'],
  ];
}

/**
 * Every node draws its own automatic numbers, so that inserts on different nodes do not meet. By the configured members,
 * not by the view: a session keeps the values that it began with, and two that began in different views could draw the
 * same numbers.
 */
function numberLines({ ring, serverId }: PeerSettings): readonly Line[] {
  const nodes = (ring?.members ?? []).filter(({ sql }) => sql !== null).map(({ member }) => member);
  const place = nodes.indexOf(ring?.member ?? serverId);
  if (place < 0) return [];
  return [
    ['auto_increment_increment', nodes.length, 'automatic numbers of different nodes never meet'],
    ['auto_increment_offset', place + 1, ''],
  ];
}

/** What keeps a server small and its failures plain. */
function serverLines(settings: PeerSettings, folder: NodeFolder): readonly Line[] {
  return [
    ['datadir', folder.data, ''],
    ['socket', folder.socket, 'absolute: mariabackup wants it so'],
    ['pid_file', folder.pidFile, 'how a restarted peer finds its server'],
    ['tmpdir', folder.temporary, 'the file system that was checked for space'],
    ['log_error', folder.serverLog, ''],
    ['log_warnings', 1, 'sessions that end without a goodbye are no news'],
    ['bind_address', settings.sql.host, 'applications come through the front end'],
    ['port', settings.sql.port, ''],
    ['skip_name_resolve', 'ON', 'no login waits for a name server'],
    ['max_connections', 1_000, 'the load and ourselves'],
    ['back_log', 512, 'hundreds of sessions arrive at once when a node becomes active'],
    ['character_set_server', 'utf8mb4', ''],
    ['default_storage_engine', 'InnoDB', ''],
    ['enforce_storage_engine', 'InnoDB', 'other engines change at the statement, not at the commit'],
    ['local_infile', 'OFF', 'no client file is read on a word of the server'],
    ['max_allowed_packet', '64M', ''],
    ['innodb_buffer_pool_size', `${settings.bufferPoolMegabytes}M`, ''],
    [
      'innodb_log_file_size',
      '64M',
      'room for the changes of a copy that is being taken; small enough to recover quickly',
    ],
    ['innodb_buffer_pool_dump_at_shutdown', 'OFF', 'stops and starts are quick; the pool is small'],
    ['innodb_buffer_pool_load_at_startup', 'OFF', ''],
    [
      'innodb_autoinc_lock_mode',
      2,
      'rows carry their numbers: no table lock, whose deadlocks clients see as error 1467',
    ],
    ['innodb_read_io_threads', 2, 'a node of a lab shares its machine'],
    ['innodb_write_io_threads', 2, ''],
    ['innodb_monitor_enable', 'trx_%ro_commits', 'the sampler counts read-only transactions'],
    ['aria_pagecache_buffer_size', '8M', 'system tables only'],
    ['key_buffer_size', '1M', 'no MyISAM tables'],
    ...metadataLockLines,
  ];
}

/** Lines of `serverLines` that are sizes and tastes: an operator may know better. */
const tunable = new Set([
  'log_warnings',
  'max_connections',
  'back_log',
  'max_allowed_packet',
  'innodb_buffer_pool_size',
  'innodb_log_file_size',
  'innodb_buffer_pool_dump_at_shutdown',
  'innodb_buffer_pool_load_at_startup',
  'innodb_read_io_threads',
  'innodb_write_io_threads',
  'aria_pagecache_buffer_size',
  'key_buffer_size',
]);

const linesOf = (settings: PeerSettings, folder: NodeFolder): readonly Line[] => [
  ...serverLines(settings, folder),
  ...replicationLines(settings),
  ...numberLines(settings),
];

/** Options that no operator may give a server: where it lives, and what ordered replication rests on. */
export function reservedOptions(settings: PeerSettings, folder: NodeFolder): ReadonlySet<string> {
  const ours = linesOf(settings, folder).map(([name]) => name.replaceAll('-', '_'));
  return new Set(ours.filter((name) => !tunable.has(name)));
}

/**
 * The text of the server's defaults file.
 * @param own options of the operator; they come last, where the server lets them win
 */
export function serverConfiguration(
  settings: PeerSettings,
  folder: NodeFolder,
  own: Readonly<Record<string, string>> = {},
): string {
  const lines = [
    ...linesOf(settings, folder),
    ...Object.entries(own).map(([name, value]): Line => [name, value, 'given by the operator']),
  ];
  return [
    `# Written by Ringmaster at every start of ${settings.node}; changes made here are lost.`,
    '[mariadbd]',
    ...lines.map(([name, value, why]) => `${name} = ${value}${why === '' ? '' : `    # ${why}`}`),
    '',
  ].join('\n');
}

/** A value in a defaults file: quoted, because # would begin a comment. */
const quoted = (value: string): string => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** The text of mariabackup's defaults file: the server's own, and our login. */
export function backupConfiguration(settings: PeerSettings, folder: NodeFolder): string {
  return [
    '[mariadb-backup]',
    `datadir = ${folder.data}`,
    `socket = ${folder.socket}`,
    `user = ${quoted(settings.admin.user)}`,
    `password = ${quoted(settings.admin.password)}`,
    '',
  ].join('\n');
}
