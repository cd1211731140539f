/** What an error means for an application: try again here, try again elsewhere, or give up. */

/**
 * - `again`: rolled back by the server; the same transaction may succeed on the same connection.
 * - `elsewhere`: the connection or the server is gone, and nothing was committed.
 * - `unknown`: the connection is gone and COMMIT had been sent.
 * - `final`: the same statement would fail again.
 */
export type Verdict = 'again' | 'elsewhere' | 'unknown' | 'final';

/** MariaDB errors after which an application repeats its transaction on the same connection. */
const againErrors = new Set([
  1020, // ER_CHECKREAD: the row changed since the snapshot (innodb_snapshot_isolation)
  1205, // ER_LOCK_WAIT_TIMEOUT
  1213, // ER_LOCK_DEADLOCK
  1290, // ER_OPTION_PREVENTS_STATEMENT: the server has become read-only
  1317, // ER_QUERY_INTERRUPTED
  1792, // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
]);
/** Of these the ones that always mean a transaction that is gone. */
const rolledBackErrors = new Set([1020, 1205, 1213]);
/** MariaDB errors with which a server says goodbye. */
const goneErrors = new Set([
  1040, // ER_CON_COUNT_ERROR
  1047, // ER_UNKNOWN_COM_ERROR: "not ready", in clusters
  1053, // ER_SERVER_SHUTDOWN
  1079, // ER_SHUTDOWN_COMPLETE
  1152, // ER_ABORTING_CONNECTION
  1158, // ER_NET_READ_ERROR
  1159, // ER_NET_READ_INTERRUPTED
  1160, // ER_NET_ERROR_ON_WRITE
  1161, // ER_NET_WRITE_INTERRUPTED
  1184, // ER_NEW_ABORTING_CONNECTION
  1927, // ER_CONNECTION_KILLED
]);

/** What whatever mysql2 or a socket threw says of itself: its number (0 for none), and whether the connection is gone. */
export function errorOf(error: unknown): { errno: number; fatal: boolean } {
  if (error === null || typeof error !== 'object') return { errno: 0, fatal: false };
  const errno = 'errno' in error && typeof error.errno === 'number' ? error.errno : 0;
  const fatal = 'fatal' in error && error.fatal === true;
  // System errors (ECONNRESET, EPIPE) have negative numbers.
  return { errno, fatal: fatal || errno < 0 };
}

/**
 * @param error what a statement rejected with
 * @param commitSent whether COMMIT had been sent when it happened
 * @param lost whether the connection is unusable now
 */
export function verdictOf(error: unknown, commitSent: boolean, lost: boolean): Verdict {
  const { errno, fatal } = errorOf(error);
  // The server said that nothing was committed, even if it closes the connection then.
  if (lost && rolledBackErrors.has(errno)) return 'elsewhere';
  if (againErrors.has(errno) && !lost) return 'again';
  if (lost || fatal || goneErrors.has(errno)) return commitSent ? 'unknown' : 'elsewhere';
  return 'final';
}

/** Has the server become read-only? Then another writer will be named soon. */
export const isReadOnlyError = (error: unknown): boolean => errorOf(error).errno === 1290;
