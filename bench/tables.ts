/** The tables that sysbench works on, as its own `prepare` makes them. */
import { createConnection } from 'mysql2/promise';
import { systemClock, waitFor } from '../app/base/clock.js';
import type { SysbenchTarget, TableSizes } from './sysbench.js';

/** Groups of eleven digits: `83868641912-28773972837-...`. */
const digits = (groups: number): string =>
  `CONCAT_WS('-', ${Array.from({ length: groups }, () => "LPAD(FLOOR(RAND() * 1e11), 11, '0')").join(', ')})`;

/**
 * Makes and fills `sbtest1` and so on, through the target's first port. Not by sysbench, which leaves the ids to
 * AUTO_INCREMENT: in a cluster of three they are 1, 4, 7, and two of three updates would find no row.
 * @param servers ports of all servers of a cluster: resolves when each of them has all rows
 */
export async function makeTables(
  { ports, ...account }: SysbenchTarget,
  sizes: TableSizes,
  servers: readonly number[] = [],
): Promise<void> {
  const { tables, rows } = sizes;
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
  for (const port of servers) await untilFilled({ ports: [port], ...account }, sizes);
}

const filledWithinMs = 30_000;

/** @throws Error when the rows do not come */
async function untilFilled({ ports, ...account }: SysbenchTarget, { tables, rows }: TableSizes) {
  const connection = await createConnection({ host: '127.0.0.1', port: ports[0] ?? 0, ...account });
  try {
    const filled = await waitFor(
      systemClock,
      async () => {
        try {
          const [found] = await connection.query(`SELECT COUNT(*) AS rowsThere FROM sbtest${tables}`);
          return (found as { rowsThere: number }[])[0]?.rowsThere === rows ? true : undefined;
        } catch {
          return undefined;
        }
      },
      { everyMs: 50, timeoutMs: filledWithinMs },
    );
    if (!filled) throw new Error(`the rows of sbtest${tables} did not come to port ${ports[0]}`);
  } finally {
    await connection.end();
  }
}
