/** Keeping up with a cluster: the window and the command line build each snapshot from the one before. */
import type { ClusterSnapshot } from '../model/cluster.js';
import type { SnapshotUpdate } from './window.js';

/**
 * The snapshot after an update; the same one when the update is older.
 * @returns null when updates were missed: the cluster must be opened again
 */
export function applyUpdate(snapshot: ClusterSnapshot, update: SnapshotUpdate): ClusterSnapshot | null {
  // A coordinator that began anew counts from one, and says so by an update that fits on no snapshot.
  if (update.since < 0) return null;
  if (update.version <= snapshot.version) return snapshot;
  if (update.since !== snapshot.version) return null;
  return { ...snapshot, ...update.changes, version: update.version };
}
