/** The front ends of the other nodes, as places where sessions of this one can go on. */
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { SqlAddress } from '../../contract/control.js';
import type { Admin } from '../../io/mariadb/admin.js';
import { readPasswordHashes } from '../../io/mariadb/password-hashes.js';
import { openGate } from '../front-end/gate.js';
import { type Elsewhere, type NodeAddress, type Seat, sameNode } from '../front-end/seat.js';

export class OtherFrontEnds implements Elsewhere {
  readonly #connect: () => Promise<Admin>;
  readonly #log: Log;
  #seats: readonly Seat[] = [];
  /** As the own server said last: when it is lost, it can no longer be asked. */
  #hashes: ReadonlyMap<string, readonly Buffer[]> = new Map();

  /** @param connect opens a connection to the own server, with all privileges */
  constructor(connect: () => Promise<Admin>, log: Log) {
    this.#connect = connect;
    this.#log = log;
  }

  /** Those that take sessions now. */
  set(addresses: readonly SqlAddress[]): void {
    this.#seats = addresses.map((node) => ({
      node,
      // The other front end has the gate, and is the one that is asked to roll a session back.
      gate: openGate,
      killQuery: () => Promise.resolve(),
    }));
  }

  get all(): readonly Seat[] {
    return this.#seats;
  }

  seats(lost: NodeAddress): readonly Seat[] {
    return this.#seats.filter(({ node }) => !sameNode(node, lost));
  }

  async passwordHashes(_node: NodeAddress, user: string): Promise<readonly Buffer[]> {
    const known = this.#hashes.get(user);
    if (known) return known;
    // Accounts are the same on all nodes.
    await this.learnAccounts();
    return this.#hashes.get(user) ?? [];
  }

  /** Asks the own server over a connection that is there. */
  async learnFrom(admin: Admin): Promise<void> {
    this.#hashes = await readPasswordHashes(admin);
  }

  /** Asks the own server again. A failure is logged: then what it said before stands. */
  async learnAccounts(): Promise<void> {
    try {
      const admin = await this.#connect();
      try {
        await this.learnFrom(admin);
      } finally {
        await admin.close();
      }
    } catch (thrown) {
      this.#log.info({ cause: messageOf(thrown) }, 'the accounts were not read');
    }
  }
}
