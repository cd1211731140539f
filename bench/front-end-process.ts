/**
 * A front end in a process of its own, as a peer has it, before a node that is alone: every commit is permitted at once.
 * Talks to its parent by messages.
 */
import { systemClock } from '../app/base/clock.js';
import { silentLog } from '../app/base/log.js';
import { FrontEnd } from '../app/peer/front-end/front-end.js';
import { openGate } from '../app/peer/front-end/gate.js';
import { raisePriority } from '../app/peer/priority.js';

/** What the parent tells first. */
export interface FrontEndOrder {
  readonly nodePort: number;
  readonly sessionsMax: number;
}

/** The answer. */
export interface FrontEndOpened {
  readonly port: number;
}

// As a peer does.
raisePriority(silentLog());

process.once('message', async ({ nodePort, sessionsMax }: FrontEndOrder) => {
  const frontEnd = await FrontEnd.open({
    host: '127.0.0.1',
    port: 0,
    node: { host: '127.0.0.1', port: nodePort },
    nodeNumber: 1,
    sessionsMax,
    tls: null,
    gate: openGate,
    killQuery: () => Promise.resolve(),
    clock: systemClock,
    log: silentLog(),
  });
  process.send?.({ port: frontEnd.port } satisfies FrontEndOpened);
});
process.on('disconnect', () => process.exit(0));
