/**
 * Clients of applications in a process of their own, so that nothing else delays them: each keeps one connection, reads
 * and changes rows in turn at its own pace, and repeats what was rolled back. Talks to its parent by messages.
 */
import { type Connection, createConnection } from 'mysql2/promise';
import { delay, systemClock } from '../app/base/clock.js';
import { messageOf } from '../app/base/errors.js';
import { seededRandom } from '../app/base/random.js';
import { errorOf } from '../app/lab/load/sql-errors.js';
import { machineMs } from './machine-clock.js';
import type { SysbenchTarget } from './sysbench.js';

/** What the process is told first. */
export interface ClientOrder extends SysbenchTarget {
  readonly clients: number;
  /** How long a client waits on average between two transactions. */
  readonly pauseMs: number;
  /** Rows that are read and changed: 1 to this number. */
  readonly rows: number;
  /** A statement that reads the row `?`, and one that changes it. */
  readonly read: string;
  readonly change: string;
}

/** What it is asked then. */
export type ClientRequest = { readonly kind: 'run'; readonly on: boolean } | { readonly kind: 'report' };

/**
 * One acknowledged transaction: index of the address, 1 for a change, 1 when its session was opened for it (the one before
 * was lost), begin and end.
 */
export type Done = readonly [place: number, change: 0 | 1, moved: 0 | 1, beganMs: number, endedMs: number];

/** What happened since the report before; the two counts of changes since the beginning. */
export interface ClientsReport {
  readonly done: readonly Done[];
  /** Errors that clients got, by number (or text where there is none). */
  readonly trouble: readonly (readonly [string, number])[];
  readonly acknowledged: number;
  /** Changes whose connection was lost before the answer. */
  readonly unknown: number;
}

const connectTimeoutMs = 2_000;
const retryAfterMs = 10;
/** Deadlock, lock wait timeout, changed since read: an application begins its transaction again. */
const retriedErrors = new Set([1213, 1205, 1020]);

/** What happened since the last report. */
let done: Done[] = [];
const trouble = new Map<string, number>();
let acknowledged = 0;
let unknown = 0;
let running = false;

const random = seededRandom(1);

class Client {
  #connection: Connection | null = null;
  /** The address that it uses now, which may not be its own while that one does not answer. */
  #place: number;
  #home: number;

  constructor(
    private readonly order: ClientOrder,
    number: number,
  ) {
    this.#home = number % order.ports.length;
    this.#place = this.#home;
  }

  async run(): Promise<never> {
    for (let turn = 0; ; turn++) {
      await delay(systemClock, this.order.pauseMs * (0.5 + random.next()));
      if (running) await this.#transaction(turn % 2 === 0);
    }
  }

  /** Goes back to its own address. */
  goHome(): void {
    if (this.#place === this.#home) return;
    this.#place = this.#home;
    this.#drop();
  }

  async #transaction(writes: boolean): Promise<void> {
    const beganMs = machineMs();
    const row = 1 + Math.floor(random.next() * this.order.rows);
    const lost = this.#connection === null;
    for (let moved = lost; ; ) {
      let sent = false;
      try {
        const connection = await this.#connected();
        sent = true;
        const statement = writes ? this.order.change : this.order.read;
        await connection.query(statement, [row]);
        if (writes) acknowledged++;
        done.push([this.#place, writes ? 1 : 0, moved ? 1 : 0, beganMs, machineMs()]);
        return;
      } catch (thrown) {
        const { errno, fatal } = errorOf(thrown);
        const words = `${errno || messageOf(thrown)}`;
        trouble.set(words, (trouble.get(words) ?? 0) + 1);
        if (retriedErrors.has(errno) && !fatal) continue;
        // The change may have been made: whoever counts must know.
        if (writes && sent) unknown++;
        this.#drop();
        moved = true;
        this.#place = (this.#place + 1) % this.order.ports.length;
        await delay(systemClock, retryAfterMs);
      }
    }
  }

  #drop(): void {
    this.#connection?.destroy();
    this.#connection = null;
  }

  async #connected(): Promise<Connection> {
    if (this.#connection) return this.#connection;
    const { ports, user, password, database } = this.order;
    const port = ports[this.#place] ?? 0;
    const login = { user, password, database, connectTimeout: connectTimeoutMs };
    const connection = await createConnection({ host: '127.0.0.1', port, ...login });
    // Told to the statement that runs, too; without a listener it would end the process.
    connection.on('error', () => {
      if (this.#connection === connection) this.#drop();
    });
    this.#connection = connection;
    return connection;
  }
}

process.once('message', (order: ClientOrder) => {
  const clients = Array.from({ length: order.clients }, (_, number) => new Client(order, number));
  for (const client of clients) void client.run();
  process.on('message', (request: ClientRequest) => {
    if (request.kind === 'run') {
      running = request.on;
      if (request.on) for (const client of clients) client.goHome();
      return;
    }
    const report: ClientsReport = { done, trouble: [...trouble], acknowledged, unknown };
    process.send?.(report);
    done = [];
    trouble.clear();
  });
});
process.on('disconnect', () => process.exit(0));
