/** Checksums of all application tables in one consistent snapshot. */
import type { Clock } from '../../base/clock.js';
import type { MethodContext, TableChecksum } from '../../contract/control.js';
import { type Admin, numberOf, textOf } from './admin.js';
import { ProgressMeter } from './progress-meter.js';

const systemSchemas = ['mysql', 'information_schema', 'performance_schema', 'sys'] as const;

const quotedName = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/**
 * Reads every application table in one snapshot while writes go on.
 *
 * Proven on 10.11: CHECKSUM TABLE … EXTENDED inside START TRANSACTION WITH CONSISTENT SNAPSHOT reads the snapshot, and
 * Binlog_snapshot_position names the place in the binlog that belongs to it.
 * @param admin a connection of its own: the snapshot lives in it
 */
export async function checksumTables(
  admin: Admin,
  clock: Clock,
  { signal, progress }: MethodContext,
): Promise<{ position: string; tables: readonly TableChecksum[] }> {
  await admin.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await admin.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
  try {
    const position = await snapshotPosition(admin);
    const found = await admin.query(
      `SELECT table_schema AS schemaName, table_name AS tableName FROM information_schema.tables
       WHERE table_type = 'BASE TABLE' AND table_schema NOT IN (?, ?, ?, ?) ORDER BY 1, 2`,
      systemSchemas,
    );
    const meter = new ProgressMeter(clock, { unit: 'tables', total: found.length, from: 0 });
    const tables: TableChecksum[] = [];
    for (const row of found) {
      signal.throwIfAborted();
      const table = `${quotedName(textOf(row, 'schemaName'))}.${quotedName(textOf(row, 'tableName'))}`;
      const checksum = await admin.one(`CHECKSUM TABLE ${table} EXTENDED`);
      const count = await admin.one(`SELECT COUNT(*) AS rowCount FROM ${table}`);
      tables.push({
        table: `${textOf(row, 'schemaName')}.${textOf(row, 'tableName')}`,
        checksum: textOf(checksum, 'Checksum'),
        rows: numberOf(count, 'rowCount') ?? 0,
      });
      meter.reach(tables.length);
      meter.reportTo(progress);
    }
    return { position, tables };
  } finally {
    if (!admin.lost) await admin.query('ROLLBACK');
  }
}

/** The GTID position of the open snapshot. */
async function snapshotPosition(admin: Admin): Promise<string> {
  const rows = await admin.query("SHOW STATUS LIKE 'Binlog\\_snapshot\\_%'");
  const value = (name: string) => {
    const row = rows.find((candidate) => textOf(candidate, 'Variable_name') === name);
    return row ? textOf(row, 'Value') : '';
  };
  const answer = await admin.one('SELECT BINLOG_GTID_POS(?, ?) AS position', [
    value('Binlog_snapshot_file'),
    Number(value('Binlog_snapshot_position')),
  ]);
  return textOf(answer, 'position');
}
