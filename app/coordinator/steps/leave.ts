/** Steps that take a node out: sessions moved, ring closed without it, server stopped, node set aside. */
import { RingmasterError } from '../../base/errors.js';
import { countOf } from '../../base/format.js';
import type { StepExecutor } from './context.js';

/** Sessions that do not end their transaction within this time are closed. */
const drainSeconds = 10;

export const drain: StepExecutor<'drain'> = async (action, context) => {
  const { cluster, ring } = context;
  const node = cluster.node(action.node);
  const { sessions } = await node.call('sessions.count', {});
  context.activity(node, `moving ${countOf(sessions, 'session')}`);
  node.state = 'transitional';
  context.onUndo(`${node.name} takes sessions again`, async () => {
    node.state = 'active';
    await ring.route();
  });
  await ring.route();
  await node.call('sessions.close', { deadlineSeconds: drainSeconds }, context.call);
  context.activity(node, null);
  return `${countOf(sessions, 'session')} moved`;
};

export const leaveRing: StepExecutor<'leave-ring'> = async (action, { cluster, ring }) => {
  const node = cluster.node(action.node);
  const last = cluster.ring.length === 1;
  await ring.leave(node);
  await node.refresh();
  return last ? 'no node is left in the ring' : `ring is ${[...cluster.ring, cluster.ring[0]].join(' → ')}`;
};

export const stopServer: StepExecutor<'stop-server'> = async (action, context) => {
  const node = context.cluster.node(action.node);
  const status = await node.refresh();
  if (status.server.kind !== 'running') return 'its server was not running';
  context.activity(node, 'stopping');
  await node.call('server.stop', {}, context.call);
  node.clean = true;
  await node.refresh();
  context.activity(node, null);
  return node.standing?.binlog ? `stands at ${node.standing.binlog}` : null;
};

/** A maintenance that is forgotten would end at the next start: only one that is kept counts. */
export const setAside: StepExecutor<'set-aside'> = async (action, { cluster, remember }) => {
  const { name, isServerRunning } = cluster.node(action.node);
  if (isServerRunning) throw new RingmasterError('server.still-running', { node: name });
  await remember();
  return `${name} stays down until somebody brings it back`;
};
