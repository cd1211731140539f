/**
 * Compares all nodes at one change, one comparison at a time.
 *
 * Every active node writes, and a snapshot that is opened cannot be moved. So one peer takes the token and commits
 * nothing: the order stands still at change n, and every node opens its snapshot as soon as it has applied n. Then
 * commits go on, and the snapshots are read for as long as that takes. The pause is bounded; a try in which somebody does
 * not get there in time, or during which the view changed, is thrown away.
 *
 * A plan has priority: a comparison can be made again, and a node that is missing cannot wait. It stops when one begins.
 */
import { delay } from '../base/clock.js';
import { messageOf, RingmasterError, toRingmasterError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { sequenceOf } from '../model/gtid.js';
import type { NodeName } from '../model/ids.js';
import { underWay } from '../model/series.js';
import type { TableDefinition, TableRanges, VerificationView, VerifiedNode } from '../model/verification.js';
import { judge, listOf, type NodeSums, outcomeWords } from '../replication/verification.js';
import type { Cluster } from './cluster.js';
import type { ClusterNode } from './node.js';

/**
 * How long commits may be kept back in each try; what a client sees of it is one slow commit. A machine that has nothing to
 * spare gets more time in the last ones. Milliseconds.
 */
const pauseMaxMs = [400, 400, 400, 700, 1_000] as const;
/** The answer of a node needs some of that time. Milliseconds. */
const answerMs = 50;
/** Between two tries clients commit undisturbed. Milliseconds. */
const betweenTriesMs = 1_000;
/** A node that is further behind could not apply what is missing within the pause: it is waited for first. Changes. */
const nearEnough = 200;
const nearWaitMs = 10_000;
const nearLookMs = 100;
/** Places told; there may be one for each range. */
const driftShown = 100;

const driftReason = 'its data differ from those of the others';

interface Opened {
  readonly node: ClusterNode;
  readonly definitions: readonly TableDefinition[];
}

export class VerificationRunner {
  private abort: AbortController | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly cluster: Cluster,
    private readonly log: Log,
    private readonly remember: () => Promise<void>,
  ) {
    cluster.onUpdate(({ changes: { plan = null, series = null } }) => {
      const begun = underWay({ plan, series });
      if (begun) this.stop(`the plan "${begun.title}"`);
    });
  }

  /** Begins. @throws verification.busy, verification.refused */
  start(loadPercent: number, by: string): VerificationView {
    const { cluster } = this;
    if (cluster.verification?.state === 'running') throw new RingmasterError('verification.busy');
    const members = cluster.nodes.filter((node) => cluster.ring.includes(node.name));
    refuseWhenUnfit(cluster, members.length);
    const view: VerificationView = {
      state: 'running',
      askedBy: by,
      startedAtMs: cluster.clock.wallMs(),
      endedAtMs: null,
      loadPercent,
      activity: null,
      nodes: cluster.nodes.map((node) => ({
        name: node.name,
        progress: null,
        expected: members.includes(node),
        leftOut: members.includes(node) ? null : `it is not in the ring (${node.state})`,
      })),
      position: null,
      tables: 0,
      rows: 0,
      heldMs: 0,
      drift: [],
      driftCount: 0,
      notCompared: [],
      words: null,
      error: null,
    };
    cluster.verification = view;
    cluster.changed();
    const abort = new AbortController();
    this.abort = abort;
    this.running = this.carryOut(members, loadPercent, abort.signal);
    return view;
  }

  /** Stops the comparison that runs, if one does. */
  stop(by: string): void {
    if (this.cluster.verification?.state !== 'running') return;
    this.abort?.abort(new RingmasterError('verification.stopped', { by }));
  }

  /** Stops what runs and waits for its end. */
  async close(by: string): Promise<void> {
    this.stop(by);
    await this.running;
  }

  private change(changes: Partial<VerificationView>): void {
    const { cluster } = this;
    if (!cluster.verification) return;
    cluster.verification = { ...cluster.verification, ...changes };
    cluster.changed();
  }

  private changeNode(name: NodeName, changes: Partial<VerifiedNode>): void {
    const nodes = this.cluster.verification?.nodes ?? [];
    this.change({ nodes: nodes.map((node) => (node.name === name ? { ...node, ...changes } : node)) });
  }

  private async carryOut(
    members: readonly ClusterNode[],
    loadPercent: number,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const opened = await this.openAll(members, signal);
      await this.compare(opened, loadPercent, signal);
    } catch (thrown) {
      this.fail(toRingmasterError(signal.aborted ? signal.reason : thrown));
    } finally {
      await Promise.all(members.map((node) => node.call('compare.close', {}).catch(() => undefined)));
    }
  }

  /** Snapshots of all nodes at one change; in the last try of all that get there, if they are two or more. */
  private async openAll(members: readonly ClusterNode[], signal: AbortSignal): Promise<readonly Opened[]> {
    for (let attempt = 1; ; attempt++) {
      this.change({ activity: 'waits until all nodes are nearly at the same change' });
      await this.untilNear(members, signal);
      // One that cannot is found out by `compare.open`, and said to be left out.
      await Promise.all(
        members.map((node) => node.call('compare.prepare', {}, { signal }).catch(() => undefined)),
      );
      this.change({ activity: 'keeps commits back for a moment, to read all nodes at one change' });
      const { opened, missed, broken } = await this.tryToOpen(
        members,
        pauseMaxMs[attempt - 1] ?? pauseMaxMs[0],
        signal,
      );
      const last = attempt === pauseMaxMs.length;
      if (!broken && opened.length >= 2 && (last || missed.size === 0)) {
        for (const [name, why] of missed) this.changeNode(name, { leftOut: why });
        return opened;
      }
      if (last) {
        const reasons = [...missed].map(([name, why]) => `${name}: ${why}`).join('; ');
        throw new RingmasterError('verification.refused', {
          reason: reasons || broken || 'the ring changed each time',
          remedy: 'Compare again when the cluster is calm.',
        });
      }
      await delay(this.cluster.clock, betweenTriesMs, signal);
    }
  }

  /** Waits for nodes that are far behind, for some time: what is missing then is missing. */
  private async untilNear(members: readonly ClusterNode[], signal: AbortSignal): Promise<void> {
    const { clock } = this.cluster;
    const deadlineMs = clock.monotonicMs() + nearWaitMs;
    while (clock.monotonicMs() < deadlineMs) {
      signal.throwIfAborted();
      await Promise.all(members.map((node) => node.refresh().catch(() => undefined)));
      const stands = members.map((node) => sequenceOf(node.standing?.binlog ?? ''));
      if (Math.max(...stands) - Math.min(...stands) <= nearEnough) return;
      await delay(clock, nearLookMs, signal);
    }
  }

  private async tryToOpen(members: readonly ClusterNode[], limitMs: number, signal: AbortSignal) {
    const missed = new Map<NodeName, string>();
    const opened: Opened[] = [];
    const holder = members.find((node) => node.status?.ring?.holds) ?? members[0];
    if (!holder) return { opened, missed, broken: 'the ring is empty' };
    let sequence = 0;
    try {
      ({ sequence } = await holder.call('commits.pause', { limitMs }, { signal }));
    } catch (thrown) {
      signal.throwIfAborted();
      return { opened, missed, broken: `${holder.name} could not keep commits back: ${messageOf(thrown)}` };
    }
    const patienceMs = limitMs - answerMs;
    await Promise.all(
      members.map(async (node) => {
        try {
          const { tables } = await node.call('compare.open', { sequence, patienceMs }, { signal });
          opened.push({ node, definitions: tables });
        } catch (thrown) {
          missed.set(node.name, messageOf(thrown));
        }
      }),
    );
    const { heldMs, unbroken } = await holder
      .call('commits.resume', {})
      .catch(() => ({ heldMs: limitMs, unbroken: false }));
    this.change({ heldMs: Math.round((this.cluster.verification?.heldMs ?? 0) + heldMs) });
    signal.throwIfAborted();
    opened.sort((one, other) => members.indexOf(one.node) - members.indexOf(other.node));
    return { opened, missed, broken: unbroken ? null : 'the pause ended before all nodes had answered' };
  }

  private async compare(opened: readonly Opened[], loadPercent: number, signal: AbortSignal): Promise<void> {
    this.change({ activity: 'cuts the tables into ranges' });
    const ranges = await this.cutRanges(opened, loadPercent, signal);
    this.change({ activity: 'reads all nodes' });
    const found: NodeSums[] = [];
    const positions = new Map<NodeName, string>();
    await Promise.all(
      opened.map(async ({ node, definitions }) => {
        try {
          const onProgress = (progress: VerifiedNode['progress']) => this.changeNode(node.name, { progress });
          const { position, tables } = await node.call(
            'compare.sums',
            { tables: ranges.map(({ edges, ...rest }) => ({ ...rest, edges: [...edges] })), loadPercent },
            { signal, onProgress },
          );
          positions.set(node.name, position);
          found.push({ name: node.name, definitions, tables });
        } catch (thrown) {
          signal.throwIfAborted();
          this.changeNode(node.name, { leftOut: messageOf(thrown) });
        }
      }),
    );
    signal.throwIfAborted();
    found.sort((one, other) => one.name.localeCompare(other.name));
    this.conclude(found, positions, ranges);
  }

  /** One node cuts for all. One that cannot is left out, and the next one does. */
  private async cutRanges(
    opened: readonly Opened[],
    loadPercent: number,
    signal: AbortSignal,
  ): Promise<readonly TableRanges[]> {
    for (const { node } of opened) {
      try {
        const onProgress = (progress: VerifiedNode['progress']) => this.changeNode(node.name, { progress });
        return (await node.call('compare.ranges', { loadPercent }, { signal, onProgress })).tables;
      } catch (thrown) {
        signal.throwIfAborted();
        this.log.warn({ node: node.name, cause: messageOf(thrown) }, 'no ranges for a comparison');
      } finally {
        this.changeNode(node.name, { progress: null });
      }
    }
    throw new RingmasterError('verification.refused', {
      reason: 'no node could say how its tables are cut into ranges',
      remedy: 'Compare again when the cluster is calm.',
    });
  }

  private conclude(
    found: readonly NodeSums[],
    positions: ReadonlyMap<NodeName, string>,
    ranges: readonly TableRanges[],
  ): void {
    const places = new Set(positions.values());
    // The snapshots were opened while nothing was committed; each tells its own place all the same.
    if (found.length < 2 || places.size !== 1)
      throw new RingmasterError('verification.refused', {
        reason:
          found.length < 2
            ? 'fewer than two nodes could be read'
            : `the nodes were read at different changes: ${[...positions].map(([name, at]) => `${name} at ${at}`).join(', ')}`,
        remedy: 'Compare again when the cluster is calm.',
      });
    const [position = ''] = places;
    const judgement = judge(found, ranges);
    const names = found.map(({ name }) => name);
    const missed = (this.cluster.verification?.nodes ?? [])
      .filter(({ name, expected }) => expected && !names.includes(name))
      .map(({ name }) => name);
    const words = outcomeWords(names, missed, position, judgement);
    const { drift, notCompared, tables, rows } = judgement;
    this.end({
      state: drift.length > 0 ? 'differs' : 'equal',
      position,
      tables,
      rows,
      drift: drift.slice(0, driftShown),
      driftCount: drift.length,
      notCompared: notCompared.slice(0, driftShown),
      words,
    });
    const odd = [...new Set(drift.flatMap((each) => each.odd))];
    this.markForCopy(names, odd, position);
    this.cluster.say({
      kind: drift.length > 0 ? 'failure' : 'notice',
      severity: drift.length > 0 ? 'bad' : missed.length + notCompared.length > 0 ? 'warning' : 'good',
      node: odd.length === 1 ? (odd[0] ?? null) : null,
      text: words,
      by: this.cluster.verification?.askedBy ?? 'Ringmaster',
      mark: drift.length > 0,
    });
  }

  /** Who stands alone gets a full copy at its next join, and gives none: what it lacks is in no binlog. */
  private markForCopy(compared: readonly NodeName[], odd: readonly NodeName[], position: string): void {
    for (const name of compared) {
      const node = this.cluster.node(name);
      if (odd.includes(name)) node.needsCopy = `${driftReason} (compared at ${position})`;
      else if (node.needsCopy?.startsWith(driftReason)) node.needsCopy = null;
    }
    this.remember().catch((error: unknown) =>
      this.log.error({ error: messageOf(error) }, 'memory not saved'),
    );
  }

  private fail(error: RingmasterError): void {
    const stopped = error.category === 'cancelled';
    this.end({
      state: stopped ? 'stopped' : 'failed',
      words: error.message.replace(/\.$/, ''),
      error: error.view(),
    });
    this.log.info({ error: error.message }, 'a comparison of all nodes did not end with a result');
    this.cluster.say({
      kind: 'notice',
      severity: 'warning',
      node: null,
      text: stopped ? error.message.replace(/\.$/, '') : `the nodes were not compared: ${error.message}`,
      by: this.cluster.verification?.askedBy ?? 'Ringmaster',
      mark: false,
    });
  }

  private end(changes: Partial<VerificationView>): void {
    this.change({ ...changes, activity: null, endedAtMs: this.cluster.clock.wallMs() });
  }
}

/** @throws verification.refused */
function refuseWhenUnfit(cluster: Cluster, members: number): void {
  const refuse = (reason: string, remedy: string): never => {
    throw new RingmasterError('verification.refused', { reason, remedy });
  };
  if (cluster.startingUp !== null) refuse('the cluster is starting', 'Wait until it has started.');
  const running = underWay(cluster);
  if (running) refuse(`a plan is running: ${running.title}`, 'Wait until it ends, or stop it first.');
  if (members < 2)
    refuse(
      `${members === 1 ? `only ${listOf(cluster.ring)} replicates` : 'no node replicates'}`,
      'Bring another node online first.',
    );
}
