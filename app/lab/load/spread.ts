/** Where sessions belong: least connections for a new one, and a few moves at a time when a node was added. */

/** Sessions per server, by address key. */
export type SessionCounts = ReadonlyMap<string, number>;

/**
 * The server with the fewest sessions; the first of them in the order of `servers`.
 * @returns undefined when there is no server
 */
export function leastLoaded(servers: readonly string[], counts: SessionCounts): string | undefined {
  let best: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const server of servers) {
    const count = counts.get(server) ?? 0;
    if (count < fewest) {
      best = server;
      fewest = count;
    }
  }
  return best;
}

/** One session that should leave `from`; it then goes where the fewest are. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

/**
 * The next moves toward an even spread, `movesMax` at most. Even means that no two servers differ by more than one
 * session, so a spread that is even yields no moves and sessions do not wander.
 */
export function evenOut(servers: readonly string[], counts: SessionCounts, movesMax: number): Move[] {
  const planned = new Map(servers.map((server) => [server, counts.get(server) ?? 0]));
  const moves: Move[] = [];
  while (moves.length < movesMax) {
    const byLoad = [...planned].sort((left, right) => left[1] - right[1]);
    const fewest = byLoad[0];
    const most = byLoad[byLoad.length - 1];
    if (!fewest || !most || most[1] - fewest[1] <= 1) break;
    planned.set(most[0], most[1] - 1);
    planned.set(fewest[0], fewest[1] + 1);
    moves.push({ from: most[0], to: fewest[0] });
  }
  return moves;
}
