/** The servers of the lab as an administrator sees them, over SQL and not through the console. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise';
import type { NodeView } from '../../app/model/cluster.js';

const applicationDatabase = 'bank';

interface Account {
  readonly user: string;
  readonly password: string;
}

async function accountOf(labFolder: string, name: 'admin' | 'application'): Promise<Account> {
  const accounts = JSON.parse(await readFile(join(labFolder, 'accounts.json'), 'utf8')) as Record<
    string,
    Account
  >;
  const account = accounts[name];
  if (!account) throw new Error(`the lab has no account ${name}`);
  return account;
}

async function connect(labFolder: string, node: NodeView): Promise<Connection> {
  const { user, password } = await accountOf(labFolder, 'admin');
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

/** Changes one row of a node alone, as nobody should: around the cluster, and without a trace in the binlog. */
export async function tamperWith(labFolder: string, node: NodeView, statement: string): Promise<void> {
  const connection = await connect(labFolder, node);
  try {
    await connection.query('SET SESSION sql_log_bin = 0');
    await connection.query(statement);
  } finally {
    await connection.end();
  }
}

/** A session of an application, as its own side knows it. */
export interface ClientSession {
  /** Its own address and port: "127.0.0.1:45312". */
  readonly address: string;
  /** Port of the server that it reached, as the server itself says. */
  readonly serverPort: number;
  end(): Promise<void>;
}

/** Opens a session at the address for applications, as an application does. */
export async function openSession(labFolder: string, frontEndPort: number): Promise<ClientSession> {
  const { user, password } = await accountOf(labFolder, 'application');
  const socket = connectSocket(frontEndPort, '127.0.0.1');
  const connection = await mysql.createConnection({ stream: socket, user, password });
  const [row] = await rowsOf(connection, 'SELECT @@port AS port');
  return {
    address: `127.0.0.1:${socket.localPort}`,
    serverPort: Number(row?.port),
    end: () => connection.end(),
  };
}

const agreeingReadings = 5;

/** One table at one moment. */
export interface TableContent {
  readonly table: string;
  readonly rows: number;
  readonly checksum: string;
}

/**
 * All tables as one snapshot sees them, and the change that the snapshot ends with. A change in the binlog would not do
 * for a position: it stands there before its own engine has committed it.
 */
async function contentOf(connection: Connection): Promise<{ position: string; tables: TableContent[] }> {
  await rowsOf(connection, 'START TRANSACTION WITH CONSISTENT SNAPSHOT');
  const place = await snapshotPlace(connection);
  const [gtid] = await rowsOf(connection, 'SELECT BINLOG_GTID_POS(?, ?) AS position', [
    place.get('Binlog_snapshot_file') ?? '',
    Number(place.get('Binlog_snapshot_position')),
  ]);
  const names = await rowsOf(
    connection,
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = ? AND table_type = 'BASE TABLE' ORDER BY 1`,
    [applicationDatabase],
  );
  const tables: TableContent[] = [];
  for (const { name } of names) {
    const [count] = await rowsOf(
      connection,
      `SELECT COUNT(*) AS number FROM ${applicationDatabase}.\`${name}\``,
    );
    const [sum] = await rowsOf(connection, `CHECKSUM TABLE ${applicationDatabase}.\`${name}\` EXTENDED`);
    tables.push({ table: String(name), rows: Number(count?.number), checksum: String(sum?.Checksum) });
  }
  await connection.commit();
  return { position: String(gtid?.position), tables };
}

/**
 * The place in the binlog that belongs to the open snapshot. Somebody else's SHOW STATUS at the same moment can put its own
 * answer into ours: what several readings in a row say is ours.
 */
async function snapshotPlace(connection: Connection): Promise<ReadonlyMap<string, string>> {
  for (let agreeing = 0, before = ''; ; ) {
    const status = await rowsOf(connection, "SHOW STATUS LIKE 'Binlog\\_snapshot\\_%'");
    const said = JSON.stringify(status);
    agreeing = said === before ? agreeing + 1 : 1;
    before = said;
    if (agreeing === agreeingReadings)
      return new Map(status.map((row) => [String(row.Variable_name), String(row.Value)]));
  }
}

/** How long a moment at which all nodes stand at one change is waited for: sessions that wrote finish meanwhile. */
const quietBoundMs = 60_000;

/**
 * The tables of several nodes at one and the same change. Nobody may begin to write meanwhile; readers may.
 * (A read lock of all tables would do without, but under hundreds of writers it takes a lock wait timeout to get. A
 * pause between two changes tells nothing: a throttled server commits nothing for a second, then a hundred at once.)
 * @returns for each node, in the order given
 */
export async function contentsAtOneChange(
  labFolder: string,
  nodes: readonly NodeView[],
): Promise<TableContent[][]> {
  const connections = await Promise.all(nodes.map((node) => connect(labFolder, node)));
  const deadlineMs = performance.now() + quietBoundMs;
  try {
    let positions: string[] = [];
    while (performance.now() < deadlineMs) {
      const contents = await Promise.all(connections.map(contentOf));
      positions = contents.map(({ position }) => position);
      if (new Set(positions).size === 1) return contents.map(({ tables }) => tables);
    }
    throw new Error(`the nodes do not come to stand at one change: ${positions.join(', ')}`);
  } finally {
    await Promise.all(connections.map((connection) => connection.end()));
  }
}

/**
 * Takes from these servers the binlogs that reach back: whoever was away needs a full copy then. Nothing of it enters
 * the binlogs themselves. A log that a follower still reads stays; it moves on with the next change.
 */
export async function forgetBinlogs(labFolder: string, nodes: readonly NodeView[]): Promise<void> {
  const deadlineMs = performance.now() + quietBoundMs;
  for (const node of nodes) {
    const connection = await connect(labFolder, node);
    await rowsOf(connection, 'FLUSH NO_WRITE_TO_BINLOG BINARY LOGS');
    for (;;) {
      const logs = await rowsOf(connection, 'SHOW BINARY LOGS');
      if (logs.length === 1) break;
      if (performance.now() > deadlineMs) throw new Error(`${node.name} keeps ${logs.length} binlogs`);
      await rowsOf(connection, 'PURGE BINARY LOGS TO ?', [String(logs.at(-1)?.Log_name)]);
    }
    await connection.end();
  }
}
