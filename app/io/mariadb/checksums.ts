/** Checksums of all application tables in one consistent snapshot. */
import type { Clock } from '../../base/clock.js';
import type { MethodContext, TableChecksum } from '../../contract/control.js';
import { type Admin, numberOf, textOf } from './admin.js';
import { ProgressMeter } from './progress-meter.js';
import { quotedName, systemSchemas } from './table-list.js';

/**
 * Readings of a snapshot's place that must agree. The server fills two variables of the whole process with the place of
 * whoever asks, waits for a lock, and only then formats them (MariaDB 10.11, sql/log.cc, TC_LOG_BINLOG::set_status_variables):
 * anybody else's SHOW STATUS in between leaves the end of the binlog there, which the snapshot does not see. Measured with
 * six others asking all the time: one reading of 150 was wrong. Those differ from each other while there are commits, and
 * are right when there are none.
 */
const agreeingReadings = 5;

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
      await admin.query('SAVEPOINT one_table');
      const checksum = await admin.one(`CHECKSUM TABLE ${table} EXTENDED`);
      const count = await admin.one(`SELECT COUNT(*) AS rowCount FROM ${table}`);
      // Gives the metadata lock back: a change of this table, and every commit behind it, would wait for all the others.
      await admin.query('ROLLBACK TO SAVEPOINT one_table');
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
export async function snapshotPosition(admin: Admin): Promise<string> {
  const place = await agreedSnapshotPlace(admin);
  const answer = await admin.one('SELECT BINLOG_GTID_POS(?, ?) AS position', [place.file, place.offset]);
  return textOf(answer, 'position');
}

/** The place in the binlog that belongs to the open snapshot. */
export async function agreedSnapshotPlace(
  admin: Admin,
): Promise<{ readonly file: string; readonly offset: number }> {
  let place = await snapshotPlace(admin);
  for (let agreeing = 1; agreeing < agreeingReadings; ) {
    const again = await snapshotPlace(admin);
    agreeing = again.file === place.file && again.offset === place.offset ? agreeing + 1 : 1;
    place = again;
  }
  return place;
}

/** One reading of the place in the binlog that belongs to the open snapshot. */
async function snapshotPlace(admin: Admin): Promise<{ readonly file: string; readonly offset: number }> {
  const rows = await admin.query("SHOW STATUS LIKE 'Binlog\\_snapshot\\_%'");
  const value = (name: string) => {
    const row = rows.find((candidate) => textOf(candidate, 'Variable_name') === name);
    return row ? textOf(row, 'Value') : '';
  };
  return { file: value('Binlog_snapshot_file'), offset: Number(value('Binlog_snapshot_position')) };
}
