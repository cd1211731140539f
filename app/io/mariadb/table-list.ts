/** Application tables of a server, with what a comparison must know of their columns. */
import { createHash } from 'node:crypto';
import type { KeyKind, TableDefinition } from '../../model/verification.js';
import { type Admin, textOf } from './admin.js';

/** Schemas of the server itself. */
export const systemSchemas = ['mysql', 'information_schema', 'performance_schema', 'sys'] as const;

/** A name as a part of a statement. */
export const quotedName = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/** A table as this server has it. */
export interface KnownTable extends TableDefinition {
  /** `schema`.`name`, as a part of a statement. */
  readonly quoted: string;
  /** One text per row that holds the values of all its columns. */
  readonly rowText: string;
  /** First column of the primary key, when ranges can be made of it. */
  readonly key: { readonly column: string; readonly kind: KeyKind } | null;
  /** What the server guesses. */
  readonly rowsGuessed: number;
}

const numberTypes = /^(tinyint|smallint|mediumint|int|bigint|decimal|year)$/;
const textTypes = /^(char|varchar|date|time|datetime|timestamp|uuid|inet4|inet6)$/;
const byteTypes = /^(binary|varbinary)$/;
/** Of any length: their fingerprint stands for them, because no text may be longer than max_allowed_packet. */
const longTypes =
  /^(tinytext|text|mediumtext|longtext|tinyblob|blob|mediumblob|longblob|json|geometry|point|linestring|polygon|multipoint|multilinestring|multipolygon|geometrycollection)$/;

function keyKindOf(type: string): KeyKind | null {
  if (numberTypes.test(type)) return 'number';
  if (textTypes.test(type)) return 'text';
  return byteTypes.test(type) ? 'bytes' : null;
}

/** Exact bytes of a value, with their length before them, so that no two different rows give the same text. */
function valueText(column: string, type: string): string {
  const name = quotedName(column);
  // The text of a FLOAT is rounded; that of the same value as DOUBLE is not.
  const exact = type === 'float' ? `CAST(${name} AS DOUBLE)` : name;
  const bytes = longTypes.test(type) ? `MD5(${name})` : `CAST(${exact} AS BINARY)`;
  return `IFNULL(CONCAT(LENGTH(${bytes}),':',${bytes}),'-')`;
}

/** The list as it is now: not part of any snapshot. */
export async function listTables(admin: Admin): Promise<readonly KnownTable[]> {
  const columns = await admin.query(
    `SELECT t.table_schema AS schemaName, t.table_name AS tableName, t.engine AS engine, t.table_rows AS guessed,
            c.column_name AS columnName, c.data_type AS dataType, c.column_key AS columnKey, c.extra AS extra,
            CONCAT_WS('|', c.column_name, c.column_type, c.is_nullable, c.collation_name, c.extra) AS described
     FROM information_schema.tables t
     JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
     WHERE t.table_type = 'BASE TABLE' AND t.table_schema NOT IN (?, ?, ?, ?)
     ORDER BY 1, 2, c.ordinal_position`,
    systemSchemas,
  );
  const keys = await admin.query(
    `SELECT table_schema AS schemaName, table_name AS tableName, column_name AS columnName
     FROM information_schema.statistics
     WHERE index_name = 'PRIMARY' AND seq_in_index = 1 AND sub_part IS NULL AND table_schema NOT IN (?, ?, ?, ?)`,
    systemSchemas,
  );
  const nameOf = (row: (typeof columns)[number]) =>
    `${textOf(row, 'schemaName')}.${textOf(row, 'tableName')}`;
  const keyOf = new Map(keys.map((row) => [nameOf(row), textOf(row, 'columnName')]));
  const grouped = new Map<string, (typeof columns)[number][]>();
  for (const row of columns) {
    const rows = grouped.get(nameOf(row));
    if (rows) rows.push(row);
    else grouped.set(nameOf(row), [row]);
  }
  return [...grouped].map(([table, rows]) => describe(table, rows, keyOf.get(table)));
}

function describe(
  table: string,
  rows: readonly Record<string, string | number | null>[],
  key?: string,
): KnownTable {
  const [first = {}] = rows;
  const engine = textOf(first, 'engine');
  const stored = rows.filter((row) => !textOf(row, 'extra').includes('VIRTUAL GENERATED'));
  const keyRow = rows.find((row) => textOf(row, 'columnName') === key);
  const kind = keyRow ? keyKindOf(textOf(keyRow, 'dataType')) : null;
  const values = stored.map((row) => valueText(textOf(row, 'columnName'), textOf(row, 'dataType')));
  return {
    table,
    definition: createHash('md5')
      .update([engine, ...rows.map((row) => textOf(row, 'described'))].join('\n'))
      .digest('hex'),
    unreadable: engine === 'InnoDB' ? null : `it is kept in ${engine || 'no engine'}, which has no snapshots`,
    quoted: `${quotedName(textOf(first, 'schemaName'))}.${quotedName(textOf(first, 'tableName'))}`,
    rowText: `CONCAT(${values.join(',')})`,
    key: key !== undefined && kind ? { column: key, kind } : null,
    rowsGuessed: Number(textOf(first, 'guessed') || 0),
  };
}
