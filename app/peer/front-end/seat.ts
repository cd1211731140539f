/** Where sessions live: a node, and what a session asks for about it. */
import type { CommitGate } from './gate.js';

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

export interface Seat {
  readonly node: NodeAddress;
  readonly gate: CommitGate;
  /** Interrupts the running statement of a connection of the node. */
  readonly killQuery: (backendId: number) => Promise<void>;
}

/** What is needed to move sessions between nodes. */
export interface Elsewhere {
  /** Where sessions of a node that is lost may go on, best first; none when there is nowhere. */
  seats(lost: NodeAddress): readonly Seat[];
  /**
   * SHA1(SHA1(password)), as the node keeps it, of every account of this name that logs in by mysql_native_password.
   * Kept in memory only, and only while sessions move.
   */
  passwordHashes(node: NodeAddress, user: string): Promise<readonly Buffer[]>;
}

export const sameNode = (one: NodeAddress, other: NodeAddress): boolean =>
  one.host === other.host && one.port === other.port;
