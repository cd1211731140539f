/** The servers of the lab as an administrator sees them, over SQL and not through the console. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import type { NodeView } from '../../app/model/cluster.js';

const applicationDatabase = 'bank';

interface Account {
  readonly user: string;
  readonly password: string;
}

async function connect(labFolder: string, node: NodeView): Promise<Connection> {
  const accounts = JSON.parse(await readFile(join(labFolder, 'accounts.json'), 'utf8')) as { admin: Account };
  const { user, password } = accounts.admin;
  return mysql.createConnection({
    host: node.host,
    port: node.port,
    user,
    password,
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
}

const rowsOf = async (connection: Connection, sql: string, values: string[] = []): Promise<RowDataPacket[]> =>
  (await connection.query<RowDataPacket[]>(sql, values))[0];

/** Process id of a node's server, as the server itself says. */
export async function serverPid(labFolder: string, node: NodeView): Promise<number> {
  const connection = await connect(labFolder, node);
  try {
    const [row] = await rowsOf(connection, 'SELECT @@pid_file AS pidFile, @@datadir AS folder');
    const path = String(row?.pidFile);
    return Number(readFileSync(path.startsWith('/') ? path : join(String(row?.folder), path), 'utf8'));
  } finally {
    await connection.end();
  }
}

/** One table at one moment. */
export interface TableContent {
  readonly table: string;
  readonly rows: number;
  readonly checksum: string;
}

async function contentOf(connection: Connection): Promise<TableContent[]> {
  const tables = await rowsOf(
    connection,
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = ? AND table_type = 'BASE TABLE' ORDER BY 1`,
    [applicationDatabase],
  );
  const contents: TableContent[] = [];
  for (const { name } of tables) {
    const [count] = await rowsOf(
      connection,
      `SELECT COUNT(*) AS number FROM ${applicationDatabase}.\`${name}\``,
    );
    const [sum] = await rowsOf(connection, `CHECKSUM TABLE ${applicationDatabase}.\`${name}\` EXTENDED`);
    contents.push({
      table: String(name),
      rows: Number(count?.number),
      checksum: String(sum?.Checksum),
    });
  }
  return contents;
}

const openSnapshot = async (connection: Connection): Promise<void> => {
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
};

/**
 * The tables of several nodes at one and the same change, while the load goes on: writes wait for a moment, until every
 * node has applied the last one and has opened a snapshot; then they go on, and the snapshots are read.
 * @param nodes the one that takes the writes first
 * @returns for each node, in the order given
 */
export async function contentsAtOneMoment(
  labFolder: string,
  nodes: readonly NodeView[],
): Promise<TableContent[][]> {
  const connections = await Promise.all(nodes.map((node) => connect(labFolder, node)));
  const [writer] = nodes;
  if (!writer) return [];
  const gate = await connect(labFolder, writer);
  try {
    await gate.query('FLUSH TABLES WITH READ LOCK');
    const [last] = await rowsOf(gate, 'SELECT @@gtid_binlog_pos AS position');
    const position = String(last?.position);
    await Promise.all(
      connections.slice(1).map(async (connection) => {
        const [waited] = await rowsOf(connection, 'SELECT MASTER_GTID_WAIT(?, 20) AS outcome', [position]);
        if (Number(waited?.outcome) !== 0) throw new Error(`a node did not reach ${position} within 20 s`);
      }),
    );
    await Promise.all(connections.map(openSnapshot));
    await gate.query('UNLOCK TABLES');
    const contents: TableContent[][] = [];
    for (const connection of connections) contents.push(await contentOf(connection));
    return contents;
  } finally {
    await Promise.all([gate, ...connections].map((connection) => connection.end()));
  }
}
