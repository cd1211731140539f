/** Steps that bring a node into the ring: compare, catch up, verify, enter, open. */
import { RingmasterError } from '../../base/errors.js';
import { countOf } from '../../base/format.js';
import type { TableChecksum } from '../../contract/control.js';
import { lastSequence, sequenceOf } from '../../model/gtid.js';
import { catchUpWords } from '../../replication/catch-up-pace.js';
import { chooseJoin, type Source } from '../../replication/join.js';
import type { ClusterNode } from '../node.js';
import { stallSeconds } from '../ring-keeper.js';
import type { StepContext, StepExecutor } from './context.js';

/** Fewer changes than this behind is close enough to enter the ring, where the rest arrives at once. */
const nearEnough = 50;
/** Rounds of catching up; each is much shorter than the one before, unless the node is slower than the writes. */
const catchUpRounds = 30;
/** A predecessor commits what it has sent within milliseconds; reading all its tables takes longer than that. */
const snapshotTries = 20;

/** Starts the node's server where it does not run; undone by stopping it, unless it became a member of the ring. */
export async function startServer(node: ClusterNode, context: StepContext): Promise<void> {
  const status = await node.refresh();
  if (status.server.kind === 'running') return;
  context.activity(node, 'starting');
  context.onUndo(`${node.name} is stopped again`, async () => {
    if (context.ring.has(node.name)) return;
    if ((await node.refresh()).server.kind === 'running') await node.call('server.stop', {});
    await node.refresh();
  });
  node.absorb(await node.call('server.start', {}, context.call));
  context.activity(node, null);
}

const standingOf = (node: ClusterNode): Source => ({
  serverId: node.settings.serverId,
  binlog: node.status?.position?.binlog ?? '',
  applied: node.status?.position?.applied ?? '',
  binlogState: node.status?.position?.binlogState ?? '',
  oldestBinlog: node.status?.position?.oldestBinlog ?? '',
});

/** The first node: opens its own data. */
export const startFirst: StepExecutor<'start-first'> = async (action, context) => {
  const node = context.cluster.node(action.node);
  refuseIfSetAside(node, context);
  await startServer(node, context);
  await node.refresh();
  await refuseIfBehind(node, context);
  context.onUndo(`${node.name} leaves the ring`, () => context.ring.leave(node));
  await context.ring.begin(node);
  node.clean = false;
  return node.standing?.binlog ? `stands at ${node.standing.binlog}` : null;
};

/** A node in maintenance is not started to be asked what it holds: whoever set it aside has to bring it back first. */
function refuseIfSetAside(first: ClusterNode, { cluster }: StepContext): void {
  const unasked = cluster.nodes.find(
    (other) => other !== first && other.state === 'maintenance' && other.hasData && !other.clean,
  );
  if (!unasked) return;
  throw new RingmasterError('transition.refused', {
    node: first.name,
    from: 'offline',
    to: 'active',
    reason: `${unasked.name} did not stop cleanly and may hold later changes, and it is in maintenance`,
    remedy: `Take ${unasked.name} out of maintenance first: offline is enough.`,
  });
}

/**
 * A node that did not stop cleanly may hold acknowledged changes that we never saw: it is started read-only and asked,
 * before another one begins a new history without them.
 */
async function refuseIfBehind(first: ClusterNode, context: StepContext): Promise<void> {
  const { cluster } = context;
  for (const other of cluster.nodes) {
    if (other === first || !other.hasData || other.clean || other.isServerRunning) continue;
    context.activity(first, `asking ${other.name} where it stands`);
    other.absorb(await other.call('server.start', {}, context.call));
    await other.refresh();
    await other.call('server.stop', {}, context.call);
    await other.refresh();
    other.clean = true;
  }
  context.activity(first, null);
  const mine = sequenceOf(first.standing?.binlog ?? '');
  const ahead = cluster.nodes.find(
    (other) => other !== first && sequenceOf(other.standing?.binlog ?? '') > mine,
  );
  if (!ahead) return;
  throw new RingmasterError('transition.refused', {
    node: first.name,
    from: 'offline',
    to: 'active',
    reason: `${ahead.name} holds later changes (${ahead.standing?.binlog})`,
    remedy: `Bring ${ahead.name} online first.`,
  });
}

/** Compares the joiner's history with the donor's: incremental where it is a prefix of it, else the full copy follows. */
export const compare: StepExecutor<'compare'> = async (action, context) => {
  const { cluster, notes } = context;
  const node = cluster.node(action.node);
  const donor = cluster.node(action.donor);
  await startServer(node, context);
  await Promise.all([node.refresh(), donor.refresh()]);
  const choice = chooseJoin(standingOf(node), standingOf(donor));
  if (choice.method === 'incremental') {
    notes.skipCopy = true;
    notes.ownData = true;
    node.needsCopy = null;
    return `incremental: ${countOf(choice.missing, 'change')} missing; ${choice.why}`;
  }
  node.needsCopy = choice.why;
  if (notes.mayCopy) return `full copy: ${choice.why}`;
  if (choice.diverged)
    throw new RingmasterError('replication.diverged', { node: node.name, gtid: choice.diverged });
  throw new RingmasterError('plan.outdated', {
    reason: `${node.name} needs a full copy, because ${choice.why}`,
  });
};

