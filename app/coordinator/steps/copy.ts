/** Steps of a snapshot transfer: donor aside, stream, prepare, put in place, start at the position of the copy. */
import { RingmasterError } from '../../base/errors.js';
import { formatBytes, formatSeconds } from '../../base/format.js';
import type { StepProgress } from '../../model/plan.js';
import type { ClusterNode } from '../node.js';
import { stallSeconds } from '../ring-keeper.js';
import type { StepContext, StepExecutor } from './context.js';

/** A copy is this much larger than the data while its log is applied. */
const preparationFactor = 1.2;
const reservedBytes = 200_000_000;
const copyThreads = 2;

/** Everything that can be known to go wrong is found before anything changes. */
export const preflight: StepExecutor<'preflight'> = async (action, { cluster, notes }) => {
  const node = cluster.node(action.node);
  const status = await node.refresh();
  if (!action.donor) return `${node.name} is reachable`;
  const donor = cluster.node(action.donor);
  const donorStatus = await donor.refresh();
  if (donorStatus.server.kind !== 'running')
    throw new RingmasterError('server.not-running', { node: donor.name });
  if (!notes.mayCopy) return `${donor.name} runs ${donorStatus.server.version}`;
  if (status.preparedCopy) await node.call('copy.discard', {});
  const { freeBytes } = await node.call('disk.space', {});
  const { dataBytes } = await donor.call('disk.space', {});
  const needed = dataBytes * preparationFactor + reservedBytes;
  if (freeBytes < needed) {
    throw new RingmasterError('host.disk-full', {
      host: node.settings.address.host,
      path: `the data folder of ${node.name}`,
      freeMegabytes: Math.round(freeBytes / 1e6),
      neededMegabytes: Math.round(needed / 1e6),
    });
  }
  return `${formatBytes(dataBytes)} to copy, ${formatBytes(freeBytes)} free`;
};

/** The donor leaves the sessions to others and freezes its applier. */
export const stepAside: StepExecutor<'step-aside'> = async (action, context) => {
  const { cluster, ring, notes } = context;
  const donor = cluster.node(action.donor);
  notes.donorStateBefore = donor.state;
  const sessions = donor.sample?.sessions ?? 0;
  context.onUndo(`${donor.name} returns`, () => returnDonor(donor, context, {}));
  donor.role = 'donor';
  if (donor.state === 'active') {
    donor.state = 'standby';
    context.activity(donor, 'donor, standing aside');
    cluster.say({
      kind: 'state',
      severity: 'info',
      node: donor.name,
      text: `${donor.name} stands aside as donor`,
      mark: true,
    });
    await ring.route();
    await donor.call('sessions.close', { deadlineSeconds: 10 }, context.call);
  }
  if (cluster.ring.length > 2) await ring.stepOut(donor);
  if (donor.predecessor) await donor.call('replication.freeze', {});
  context.activity(donor, 'donor, applier frozen');
  return sessions > 0 ? `${sessions} sessions moved` : 'no session had to move';
};

/** The donor applies what was cached and goes back to the state that it had. */
export const donorReturns: StepExecutor<'donor-returns'> = async (action, context) => {
  await returnDonor(context.cluster.node(action.donor), context, context.call);
  return `${action.donor} has applied what was cached`;
};

async function returnDonor(
  donor: ClusterNode,
  context: StepContext,
  call: StepContext['call'],
): Promise<void> {
  const { cluster, ring, notes } = context;
  if (notes.donorStateBefore === null) return;
  if (!donor.isServerRunning) {
    donor.role = null;
    return;
  }
  if (donor.predecessor) {
    await donor.call('replication.unfreeze', {}, call);
    context.activity(donor, 'applying what was cached');
    const { position } = await cluster.node(donor.predecessor).refresh();
    if (position) await donor.call('replication.wait-for', { position: position.binlog, stallSeconds }, call);
  }
  if (!ring.has(donor.name)) await ring.enter(donor);
  donor.role = null;
  context.activity(donor, null);
  if (notes.donorStateBefore === 'active') {
    donor.state = 'active';
    cluster.say({
      kind: 'state',
      severity: 'good',
      node: donor.name,
      text: `${donor.name} active again`,
      mark: true,
    });
    await ring.route();
  }
  notes.donorStateBefore = null;
}

