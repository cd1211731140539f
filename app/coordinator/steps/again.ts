/** Steps of restarts and of a ring that is formed again: options kept, servers started, everybody together. */
import { RingmasterError } from '../../base/errors.js';
import { optionWords } from '../../model/server-options.js';
import { formRing } from '../start-up.js';
import type { StepExecutor } from './context.js';
import { startServer } from './join.js';

export const configure: StepExecutor<'configure'> = async (action, context) => {
  const node = context.cluster.node(action.node);
  const before = await node.call('server.configure', { options: action.options });
  context.onUndo(`${node.name} keeps its options`, async () => {
    await node.call('server.configure', { options: before });
  });
  return `kept; before: ${optionWords(before)}`;
};

export const startAgain: StepExecutor<'start-again'> = async (action, context) => {
  const node = context.cluster.node(action.node);
  await startServer(node, context);
  await node.refresh();
  return node.standing?.binlog ? `stands at ${node.standing.binlog}` : null;
};

/** The peers of everybody who runs agree on a view; whoever it does not take in is left out with the reason. */
export const formRingAgain: StepExecutor<'form-ring'> = async (action, context) => {
  const { cluster, ring, log } = context;
  const members = action.members.map((name) => cluster.node(name));
  const started = members.filter((node) => node.state === 'transitional');
  const waiting = members.filter((node) => node.state !== 'transitional' && node.isServerRunning);
  await formRing(started, waiting, { cluster, ring, log });
  const node = cluster.node(action.node);
  if (!ring.has(node.name))
    throw new RingmasterError('cluster.no-quorum', { node: node.name, cause: ring.wordsOf(node) });
  await ring.route();
  const without = started.filter(({ name }) => !ring.has(name)).map(({ name }) => name);
  const left = without.length > 0 ? `, without ${without.join(', ')}` : '';
  return `ring is ${[...cluster.ring, cluster.ring[0]].join(' → ')}${left}`;
};
