/**
 * A small model of a MariaDB server: a log of changes, what of it is applied, whom it follows. Positions are sequence
 * numbers, changes are identities that the checkers compare; what the binlog sends on is what was applied.
 */

export interface Server {
  up: boolean;
  /** Received changes, in order: relay log and binlog together. `log[n - 1]` is the identity of change n. */
  log: number[];
  applied: number;
  /** Everything below survives the loss of the host's memory. */
  synced: number;
  /** Whom it follows and how far; null when it stopped receiving. */
  follows: { readonly from: number; readonly upTo: number } | null;
  /** Changes with every re-pointing: what was under way from before is dropped. */
  epoch: number;
  applying: boolean;
}

export const newServer = (): Server => ({
  up: true,
  log: [],
  applied: 0,
  synced: 0,
  follows: null,
  epoch: 0,
  applying: false,
});

/** Do two servers agree as far as both go? Logs of one history are prefixes of each other. */
export function agree(one: Server, other: Server): boolean {
  const shorter = Math.min(one.log.length, other.log.length);
  return shorter === 0 || one.log[shorter - 1] === other.log[shorter - 1];
}

/**
 * Takes over what `from` has applied and `to` lacks, up to `upTo`.
 * @returns how many changes arrived
 */
export function replicate(from: Server, to: Server, upTo: number): number {
  const end = Math.min(from.applied, upTo);
  const count = end - to.log.length;
  for (let index = to.log.length; index < end; index++) to.log.push(from.log[index] as number);
  return Math.max(0, count);
}

/** The host lost its memory: the log ends somewhere between what was synced and what there was. */
export function loseTail(server: Server, keep: number): number[] {
  const kept = Math.max(server.synced, Math.min(keep, server.log.length));
  const lost = server.log.slice(kept);
  server.log.length = kept;
  server.applied = Math.min(server.applied, kept);
  return lost;
}
