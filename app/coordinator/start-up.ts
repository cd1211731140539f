/** Brings a cluster up as it was left, or for the first time, and lets it down again cleanly. */
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { sequenceOf } from '../model/gtid.js';
import { chooseJoin } from '../replication/join.js';
import type { Cluster } from './cluster.js';
import type { ClusterNode } from './node.js';
import { type RingKeeper, stallSeconds } from './ring-keeper.js';

export interface StartUpOptions {
  readonly cluster: Cluster;
  readonly ring: RingKeeper;
  readonly log: Log;
}

const seqOf = (node: ClusterNode) => sequenceOf(node.standing?.binlog ?? '');

/**
 * Starts every node that is wanted, the most advanced one first in the ring; the others follow by incremental transfer.
 * A node that needs a full copy is left `failed` with the reason: copying is the operator's decision.
 * @param fresh nodes that shall be given an empty database first (first start of a lab)
 */
export async function startUp(
  { cluster, ring, log }: StartUpOptions,
  fresh: readonly ClusterNode[],
): Promise<void> {
  for (const node of fresh) node.wanted = 'active';
  const wanted = cluster.nodes.filter(
    (node) => node.wanted !== 'offline' && (fresh.includes(node) || node.hasData),
  );
  for (const node of wanted) node.state = 'transitional';
  cluster.startingUp = words(wanted, fresh.length > 0);
  cluster.changed();
  const started = await Promise.all(wanted.map((node) => startOne(node, fresh.includes(node), log)));
  const running = started.filter((node) => node !== undefined);
  const ahead = cluster.nodes.find(
    (node) => !running.includes(node) && seqOf(node) > Math.max(-1, ...running.map(seqOf)),
  );
  if (ahead && running.length > 0) {
    for (const node of running)
      await refuse(node, `${ahead.name} has later changes; bring ${ahead.name} online first`);
  } else {
    await formRing(running, { cluster, ring, log });
  }
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
    if (node.isServerRunning) await calm(node);
    else node.absorb(await node.call('server.start', {}));
    return node;
  } catch (error) {
    log.error({ node: node.name, error: messageOf(error) }, 'did not start');
    node.state = 'failed';
    node.reason = messageOf(error);
    return undefined;
  }
}

/** A server that outlived its coordinator: as if it had just been started. */
async function calm(node: ClusterNode): Promise<void> {
  await node.call('server.set-lossless', { lossless: false });
  await node.call('server.set-read-only', { readOnly: true });
  await node.call('replication.stop', {});
  await node.refresh();
}

async function refuse(node: ClusterNode, reason: string): Promise<void> {
  await node.call('server.stop', {});
  node.state = 'offline';
  node.wanted = 'offline';
  node.reason = reason;
  await node.refresh();
}

async function formRing(
  running: readonly ClusterNode[],
  { cluster, ring, log }: StartUpOptions,
): Promise<void> {
  const first = [...running].sort((a, b) => seqOf(b) - seqOf(a) || rank(a) - rank(b))[0];
  if (!first) return;
  await ring.begin(first);
  settle(first);
  cluster.say({
    kind: 'state',
    severity: 'good',
    node: first.name,
    text: `${first.name} ${first.state}`,
    mark: true,
  });
  for (const node of running) {
    if (node === first) continue;
    try {
      await enter(node, first, ring);
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
      await node.call('server.stop', {}).catch(() => undefined);
      await node.refresh().catch(() => undefined);
      node.state = 'failed';
      node.reason = messageOf(error);
    }
  }
}

/** A node that was active takes the writes before one that was on standby. */
const rank = (node: ClusterNode) => (node.wanted === 'active' ? 0 : 1);

function settle(node: ClusterNode): void {
  node.state = node.wanted === 'standby' && node.role !== 'writer' ? 'standby' : 'active';
  node.wanted = node.state;
  node.clean = false;
  node.reason = null;
}

async function enter(node: ClusterNode, first: ClusterNode, ring: RingKeeper): Promise<void> {
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
    if (cluster.writer !== null) await ring.rest();
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
