/** Three real peers with real servers whose commits the token orders, for integration tests. */
import { type Connection, createConnection } from 'mysql2/promise';
import { systemClock, waitFor } from '../../../base/clock.js';
import { randomHex } from '../../../base/random.js';
import type { RingPeerSettings, RingView } from '../../../contract/control.js';
import { type TestPeer, TestPeers } from '../../testing/peer-process.js';

export interface OrderedClusterOptions {
  readonly nodes: number;
  /** SQL, ring and front-end ports are taken from here, a hundred apart. */
  readonly firstPort: number;
  readonly timings?: RingPeerSettings['timings'];
}

export class OrderedCluster {
  readonly peers: TestPeer[] = [];
  readonly #processes = new TestPeers();
  readonly #options: OrderedClusterOptions;
  readonly #key = randomHex(32);
  readonly #connections: Connection[] = [];

  private constructor(options: OrderedClusterOptions) {
    this.#options = options;
  }

  /** Starts all nodes with equal, empty databases, and waits for a view of all. */
  static async start(options: OrderedClusterOptions): Promise<OrderedCluster> {
    const cluster = new OrderedCluster(options);
    const numbers = Array.from({ length: options.nodes }, (_, index) => index + 1);
    try {
      await Promise.all(numbers.map((number) => cluster.startPeer(number)));
      await Promise.all(
        numbers.map(async (number) => {
          await cluster.peer(number).control.call('server.initialise', {});
          await cluster.peer(number).control.call('server.start', {});
          await cluster.peer(number).control.call('ring.serve', {});
        }),
      );
      await cluster.agreed(numbers);
      for (const number of numbers) await cluster.takesSessions(number);
      return cluster;
    } catch (thrown) {
      await cluster.end();
      throw thrown;
    }
  }

  peer(number: number): TestPeer {
    const peer = this.peers[number - 1];
    if (!peer) throw new Error(`no peer ${number}`);
    return peer;
  }

  /** Starts the process of a peer, the first time or again. */
  async startPeer(number: number): Promise<void> {
    const { nodes, firstPort, timings } = this.#options;
    const numbers = Array.from({ length: nodes }, (_, index) => index + 1);
    this.peers[number - 1] = await this.#processes.start(number, {
      sql: this.#sql(number),
      frontEnd: { host: '127.0.0.1', port: firstPort + 200 + number, sessionsMax: 1_000 },
      ring: {
        cluster: 'test',
        member: number,
        data: 'server',
        key: this.#key,
        members: numbers.map((member) => ({
          member,
          node: `db${member}`,
          addresses: [{ host: '127.0.0.1', port: firstPort + 100 + member }, null],
          sql: this.#sql(member),
        })),
        founders: numbers.map((member) => ({ member, life: member, arbiter: false })),
        timings: timings ?? { expelAfterMs: 250, probeAfterMs: 10 },
      },
    });
  }

  /** A connection through a node's front end. */
  async connect(number: number): Promise<Connection> {
    const { application, frontEnd } = this.peer(number).settings;
    const connection = await createConnection({
      host: '127.0.0.1',
      port: frontEnd?.port ?? 0,
      ...application,
      supportBigNumbers: true,
    });
    connection.on('error', () => undefined);
    this.#connections.push(connection);
    return connection;
  }

  /** Waits until a node takes sessions: it follows its predecessor, and its queue is open. */
  async takesSessions(number: number): Promise<void> {
    const probe = () => this.connect(number).catch(() => undefined);
    if (!(await waitFor(systemClock, probe, { everyMs: 50, timeoutMs: 20_000 })))
      throw new Error(`db${number} takes no sessions`);
  }

  /** A connection to a node's server itself, for looking. */
  async direct(number: number): Promise<Connection> {
    const connection = await this.#processes.application(this.peer(number));
    return connection;
  }

  async view(number: number): Promise<RingView | null> {
    const { ring } = await this.peer(number).control.call('peer.status', {});
    return ring?.view ?? null;
  }

  /** Waits until these nodes, and nobody else, are in one view. */
  async agreed(numbers: readonly number[], timeoutMs = 20_000): Promise<RingView> {
    const found = await waitFor(
      systemClock,
      async () => {
        const views = await Promise.all(numbers.map((number) => this.view(number)));
        const [first] = views;
        if (!first || first.members.map(({ member }) => member).join() !== numbers.join()) return undefined;
        return views.every((view) => view?.ringId === first.ringId) ? first : undefined;
      },
      { everyMs: 20, timeoutMs },
    );
    if (!found) throw new Error(`no view of ${numbers.join(' ')} within ${timeoutMs} ms`);
    return found;
  }

  #sql(number: number) {
    return { host: '127.0.0.1', port: this.#options.firstPort + number };
  }

  async end(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await this.#processes.end();
  }
}
