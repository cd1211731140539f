/** The server's views of its locks, read over the watch's own connection. */
import { type Admin, numberOf, type Row, textOf } from '../../io/mariadb/admin.js';
import { sequenceOf } from '../../model/gtid.js';
import type { MetadataLock, WaitPair } from './blockers.js';
import { type EngineTransaction, parseEngineStatus } from './engine-status.js';

/** What a connection is, by the list of processes. */
export type Role = 'applier' | 'ours' | 'session';

const mdlInstrument = 'wait/lock/metadata/sql/mdl';

/**
 * Makes metadata locks visible where the server was started with performance_schema.
 * @returns false where it was not: then only row locks can be watched
 */
export async function enableMetadataView(admin: Admin): Promise<boolean> {
  const { on } = await admin.one('SELECT @@global.performance_schema AS `on`');
  if (Number(on) !== 1) return false;
  // Dynamic, and written to no binlog: performance_schema is never replicated.
  await admin.query(
    `UPDATE performance_schema.setup_instruments SET enabled = 'YES', timed = 'NO' WHERE name = ?`,
    [mdlInstrument],
  );
  return true;
}

/** Sequence numbers of the applier. */
export interface Positions {
  readonly applied: number;
  /** Null when it was not asked for. */
  readonly received: number | null;
}

/** What has been applied, and what has been received. */
export async function readBoth(admin: Admin): Promise<Positions> {
  // Unlike SHOW SLAVE STATUS this one tells the applied position, too.
  const [row] = await admin.query('SHOW ALL SLAVES STATUS');
  // Nobody is followed: there is nothing to apply.
  if (!row) return { applied: 0, received: 0 };
  const applied = sequenceOf(textOf(row, 'Gtid_Slave_Pos'));
  return { applied, received: Math.max(applied, sequenceOf(textOf(row, 'Gtid_IO_Pos'))) };
}

export async function readApplied(admin: Admin): Promise<Positions> {
  const row = await admin.one('SELECT @@global.gtid_slave_pos AS applied');
  return { applied: sequenceOf(textOf(row, 'applied')), received: null };
}

/** InnoDB's transactions as they are now; with their locks on demand, which costs thirty times as much. */
export async function readEngine(admin: Admin, withLocks: boolean): Promise<EngineTransaction[]> {
  if (withLocks) await admin.query('SET GLOBAL innodb_status_output_locks = ON');
  try {
    return parseEngineStatus(textOf(await admin.one('SHOW ENGINE INNODB STATUS'), 'Status'));
  } finally {
    if (withLocks && !admin.lost) await admin.query('SET GLOBAL innodb_status_output_locks = OFF');
  }
}

/** All waits for row and table locks, as they were when somebody first read them within the last 100 ms. */
export async function readRowWaits(admin: Admin): Promise<WaitPair[]> {
  const rows = await admin.query(
    `SELECT r.trx_mysql_thread_id AS waiter, b.trx_mysql_thread_id AS blocker
     FROM information_schema.innodb_lock_waits w
     JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_trx_id
     JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_trx_id`,
  );
  return rows.map((row) => ({
    waiter: numberOf(row, 'waiter') ?? 0,
    blocker: numberOf(row, 'blocker') ?? 0,
  }));
}

/** Connections that wait for a metadata lock. */
export async function readMetadataWaiters(admin: Admin): Promise<number[]> {
  const rows = await admin.query(
    `SELECT t.processlist_id AS id FROM performance_schema.metadata_locks m
     JOIN performance_schema.threads t ON t.thread_id = m.owner_thread_id WHERE m.lock_status = 'PENDING'`,
  );
  return rows.map((row) => numberOf(row, 'id') ?? 0).filter((id) => id > 0);
}

export async function readMetadataLocks(admin: Admin): Promise<MetadataLock[]> {
  const rows = await admin.query(
    `SELECT t.processlist_id AS owner, m.object_type AS kind, m.object_schema AS schemaName,
       m.object_name AS objectName, m.lock_type AS type, m.lock_status AS status
     FROM performance_schema.metadata_locks m
     JOIN performance_schema.threads t ON t.thread_id = m.owner_thread_id`,
  );
  return rows.map((row) => ({
    owner: numberOf(row, 'owner') ?? 0,
    kind: textOf(row, 'kind'),
    schema: textOf(row, 'schemaName'),
    name: textOf(row, 'objectName'),
    type: textOf(row, 'type'),
    pending: textOf(row, 'status') === 'PENDING',
  }));
}

export interface Connections {
  readonly roles: ReadonlyMap<number, Role>;
  /** How long each has been in its state, milliseconds. */
  readonly inStateMs: ReadonlyMap<number, number>;
}

/**
 * Everybody who is connected.
 * @param ownUsers accounts of ours, whose connections are never victims, but for those that are `expendable`
 */
export async function readConnections(
  admin: Admin,
  {
    ownUsers,
    expendable,
  }: { readonly ownUsers: readonly string[]; readonly expendable: { has(id: number): boolean } },
): Promise<Connections> {
  const rows = await admin.query('SELECT id, user, command, time_ms FROM information_schema.processlist');
  const roles = new Map<number, Role>();
  const inStateMs = new Map<number, number>();
  for (const row of rows) {
    const id = numberOf(row, 'id') ?? 0;
    roles.set(id, expendable.has(id) ? 'session' : roleOf(row, ownUsers));
    inStateMs.set(id, numberOf(row, 'time_ms') ?? 0);
  }
  return { roles, inStateMs };
}

function roleOf(row: Row, ownUsers: readonly string[]): Role {
  const command = textOf(row, 'command');
  if (command === 'Slave_SQL' || command === 'Slave_worker') return 'applier';
  const user = textOf(row, 'user');
  const system = user === 'system user' || user === 'event_scheduler' || command.startsWith('Binlog Dump');
  return system || command === 'Daemon' || ownUsers.includes(user) ? 'ours' : 'session';
}
