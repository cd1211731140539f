/** Makes the bank's tables and rows. */
import { messageOf, RingmasterError } from '../../base/errors.js';
import { seededRandom } from '../../base/random.js';
import { bank } from './bank.js';
import { addressKey, type LoadAddress, type SchemaReport } from './contract.js';
import { type Login, SqlSession } from './sql-session.js';

/** Rows of one INSERT; about 60 kB of text. */
const rowsPerStatement = 1000;

const tables = [
  `CREATE TABLE IF NOT EXISTS customers (
     id INT UNSIGNED NOT NULL PRIMARY KEY,
     name VARCHAR(80) NOT NULL,
     city VARCHAR(40) NOT NULL
   ) ENGINE=InnoDB`,
  `CREATE TABLE IF NOT EXISTS accounts (
     id INT UNSIGNED NOT NULL PRIMARY KEY,
     customer_id INT UNSIGNED NOT NULL,
     kind ENUM('teller', 'current', 'savings') NOT NULL,
     balance_cents BIGINT NOT NULL,
     KEY customer (customer_id)
   ) ENGINE=InnoDB`,
  `CREATE TABLE IF NOT EXISTS transfers (
     id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
     from_account INT UNSIGNED NOT NULL,
     to_account INT UNSIGNED NOT NULL,
     cents INT UNSIGNED NOT NULL,
     made_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
   ) ENGINE=InnoDB`,
] as const;

/**
 * Makes tables and rows that are missing. All rows come in one transaction, so a run that was cut short leaves either
 * none or all of them.
 * @throws RingmasterError load.schema-failed
 */
export async function prepareSchema(writer: LoadAddress, login: Login): Promise<SchemaReport> {
  let sql: SqlSession | undefined;
  try {
    sql = await SqlSession.open(writer, login);
    const created = !(await isComplete(sql));
    if (created) {
      for (const table of tables) await sql.query(table);
      await insertRows(sql);
    }
    return { created, accounts: bank.accounts, customers: bank.customers };
  } catch (error) {
    throw new RingmasterError(
      'load.schema-failed',
      { address: addressKey(writer), cause: messageOf(error) },
      { cause: error },
    );
  } finally {
    sql?.destroy();
  }
}

/** Looks without writing: even CREATE TABLE IF NOT EXISTS of a table that exists is a change to the binlog. */
async function isComplete(sql: SqlSession): Promise<boolean> {
  const [row] = await sql.rows(
    `SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()
       AND table_name IN ('customers', 'accounts', 'transfers')`,
  );
  if (Number(row?.[0]) < tables.length) return false;
  const accounts = await sql.rows('SELECT 1 FROM accounts LIMIT 1');
  return accounts.length > 0;
}

async function insertRows(sql: SqlSession): Promise<void> {
  await sql.query('BEGIN');
  for (const statement of rowStatements()) await sql.query(statement);
  await sql.query('COMMIT');
}

/** The INSERT statements of a new bank, always the same. */
function* rowStatements(): Generator<string> {
  const random = seededRandom(1);
  const names = ['Adler', 'Baumann', 'Costa', 'Dubois', 'Eriksen', 'Fischer', 'Garcia', 'Horvath', 'Ivanova'];
  const cities = ['Aachen', 'Bergen', 'Cork', 'Dijon', 'Evora', 'Ghent', 'Lugano', 'Malmo', 'Turku'];
  yield* inserts('customers (id, name, city)', bank.customers, (id) => {
    return `(${id}, '${random.pick(names)} ${id}', '${random.pick(cities)}')`;
  });
  yield* inserts('accounts (id, customer_id, kind, balance_cents)', bank.accounts, (id) => {
    const kind = id <= bank.tellers ? 'teller' : random.chance(0.6) ? 'current' : 'savings';
    return `(${id}, ${((id - 1) % bank.customers) + 1}, '${kind}', ${bank.openingBalanceCents})`;
  });
}

function* inserts(into: string, rows: number, row: (id: number) => string): Generator<string> {
  for (let first = 1; first <= rows; first += rowsPerStatement) {
    const count = Math.min(rowsPerStatement, rows - first + 1);
    const values = Array.from({ length: count }, (_, index) => row(first + index));
    yield `INSERT INTO ${into} VALUES ${values.join(',')}`;
  }
}
