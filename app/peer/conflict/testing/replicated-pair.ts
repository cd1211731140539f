/** Two real servers, the second a follower of the first, with the settings of a node that matter to locks. */
import { join } from 'node:path';
import { type Connection, createConnection } from 'mysql2/promise';
import { systemClock, waitFor } from '../../../base/clock.js';
import { metadataLockLines } from '../../../io/mariadb/configuration.js';
import { sequenceOf } from '../../../model/gtid.js';
import { type RealServer, startRealServer } from '../../../wire/testing/real-server.js';
import { valueAt } from '../../testing/peer-process.js';

const settings = [
  '--gtid-strict-mode=ON',
  '--log-slave-updates',
  '--relay-log=relay',
  '--skip-name-resolve',
  '--slave-parallel-threads=4',
  '--slave-parallel-mode=conservative',
  '--slave-transaction-retries=1000000',
  '--innodb-lock-wait-timeout=50',
  // The quotes are the defaults file's.
  ...metadataLockLines.map(([name, value]) => `--${name}=${String(value).replaceAll("'", '')}`),
];

export class ReplicatedPair {
  readonly #open: Connection[] = [];

  private constructor(
    readonly writer: RealServer,
    readonly follower: RealServer,
  ) {}

  /** @param port the first of two */
  static async start(port: number): Promise<ReplicatedPair> {
    const writer = await startRealServer(port, 'writer', settings);
    const follower = await startRealServer(port + 1, 'follower', [...settings, '--server-id=2']);
    const pair = new ReplicatedPair(writer, follower);
    const [source, target] = [await pair.root(writer), await pair.root(follower)];
    const position = await valueAt(source, 'SELECT @@global.gtid_binlog_pos');
    await target.query('RESET MASTER');
    await target.query('SET GLOBAL gtid_slave_pos = ?', [position]);
    await target.query(
      "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=?, MASTER_USER='app', MASTER_PASSWORD='secret', MASTER_USE_GTID=slave_pos",
      [port],
    );
    await target.query('START SLAVE');
    return pair;
  }

  /** A connection as the server's own administrator, in the schema of the tests. */
  root(server: RealServer): Promise<Connection> {
    return this.#connect({ socketPath: join(server.folder, 'socket'), user: 'root' });
  }

  /** A connection of an application. */
  application(server: RealServer): Promise<Connection> {
    return this.#connect({ host: '127.0.0.1', port: server.port, user: 'app', password: 'secret' });
  }

  async #connect(options: object): Promise<Connection> {
    const connection = await createConnection({ ...options, database: 'shop' });
    connection.on('error', () => undefined);
    this.#open.push(connection);
    return connection;
  }

  /** Waits until the follower has applied all that the writer committed before this call. */
  async caughtUp(source: Connection, target: Connection): Promise<void> {
    const wanted = sequenceOf(await valueAt(source, 'SELECT @@global.gtid_binlog_pos'));
    const reached = await waitFor(
      systemClock,
      async () =>
        sequenceOf(await valueAt(target, 'SELECT @@global.gtid_slave_pos')) >= wanted ? true : undefined,
      { everyMs: 2, timeoutMs: 20_000 },
    );
    if (!reached) throw new Error(`the follower did not reach ${wanted}`);
  }

  async stop(): Promise<void> {
    for (const connection of this.#open) connection.destroy();
    await this.follower.stop();
    await this.writer.stop();
  }
}
