/** The tables that sysbench works on, as its own `prepare` makes them. */
import { createConnection } from 'mysql2/promise';
import type { SysbenchTarget, TableSizes } from './sysbench.js';

/** Groups of eleven digits: `83868641912-28773972837-...`. */
const digits = (groups: number): string =>
  `CONCAT_WS('-', ${Array.from({ length: groups }, () => "LPAD(FLOOR(RAND() * 1e11), 11, '0')").join(', ')})`;

/**
 * Makes and fills `sbtest1` and so on, through the target's first port. Not by sysbench, which leaves the ids to
 * AUTO_INCREMENT: in a cluster of three they are 1, 4, 7, and two of three updates would find no row.
 */
export async function makeTables(
  { ports, ...account }: SysbenchTarget,
  { tables, rows }: TableSizes,
): Promise<void> {
  const connection = await createConnection({ host: '127.0.0.1', port: ports[0] ?? 0, ...account });
  try {
    for (let table = 1; table <= tables; table++) {
      const name = `sbtest${table}`;
      await connection.query(`CREATE TABLE ${name} (id INT NOT NULL AUTO_INCREMENT, k INT NOT NULL DEFAULT 0,
        c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', PRIMARY KEY (id), KEY k_${table} (k))`);
      await connection.query(`INSERT INTO ${name} (id, k, c, pad)
        SELECT seq, FLOOR(1 + RAND() * ${rows}), ${digits(10)}, ${digits(5)} FROM seq_1_to_${rows}`);
    }
  } finally {
    await connection.end();
  }
}
