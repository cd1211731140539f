/** What a fault is, and the lab that it strikes. */
import type { Clock } from '../../base/clock.js';
import type { Random } from '../../base/random.js';
import type { Admin } from '../../io/mariadb/admin.js';
import type { NodeFolder } from '../../io/mariadb/node-folder.js';
import type { Host } from '../../model/ports.js';
import type { Crowd } from '../consistency/crowd.js';
import type { NodeProcesses } from './node-processes.js';
import type { Operator } from './operator.js';

/** A lab with clients at work. */
export interface World {
  readonly nodes: readonly string[];
  readonly operator: Operator;
  readonly processes: NodeProcesses;
  readonly crowd: Crowd;
  readonly host: Host;
  readonly clock: Clock;
  /** Where what a node owns lies. */
  folderOf(node: string): NodeFolder;
  /** A connection to a node's server, past its peer. */
  admin(node: string): Promise<Admin>;
}

/** What a fault did, and what has to be true when the cluster is whole again. */
export interface Struck {
  /** "the server of db2 was killed". */
  readonly told: string;
  /** What was wrong already while the fault lasted. */
  readonly problems?: readonly string[];
  /**
   * Looks when the nodes are back.
   * @param said everything that plans, states and events said since the fault
   * @returns what is wrong
   */
  readonly after?: (said: string) => readonly string[];
}

export interface FaultKind {
  readonly name: string;
  /** How often it comes, compared with others. */
  readonly weight: number;
  /** Why it cannot be done on this machine; null when it can. */
  readonly impossible: () => Promise<string | null>;
  /** Does it and takes back what only it can take back; nodes are brought back by the operator afterwards. */
  readonly strike: (world: World, random: Random) => Promise<Struck>;
}

/** For faults that need nothing but the lab's own processes. */
export const possibleHere = async (): Promise<string | null> =>
  process.platform === 'linux'
    ? null
    : 'the processes of nodes are found through /proc, which only Linux has';