/** Streams the copy into a new folder; both ends stop when one fails. */
export const copy: StepExecutor<'copy'> = async (action, context) => {
  const { cluster, notes } = context;
  const donor = cluster.node(action.donor);
  const joiner = cluster.node(action.joiner);
  const startedAtMs = cluster.clock.monotonicMs();
  const { dataBytes } = await donor.call('disk.space', {});
  if (donor.role === null) donor.role = 'donor';
  joiner.role = 'joiner';
  context.onUndo(`the old data of ${joiner.name} stays`, () => discardCopy(joiner));
  const onProgress = (progress: StepProgress) => {
    context.progress(progress);
    const total = progress.total === null ? '' : ` of ${formatBytes(progress.total)}`;
    context.activity(joiner, `receiving copy, ${formatBytes(progress.done)}${total}`);
    if (!action.donorAside) context.activity(donor, 'giving a copy while serving');
  };
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  try {
    const { address, token } = await joiner.call('copy.receive', { expectedBytes: dataBytes }, { signal });
    const received = joiner.call('copy.received', {}, { signal, onProgress });
    const sent = donor.call('copy.send', { to: address, token, parallel: copyThreads }, { signal });
    const both = Promise.all([sent, received]);
    both.catch(() => stop.abort(new RingmasterError('plan.aborted', { by: 'the other end of the copy' })));
    const [{ binlogState }, { bytes }] = await both;
    await Promise.allSettled([sent, received]);
    notes.donorBinlogState = binlogState;
    const seconds = (cluster.clock.monotonicMs() - startedAtMs) / 1000;
    return `${formatBytes(bytes)} in ${formatSeconds(seconds)}`;
  } finally {
    if (donor.role === 'donor' && !action.donorAside) donor.role = null;
    if (!action.donorAside) context.activity(donor, null);
    context.activity(joiner, null);
  }
};

async function discardCopy(joiner: ClusterNode): Promise<void> {
  const status = await joiner.refresh();
  if (status.server.kind === 'running') await joiner.call('server.stop', {});
  await joiner.call('copy.discard', {});
  await joiner.refresh();
}

/** Makes the copy consistent and reads where it stands. */
export const prepareCopy: StepExecutor<'prepare-copy'> = async (action, context) => {
  const joiner = context.cluster.node(action.joiner);
  context.activity(joiner, 'preparing the copy');
  const { position } = await joiner.call('copy.prepare', {}, context.call);
  context.notes.copyPosition = position;
  return position === '' ? 'the copy is consistent and empty' : `the copy stands at ${position}`;
};

/** The copy takes the place of the data; the old data is kept beside it. */
export const swap: StepExecutor<'swap'> = async (action, context) => {
  const joiner = context.cluster.node(action.joiner);
  context.activity(joiner, 'putting the copy in place');
  const status = await joiner.refresh();
  if (status.server.kind === 'running') await joiner.call('server.stop', {});
  // Until the ring has taken it in, data without its position lie there: a console that dies now must not start them.
  const { needsCopy } = joiner;
  context.onUndo(`${joiner.name} has its old data`, async () => {
    joiner.needsCopy = needsCopy;
  });
  joiner.needsCopy = 'its last copy was cut off';
  await context.remember();
  await joiner.call('copy.swap', {});
  return status.server.kind === 'no-data' ? 'there was no old data' : 'the old data is kept beside it';
};

/** Starts the joiner on the copy, at the copy's position. */
export const startCopy: StepExecutor<'start-copy'> = async (action, context) => {
  const joiner = context.cluster.node(action.joiner);
  const { copyPosition, donorBinlogState } = context.notes;
  context.activity(joiner, 'starting');
  joiner.absorb(await joiner.call('server.start', {}, context.call));
  await joiner.call('copy.set-position', { position: copyPosition, donorBinlogState }, context.call);
  await joiner.refresh();
  context.activity(joiner, null);
  return joiner.status?.server.kind === 'running' ? `process ${joiner.status.server.pid}` : null;
};
