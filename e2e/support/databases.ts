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

const rowsOf = async (
  connection: Connection,
  sql: string,
  values: (string | number)[] = [],
): Promise<RowDataPacket[]> => (await connection.query<RowDataPacket[]>(sql, values))[0];

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

const lastChange = async (connection: Connection): Promise<string> => {
  const [row] = await rowsOf(connection, 'SELECT @@gtid_binlog_pos AS position');
  return String(row?.position);
};

/** Looks at the last changes of all nodes until two looks, this long apart, see the same one everywhere. */
const quietMs = 500;
const quietBoundMs = 30_000;

/** Every node takes writes: only when all stand at one change, and stay there, does none have one on its way. */
async function waitUntilQuiet(nodes: readonly Connection[]): Promise<string> {
  const deadlineMs = performance.now() + quietBoundMs;
  const look = async () => [...new Set(await Promise.all(nodes.map((node) => lastChange(node))))];
  for (let before = await look(); ; ) {
    await Promise.all(nodes.map((node) => rowsOf(node, `SELECT SLEEP(${quietMs / 1000})`)));
    const now = await look();
    if (now.length === 1 && before.length === 1 && now[0] === before[0]) return now[0] ?? '';
    if (performance.now() > deadlineMs)
      throw new Error(`nodes do not come to rest although nobody writes: ${now.join(', ')}`);
    before = now;
  }
}

/**
 * The tables of several nodes at one and the same change. Nobody may write meanwhile; readers may.
 * (A read lock of all tables would do without, but under hundreds of writers it takes a lock wait timeout to get.)
 * @param nodes in any order; the first one is what others are compared with
 * @returns for each node, in the order given
 */
export async function contentsAtOneChange(
  labFolder: string,
  nodes: readonly NodeView[],
): Promise<TableContent[][]> {
  const connections = await Promise.all(nodes.map((node) => connect(labFolder, node)));
  try {
    const position = await waitUntilQuiet(connections);
    const contents: TableContent[][] = [];
    for (const connection of connections) contents.push(await contentOf(connection));
    for (const connection of connections) {
      const after = await lastChange(connection);
      if (after !== position) throw new Error(`somebody wrote while tables were read: ${position}, ${after}`);
    }
    return contents;
  } finally {
    await Promise.all(connections.map((connection) => connection.end()));
  }
}
