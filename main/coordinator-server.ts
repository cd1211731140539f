/**
 * The coordinator's end of the line to the main process: answers requests from a lab's handlers and passes its
 * pushes on. Knows neither Electron nor how a lab is made, so that tests run it on an in-memory line.
 */
import { type RingmasterError, toRingmasterError } from '../app/base/errors.js';
import type { Log } from '../app/base/log.js';
import type {
  NamedPush,
  PushName,
  RequestHandlers,
  RequestName,
  WindowPushes,
} from '../app/contract/window.js';
import { callHandler, envelopeOf } from '../app/coordinator/gate/answer.js';
import type { ClusterSnapshot } from '../app/model/cluster.js';
import { defaultRecovery } from '../app/model/recovery.js';
import type { FromCoordinator, MessageLine, ToCoordinator } from './coordinator-messages.js';

/** What is served: a lab, or anything else that answers the contract. */
export interface ServedCluster {
  readonly handlers: RequestHandlers;
  onPush(listener: <Name extends PushName>(name: Name, push: WindowPushes[Name]) => void): () => void;
  close(): Promise<void>;
}

/** The snapshot of a cluster that could not be opened: nothing in it but the reason. */
const problemSnapshot = (problem: RingmasterError): ClusterSnapshot => ({
  version: 0,
  name: 'lab',
  kind: 'lab',
  nodes: [],
  ring: [],
  token: null,
  frontEnd: null,
  load: null,
  plan: null,
  series: null,
  recovery: { ...defaultRecovery, outlook: [] },
  verification: null,
  verifiesJoins: true,
  events: [],
  processorNote: '',
  startingUp: null,
  problem: problem.view(),
});

type Opened =
  | { readonly kind: 'serving'; readonly cluster: ServedCluster }
  | { readonly kind: 'failed'; readonly problem: RingmasterError };

async function answer(opened: Opened, name: RequestName, payload: unknown, by: string): Promise<unknown> {
  if (opened.kind === 'failed') {
    if (name === 'cluster.open') return { snapshot: problemSnapshot(opened.problem), metrics: [] };
    throw opened.problem;
  }
  // The gate of the main process has parsed the payload.
  return callHandler(opened.cluster.handlers, name, payload, by);
}

/**
 * Opens the cluster and serves it until told to close. Requests that arrive while it opens wait for it. When it
 * cannot be opened, `cluster.open` answers a snapshot that carries the reason and every other request fails with it.
 * @param onClosed called once everything is closed and the main process has been told: the process may end
 */
export function serveCoordinator(
  line: MessageLine<FromCoordinator, ToCoordinator>,
  open: () => Promise<ServedCluster>,
  log: Log,
  onClosed: () => void,
): void {
  const post = <Name extends PushName>(name: Name, push: WindowPushes[Name]) =>
    line.post({ kind: 'push', push: { name, push } as NamedPush });
  const opening: Promise<Opened> = open().then(
    (cluster) => {
      cluster.onPush(post);
      return { kind: 'serving', cluster };
    },
    (thrown) => {
      const problem = toRingmasterError(thrown);
      log.error({ err: thrown, code: problem.code }, 'the cluster could not be opened');
      return { kind: 'failed', problem };
    },
  );

  const reply = async ({ id, name, payload, by }: Extract<ToCoordinator, { kind: 'request' }>) => {
    const envelope = await envelopeOf(name, log, async () => answer(await opening, name, payload, by));
    line.post({ kind: 'reply', id, envelope });
  };

  let closing = false;
  const close = async () => {
    if (closing) return;
    closing = true;
    const opened = await opening;
    try {
      if (opened.kind === 'serving') await opened.cluster.close();
    } catch (thrown) {
      log.error({ err: thrown }, 'the cluster did not close cleanly');
    }
    line.post({ kind: 'closed' });
    onClosed();
  };

  line.onMessage((message) => {
    switch (message.kind) {
      case 'request':
        return void reply(message);
      case 'close':
        return void close();
    }
  });
}