/** Follows the predecessor until hardly anything is missing. */
export const catchUp: StepExecutor<'catch-up'> = async (action, context) => {
  const { cluster, notes } = context;
  const node = cluster.node(action.node);
  const predecessor = cluster.node(action.predecessor);
  const began = sequenceOf((await node.refresh()).position?.binlog ?? '');
  context.onUndo(`${node.name} stops following`, async () => {
    if (node.isServerRunning) await node.call('replication.stop', {});
    node.predecessor = null;
  });
  await node.call(
    'replication.follow',
    { predecessor: predecessor.settings.address, fromOwnBinlog: notes.ownData },
    { signal: context.signal },
  );
  node.predecessor = predecessor.name;
  const newest = async () => (await predecessor.refresh()).position?.binlog ?? '';
  let reached = began;
  let goal = await newest();
  let missing = sequenceOf(goal) - reached;
  if (missing > 0) context.activity(node, `catching up, ${countOf(missing, 'change')} behind`);
  for (let round = 1; round <= catchUpRounds; round++) {
    const sinceMs = cluster.clock.monotonicMs();
    if (sequenceOf(goal) > 0)
      await node.call('replication.wait-for', { position: goal, stallSeconds }, context.call);
    const applied = sequenceOf(goal) - reached;
    reached = sequenceOf(goal);
    if (applied <= nearEnough) {
      missing = 0;
      break;
    }
    goal = await newest();
    missing = sequenceOf(goal) - reached;
    const seconds = (cluster.clock.monotonicMs() - sinceMs) / 1000;
    context.activity(node, catchUpWords({ seconds, applied, arrived: missing, missing }));
  }
  context.activity(node, null);
  // A member is waited for: the token tells the others how far behind it is, and they commit no faster than it applies.
  const rest =
    missing > nearEnough
      ? `; ${countOf(missing, 'change')} behind still: in the ring the others wait for it`
      : '';
  return `applied ${countOf(reached - began, 'change')}${rest}`;
};

/** At one and the same position, all tables must be equal. */
export const verify: StepExecutor<'verify'> = async (action, context) => {
  const { cluster } = context;
  if (!cluster.verifiesJoins) return 'left out, as the cluster is set; compare all nodes when there is time';
  const node = cluster.node(action.node);
  const other = cluster.node(action.against);
  context.activity(node, 'comparing tables');
  context.onUndo(`${node.name} applies again`, async () => {
    if (node.isServerRunning && node.predecessor) await node.call('replication.unfreeze', {});
  });
  await node.call('replication.freeze', {});
  const { position } = await node.refresh();
  const stands = position ? lastSequence(position) : 0;
  const expected = await snapshotFrom(other, stands, context);
  if (sequenceOf(expected.position) > stands) {
    await node.call('replication.apply-until', { position: expected.position, stallSeconds }, context.call);
  }
  const found = await node.call('data.checksums', {}, context.call);
  await requireUnmoved(node, Math.max(stands, sequenceOf(expected.position)));
  compareTables(node, other, expected.tables, found.tables);
  await node.call('replication.unfreeze', {});
  context.activity(node, null);
  const rows = found.tables.reduce((sum, table) => sum + table.rows, 0);
  return `${countOf(found.tables.length, 'table')}, ${countOf(rows, 'row')} equal${expected.position ? ` at ${expected.position}` : ''}`;
};

/**
 * The tables of `other` at a change that the frozen node has not passed. A server sends a change on before its own
 * engine has committed it, so a follower can be ahead of its predecessor's snapshot for a moment: such a snapshot
 * belongs to another position than the node's, and is taken again.
 */
async function snapshotFrom(
  other: ClusterNode,
  stands: number,
  context: StepContext,
): Promise<{ position: string; tables: readonly TableChecksum[] }> {
  for (let attempt = 1; ; attempt++) {
    const taken = await other.call('data.checksums', {}, { signal: context.signal });
    if (sequenceOf(taken.position) >= stands) return taken;
    if (attempt === snapshotTries)
      throw new RingmasterError('replication.not-caught-up', {
        node: other.name,
        position: `change ${stands}`,
        reached: taken.position,
        seconds: 0,
      });
  }
}

/** Tables of different positions say nothing about each other. @throws replication.not-caught-up when it went on */
async function requireUnmoved(node: ClusterNode, wanted: number): Promise<void> {
  const { position } = await node.refresh();
  if (position && lastSequence(position) === wanted) return;
  throw new RingmasterError('replication.not-caught-up', {
    node: node.name,
    position: `change ${wanted} and no further`,
    reached: position?.binlog ?? 'an unknown position',
    seconds: 0,
  });
}

function compareTables(
  node: ClusterNode,
  other: ClusterNode,
  expected: readonly TableChecksum[],
  found: readonly TableChecksum[],
): void {
  const mine = new Map(found.map((table) => [table.table, table]));
  const theirs = new Map(expected.map((table) => [table.table, table]));
  for (const name of new Set([...mine.keys(), ...theirs.keys()])) {
    const checksum = mine.get(name)?.checksum ?? 'no such table';
    const wanted = theirs.get(name)?.checksum ?? 'no such table';
    if (checksum !== wanted) {
      throw new RingmasterError('replication.checksum-differs', {
        table: name,
        node: node.name,
        other: other.name,
        checksum,
        expected: wanted,
      });
    }
  }
}

/** The peers agree on a ring with the node in it. */
export const enterRing: StepExecutor<'enter-ring'> = async (action, context) => {
  const { cluster, ring, notes } = context;
  const node = cluster.node(action.node);
  context.onUndo(`${node.name} leaves the ring`, () => ring.leave(node));
  await ring.enter(node);
  if (!notes.ownData) await node.call('copy.accept', {});
  node.needsCopy = null;
  node.clean = false;
  return `ring is ${[...cluster.ring, cluster.ring[0]].join(' → ')}`;
};

/** The node takes sessions. */
export const openSessions: StepExecutor<'open-sessions'> = async (action, { cluster, ring }) => {
  const node = cluster.node(action.node);
  node.state = 'active';
  node.role = null;
  await ring.route();
  return 'sessions go to it';
};
