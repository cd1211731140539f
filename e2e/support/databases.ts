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

/** Looks at the writer's last change until two looks, this long apart, see the same one. */
const quietMs = 500;
const quietBoundMs = 30_000;
const catchUpBoundSeconds = 30;

async function waitUntilQuiet(writer: Connection): Promise<string> {
  const deadlineMs = performance.now() + quietBoundMs;
  for (let before = await lastChange(writer); ; ) {
    await rowsOf(writer, `SELECT SLEEP(${quietMs / 1000})`);
    const now = await lastChange(writer);
    if (now === before) return now;
    if (performance.now() > deadlineMs) throw new Error('writes went on although none were asked for');
    before = now;
  }
}

/**
 * The tables of several nodes at one and the same change. Nobody may write meanwhile; readers may.
 * (A read lock of all tables would do without, but under hundreds of writers it takes a lock wait timeout to get.)
 * @param nodes the one that takes the writes first
 * @returns for each node, in the order given
 */
export async function contentsAtOneChange(
  labFolder: string,
  nodes: readonly NodeView[],
): Promise<TableContent[][]> {
  const connections = await Promise.all(nodes.map((node) => connect(labFolder, node)));
  const [writer, ...followers] = connections;
  if (!writer) return [];
  try {
    const position = await waitUntilQuiet(writer);
    for (const follower of followers) {
      const [waited] = await rowsOf(follower, 'SELECT MASTER_GTID_WAIT(?, ?) AS outcome', [
        position,
        catchUpBoundSeconds,
      ]);
      if (Number(waited?.outcome) !== 0) throw new Error(`a node did not reach ${position} in time`);
    }
    const contents: TableContent[][] = [];
    for (const connection of connections) contents.push(await contentOf(connection));
    const after = await lastChange(writer);
    if (after !== position) throw new Error(`somebody wrote while tables were read: ${position}, ${after}`);
    return contents;
  } finally {
    await Promise.all(connections.map((connection) => connection.end()));
  }
}
