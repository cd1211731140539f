/** Our own SQL connection to a node's server. */
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { messageOf, RingmasterError } from '../../base/errors.js';
import type { PeerSettings, SqlAddress } from '../../contract/control.js';
import type { NodeFolder } from './node-folder.js';

/** One row; numbers that do not fit a double are texts. */
export type Row = Readonly<Record<string, string | number | null>>;

/** Statements are quoted in errors up to this length. */
const statementLengthMax = 80;
const connectTimeoutMs = 5_000;

const isSqlError = (
  thrown: unknown,
): thrown is Error & { errno: number; sqlMessage?: string; code?: string } =>
  thrown instanceof Error && 'errno' in thrown && typeof thrown.errno === 'number';

/** The server's error number behind an error, if it came from a server. */
export const sqlErrorNumber = (thrown: unknown): number | undefined =>
  thrown instanceof RingmasterError && typeof thrown.data.errorNumber === 'number'
    ? thrown.data.errorNumber
    : undefined;

export class Admin {
  readonly #connection: Connection;
  readonly #node: string;
  #lost = false;

  private constructor(node: string, connection: Connection) {
    this.#node = node;
    this.#connection = connection;
    // Without a listener a lost connection would end the process; whoever asks next gets the error.
    connection.on('error', () => {
      this.#lost = true;
    });
    connection.on('end', () => {
      this.#lost = true;
    });
  }

  /** Connects to this node's server over its local socket. @throws server.not-running when nobody answers. */
  static async local(settings: PeerSettings, folder: NodeFolder): Promise<Admin> {
    return Admin.#connect(settings.node, { socketPath: folder.socket, ...settings.admin });
  }

  /** Connects to a server over its local socket, by whoever knows an account of it. @throws server.not-running */
  static async atSocket(
    name: string,
    socketPath: string,
    account: PeerSettings['replication'],
  ): Promise<Admin> {
    return Admin.#connect(name, { socketPath, ...account });
  }

  /** Connects to a neighbour with the account that replicates. */
  static async neighbour(
    name: string,
    address: SqlAddress,
    account: PeerSettings['replication'],
  ): Promise<Admin> {
    return Admin.#connect(name, { ...address, ...account });
  }

  static async #connect(
    node: string,
    options: { user: string; password: string; socketPath?: string; host?: string; port?: number },
  ): Promise<Admin> {
    try {
      const connection = await createConnection({
        ...options,
        connectTimeout: connectTimeoutMs,
        supportBigNumbers: true,
        bigNumberStrings: false,
        dateStrings: true,
        charset: 'utf8mb4',
      });
      return new Admin(node, connection);
    } catch (thrown) {
      // 1045, 1040 and the like come from a server that runs; everything else is no server.
      if (isSqlError(thrown) && thrown.errno > 1000) throw queryFailed(node, 'CONNECT', thrown);
      throw new RingmasterError('server.not-running', { node }, { cause: thrown });
    }
  }

  /** The server's number of this connection, for KILL. */
  get threadId(): number {
    return this.#connection.threadId;
  }

  get lost(): boolean {
    return this.#lost;
  }

  /** Calls `listener` when the connection is lost without close(). */
  onLost(listener: () => void): void {
    this.#connection.on('error', listener);
    this.#connection.on('end', listener);
  }

  /**
   * Runs one statement. Values are filled in for `?` by the driver.
   * @throws server.query-failed with the server's error number, or server.not-running when the connection is lost.
   */
  async query(statement: string, values: readonly (string | number)[] = []): Promise<readonly Row[]> {
    try {
      const [rows] = await this.#connection.query<RowDataPacket[]>(statement, [...values]);
      return Array.isArray(rows) ? rows : [];
    } catch (thrown) {
      if (isSqlError(thrown) && thrown.errno > 0) throw queryFailed(this.#node, statement, thrown);
      this.#lost = true;
      throw new RingmasterError('server.not-running', { node: this.#node }, { cause: thrown });
    }
  }

  /** The first row. @throws RingmasterError defect when there is none. */
  async one(statement: string, values: readonly (string | number)[] = []): Promise<Row> {
    const [row] = await this.query(statement, values);
    if (!row)
      throw new RingmasterError('defect', { cause: `no row from ${statement.slice(0, statementLengthMax)}` });
    return row;
  }

  async close(): Promise<void> {
    // After a lost connection there is nobody to say goodbye to.
    await this.#connection.end().catch(() => this.#connection.destroy());
  }

  /** Breaks the connection off, even in the middle of a statement. */
  destroy(): void {
    this.#lost = true;
    this.#connection.destroy();
  }
}

function queryFailed(
  node: string,
  statement: string,
  error: Error & { errno: number; sqlMessage?: string },
): RingmasterError {
  // A password must not reach a log: what follows PASSWORD is left out.
  const shown = statement.replace(/PASSWORD\s*=?\s*('(?:[^'\\]|\\.)*'|\?)/gi, 'PASSWORD=…');
  return new RingmasterError(
    'server.query-failed',
    {
      node,
      errorNumber: error.errno,
      message: error.sqlMessage ?? messageOf(error),
      statement: shown.length > statementLengthMax ? `${shown.slice(0, statementLengthMax)}…` : shown,
    },
    { cause: error },
  );
}

/** A column as text; empty for NULL and for a column that is not there. */
export const textOf = (row: Row, column: string): string => {
  const value = row[column];
  return value === null || value === undefined ? '' : String(value);
};

/** A column as a number; null for NULL and for what is not a number. */
export const numberOf = (row: Row, column: string): number | null => {
  const value = row[column];
  if (value === null || value === undefined || value === '') return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
};
