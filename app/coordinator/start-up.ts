/** Brings a cluster up as it was left, or for the first time, and lets it down again cleanly. */
import { messageOf, RingmasterError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { sequenceOf } from '../model/gtid.js';
import { replicates } from '../model/node-state.js';
import { chooseJoin } from '../replication/join.js';
import type { Cluster } from './cluster.js';
import type { ClusterNode } from './node.js';
import { type RingKeeper, stallSeconds } from './ring-keeper.js';

export interface StartUpOptions {
  readonly cluster: Cluster;
  readonly ring: RingKeeper;
  readonly log: Log;
}

/** How long the peers may take to agree on the first view. */
const formMs = 15_000;

/**
 * Starts every node that is wanted; their peers agree on a ring by what they promised and what their servers hold. One
 * that the ring does not take in as it is follows by incremental transfer; one that needs a full copy is left `failed`
 * with the reason: copying is the operator's decision. A node in maintenance is not touched.
 * @param fresh nodes that shall be given an empty database first (first start of a lab)
 */
export async function startUp(
  { cluster, ring, log }: StartUpOptions,
  fresh: readonly ClusterNode[],
): Promise<void> {
  for (const node of fresh) node.wanted = 'active';
  const called = cluster.nodes.filter(
    (node) => replicates(node.wanted) && (fresh.includes(node) || node.hasData),
  );
  // Known to be of no use, or half a copy: it is not even started.
  for (const node of called.filter(({ needsCopy }) => needsCopy !== null)) {
    node.state = 'failed';
    node.reason = `it needs a full copy: ${node.needsCopy}`;
  }
  const wanted = called.filter(({ needsCopy }) => needsCopy === null);
  for (const node of wanted) node.state = 'transitional';
  cluster.startingUp = words(wanted, fresh.length > 0);
  cluster.changed();
  const started = await Promise.all(wanted.map((node) => startOne(node, fresh.includes(node), log)));
  await formRing(
    started.filter((node) => node !== undefined),
    [],
    { cluster, ring, log },
  );
  cluster.startingUp = null;
  await ring.route();
  cluster.changed();
}

const words = (nodes: readonly ClusterNode[], first: boolean): string => {
  const names = nodes.map((node) => node.name).join(', ');
  return first ? `Making an empty database on ${names}` : names ? `Starting ${names}` : 'Starting';
};

async function startOne(node: ClusterNode, fresh: boolean, log: Log): Promise<ClusterNode | undefined> {
  try {
    if (fresh) await node.call('server.initialise', {});
    if (!node.isServerRunning) node.absorb(await node.call('server.start', {}));
    // A coordinator that died while the node gave a copy, or was compared, left it so.
    else if (node.status?.follow?.applier === 'frozen') await node.call('replication.unfreeze', {});
    return node;
  } catch (error) {
    log.error({ node: node.name, error: messageOf(error) }, 'did not start');
    node.state = 'failed';
    node.reason = messageOf(error);
    return undefined;
  }
}

/**
 * The peers of these nodes agree on a ring. Each that was `started` ends active or on standby, as it is wanted, or failed
 * with the reason and its server stopped.
 * @param waiting nodes that run already, whose ring has no quorum: what they do stays as it is
 */
export async function formRing(
  started: readonly ClusterNode[],
  waiting: readonly ClusterNode[],
  { cluster, ring, log }: StartUpOptions,
): Promise<void> {
  if (started.length === 0) return;
  await ring.form([...waiting, ...started], formMs);
  const first = [...waiting, ...started].find((node) => ring.has(node.name));
  for (const node of started) {
    try {
      if (!ring.has(node.name)) await enter(node, first, ring);
      settle(node);
      cluster.say({
        kind: 'state',
        severity: 'good',
        node: node.name,
        text: `${node.name} ${node.state}`,
        mark: true,
      });
    } catch (error) {
      log.error({ node: node.name, error: messageOf(error) }, 'did not enter the ring');
      // Without a ring the node goes on asking for one: the others may come later.
      if (first) await node.call('server.stop', {}).catch(() => undefined);
      await node.refresh().catch(() => undefined);
      node.state = 'failed';
      node.reason = messageOf(error);
    }
  }
}

function settle(node: ClusterNode): void {
  node.state = node.wanted === 'standby' ? 'standby' : 'active';
  node.wanted = node.state;
  node.clean = false;
  node.reason = null;
}

async function enter(node: ClusterNode, first: ClusterNode | undefined, ring: RingKeeper): Promise<void> {
  if (!first) throw new RingmasterError('cluster.no-quorum', { node: node.name, cause: ring.wordsOf(node) });
  const [mine, theirs] = [(await node.refresh()).position, (await first.refresh()).position];
  if (!mine || !theirs) throw new Error(`${node.name} does not say where it stands`);
  const choice = chooseJoin(
    { serverId: node.settings.serverId, ...mine },
    { serverId: first.settings.serverId, ...theirs },
  );
  if (choice.method === 'snapshot') {
    node.needsCopy = choice.why;
    throw new Error(`it needs a full copy: ${choice.why}`);
  }
  const predecessor = ring.predecessorOf(node);
  await node.call('replication.follow', { predecessor: predecessor.settings.address, fromOwnBinlog: true });
  node.predecessor = predecessor.name;
  if (sequenceOf(theirs.binlog) > 0) {
    await node.call('replication.wait-for', { position: theirs.binlog, stallSeconds });
  }
  await ring.enter(node);
}

/** Writes end, everybody applies the rest, all servers stop at one position. */
export async function shutDown({ cluster, ring, log }: StartUpOptions): Promise<void> {
  const running = cluster.nodes.filter((node) => node.isServerRunning && node.control);
  const wanted = new Map(running.map((node) => [node, node.wanted]));
  for (const node of running) node.state = 'transitional';
  await ring.route().catch((error: unknown) => log.warn({ error: messageOf(error) }, 'sessions not moved'));
  try {
    if (cluster.ring.length > 0) await ring.rest();
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'not all nodes reached the last position');
  }
  await Promise.all(
    running.map(async (node) => {
      const orderly = await node.call('server.stop', {}).then(
        () => true,
        () => false,
      );
      await node.refresh().catch(() => undefined);
      node.clean = orderly;
      node.state = 'offline';
      node.wanted = wanted.get(node) ?? node.wanted;
    }),
  );
}
