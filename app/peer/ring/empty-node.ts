/** A member without a database: an arbiter, or a member of a ring that orders control messages alone. */
import type { RingEvent } from '../../ring/model.js';
import type { RingNode, Standing } from './ring-node.js';

const nothing: Standing = { received: 0, applied: 0 };

/** @param handle takes what the node has to say */
export function emptyNode(handle: (event: RingEvent) => void): RingNode {
  const ignore = (): void => undefined;
  return {
    standing: nothing,
    ready: true,
    serverChanged: async (up) => {
      handle({ kind: 'position', ...nothing });
      handle({ kind: 'server', up, tailCertain: true });
    },
    read: async () => nothing,
    // Answers come behind the step that asked.
    fence: (fence) => handle({ kind: 'fenced', fence, ...nothing }),
    fetch: (_from, upTo) => handle({ kind: 'position', received: upTo, applied: upTo }),
    begin: ignore,
    outside: ignore,
    commit: (ringId, after) => handle({ kind: 'committed', ringId, upTo: after, waiting: 0 }),
    acknowledge: ignore,
    safe: ignore,
    ordered: ignore,
    othersWant: ignore,
    close: ignore,
  };
}
