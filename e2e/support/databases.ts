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

/** How long reading at an undisturbed moment is tried: sessions that wrote already when writes ended finish meanwhile. */
const quietBoundMs = 60_000;
const catchUpBoundSeconds = 30;

/**
 * Reads every node's tables, once each node has applied what the writer had committed.
 * @returns null when somebody wrote meanwhile: the nodes were then read at different changes
 */
async function readUndisturbed(
  writer: Connection,
  followers: readonly Connection[],
): Promise<TableContent[][] | null> {
  const position = await lastChange(writer);
  for (const follower of followers) {
    const [waited] = await rowsOf(follower, 'SELECT MASTER_GTID_WAIT(?, ?) AS outcome', [
      position,
      catchUpBoundSeconds,
    ]);
    if (Number(waited?.outcome) !== 0) throw new Error(`a node did not reach ${position} in time`);
  }
  const contents: TableContent[][] = [];
  for (const connection of [writer, ...followers]) contents.push(await contentOf(connection));
  return (await lastChange(writer)) === position ? contents : null;
}

/**
 * The tables of several nodes at one and the same change. Nobody may begin to write meanwhile; readers may.
 * (A read lock of all tables would do without, but under hundreds of writers it takes a lock wait timeout to get. A
 * pause between two changes tells nothing either: a throttled server commits nothing for a second, then a hundred at
 * once. So what counts is that no change came while the tables were read.)
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
  const deadlineMs = performance.now() + quietBoundMs;
  try {
    while (performance.now() < deadlineMs) {
      const contents = await readUndisturbed(writer, followers);
      if (contents) return contents;
    }
    throw new Error('writes went on although none were asked for');
  } finally {
    await Promise.all(connections.map((connection) => connection.end()));
  }
}
