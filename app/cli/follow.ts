/** Keeps up with the cluster of a console: one whole snapshot, then versioned updates, and again after a gap. */
import type { Clock } from '../base/clock.js';
import { applyUpdate } from '../contract/apply-update.js';
import type { SnapshotUpdate } from '../contract/window.js';
import type { ConsoleClient } from '../io/console/client.js';
import type { ClusterSnapshot } from '../model/cluster.js';

/** A console that says nothing for this long is asked whether it is there; metrics come every second. */
const silenceMs = 5_000;

export interface FollowOptions {
  readonly clock: Clock;
  /** Ends following; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * Shows `look` the snapshot, now and after each change, until it answers something other than undefined.
 * @returns that answer
 * @throws RingmasterError `console.lost`, `coordinator.silent`; the reason of the signal; what `look` throws
 */
export async function followCluster<T>(
  client: ConsoleClient,
  look: (snapshot: ClusterSnapshot) => T | undefined,
  { clock, signal }: FollowOptions,
): Promise<T> {
  const endings: (() => void)[] = [];
  const following = new Promise<T>((resolve, reject) => {
    let snapshot: ClusterSnapshot | null = null;
    let heard = true;
    let opening = false;
    let early: SnapshotUpdate[] = [];
    const show = (next: ClusterSnapshot) => {
      if (next === snapshot) return;
      snapshot = next;
      try {
        const answer = look(next);
        if (answer !== undefined) resolve(answer);
      } catch (thrown) {
        reject(thrown);
      }
    };
    const take = (update: SnapshotUpdate) => {
      if (opening || !snapshot) {
        early.push(update);
        return;
      }
      const next = applyUpdate(snapshot, update);
      if (next) show(next);
      else open();
    };
    const open = () => {
      if (opening) return;
      opening = true;
      early = [];
      client.request('cluster.open', {}).then((opened) => {
        opening = false;
        show(opened.snapshot);
        for (const update of early.splice(0)) take(update);
      }, reject);
    };
    const cancel = () => reject(signal?.reason);
    signal?.addEventListener('abort', cancel, { once: true });
    const watchdog = clock.every(silenceMs, () => {
      if (!heard) open();
      heard = false;
    });
    endings.push(
      client.onLost(reject),
      client.onPush('cluster.updated', (update) => {
        heard = true;
        take(update);
      }),
      client.onPush('metrics.appended', () => {
        heard = true;
      }),
      () => watchdog.cancel(),
      () => signal?.removeEventListener('abort', cancel),
    );
    if (signal?.aborted) cancel();
    else open();
  });
  try {
    return await following;
  } finally {
    for (const end of endings) end();
  }
}
