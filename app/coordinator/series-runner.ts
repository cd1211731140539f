/** Runs a series: one plan after another, each made when its turn has come, until one does not succeed. */
import { delay } from '../base/clock.js';
import { messageOf, RingmasterError, toRingmasterError } from '../base/errors.js';
import { countOf } from '../base/format.js';
import type { Log } from '../base/log.js';
import { randomHex } from '../base/random.js';
import { type NodeName, type SeriesId, seriesId } from '../model/ids.js';
import { replicates } from '../model/node-state.js';
import { hasEnded, isRunning, type Plan } from '../model/plan.js';
import { type Series, type SeriesAct, type SeriesPart, underWay } from '../model/series.js';
import { makeSeries } from '../replication/series.js';
import type { Cluster } from './cluster.js';
import type { PlanRunner } from './plan-runner.js';

const proposalsKept = 8;
/** A node that came back applies what it missed before the next one leaves: further behind than this it is not back. */
const nearEnough = 200;
const lookEveryMs = 100;
/** Without a ring for this long the series ends: the next node must not leave. */
const patienceMs = 120_000;

export interface SeriesRunnerOptions {
  readonly cluster: Cluster;
  readonly plans: PlanRunner;
  readonly log: Log;
  readonly remember: () => Promise<void>;
}

export class SeriesRunner {
  private readonly proposals = new Map<SeriesId, Series>();
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: SeriesRunnerOptions) {}

  /** The series, without running it. @throws RingmasterError `series.refused` with what would not be safe */
  propose(nodes: readonly NodeName[], act: SeriesAct, askedBy: string): Series {
    const { cluster } = this.options;
    const made = makeSeries({
      snapshot: cluster.snapshot(),
      nodes,
      act,
      id: seriesId(`series-${randomHex(6)}`),
      nowMs: cluster.clock.wallMs(),
      askedBy,
    });
    if ('reason' in made) {
      const { reason, remedy, refused } = made;
      throw new RingmasterError('series.refused', {
        reason: refused ? `${refused}: ${reason}` : reason,
        remedy,
      });
    }
    this.proposals.set(made.id, made);
    for (const id of [...this.proposals.keys()].slice(0, -proposalsKept)) this.proposals.delete(id);
    return made;
  }

  /**
   * Starts a proposed series; it goes on by itself and shows in the snapshot.
   * @throws RingmasterError `plan.busy`, `plan.unknown`, or `series.refused` when it would not be safe any more
   */
  run(id: SeriesId, askedBy: string): Series {
    const { cluster } = this.options;
    const busy = underWay(cluster);
    if (busy) throw new RingmasterError('plan.busy', { title: busy.title });
    const proposal = this.proposals.get(id);
    if (!proposal) throw new RingmasterError('plan.unknown', { planId: id });
    const names = proposal.parts.map(({ node }) => node);
    const again = this.propose(names, proposal.act, askedBy);
    if (again.parts.map(({ node }) => node).join() !== names.join())
      throw new RingmasterError('plan.outdated', { reason: 'the nodes are in other states now' });
    this.proposals.clear();
    const series: Series = { ...proposal, askedBy, state: 'running', startedAtMs: cluster.clock.wallMs() };
    cluster.series = series;
    cluster.plan = null;
    this.running = this.carryOut();
    return series;
  }

  /** No other node begins; the one whose turn it is comes to its end. @throws RingmasterError `plan.unknown` */
  stop(id: SeriesId): Series {
    const { cluster } = this.options;
    if (cluster.series?.id !== id || !isRunning(cluster.series))
      throw new RingmasterError('plan.unknown', { planId: id });
    this.change({ state: 'aborting' });
    return cluster.series;
  }

  /** Puts an ended series away, and with it the last of its plans. */
  dismiss(id: SeriesId): void {
    const { cluster } = this.options;
    if (cluster.series?.id !== id || !hasEnded(cluster.series)) return;
    cluster.series = null;
    if (cluster.plan && hasEnded(cluster.plan)) cluster.plan = null;
    cluster.changed();
  }

  /** Waits until no series runs. */
  async settled(): Promise<void> {
    await this.running;
  }

  private async carryOut(): Promise<void> {
    const { cluster, log, remember } = this.options;
    const series = cluster.series as Series;
    const { askedBy } = series;
    cluster.say({
      kind: 'plan',
      severity: 'info',
      node: null,
      text: `${series.title}: started`,
      by: askedBy,
      mark: false,
    });
    try {
      await remember();
      for (const [index, part] of series.parts.entries()) {
        if (cluster.series?.state === 'aborting') break;
        await this.turn(index, part, series);
      }
      const stopped = cluster.series?.state === 'aborting';
      this.end(stopped ? 'aborted' : 'done', null);
    } catch (thrown) {
      log.error({ series: series.title, error: messageOf(thrown) }, 'series did not succeed');
      this.end('failed', toRingmasterError(thrown));
    }
    await remember().catch((error: unknown) => log.error({ error: messageOf(error) }, 'memory not saved'));
  }

  private async turn(index: number, { node }: SeriesPart, { act, askedBy }: Series): Promise<void> {
    const { plans, cluster } = this.options;
    this.changePart(index, { state: 'running' });
    try {
      await this.untilWhole(index);
      const request = { node, askedBy, ofSeries: true };
      const plan =
        act.kind === 'restart'
          ? await plans.proposeRestart({ ...request, options: act.options })
          : await plans.propose({ ...request, target: act.target, donor: null });
      this.changePart(index, { plan: plan.id, words: null });
      plans.run(plan.id, null, askedBy, true);
      await plans.settled();
      const ended = cluster.plan as Plan;
      if (ended.state !== 'done')
        throw new RingmasterError('series.cut-off', { node, cause: ended.error?.text ?? ended.state });
      const words = act.kind === 'move' ? act.target : `${cluster.node(node).state} again`;
      this.changePart(index, { state: 'done', words });
    } catch (error) {
      this.changePart(index, { state: 'failed', words: messageOf(error) });
      throw error;
    }
  }

  /** The ring stands, and everybody in it has nearly everything. @throws RingmasterError `series.cut-off` */
  private async untilWhole(index: number): Promise<void> {
    const { cluster } = this.options;
    const { clock } = cluster;
    const deadlineMs = clock.monotonicMs() + patienceMs;
    for (;;) {
      const waits = this.waitsFor();
      if (waits === null) return;
      this.changePart(index, { words: waits });
      if (clock.monotonicMs() >= deadlineMs)
        throw new RingmasterError('series.cut-off', {
          node: cluster.series?.parts[index]?.node ?? 'a node',
          cause: `${waits}, for ${patienceMs / 1000} s`,
        });
      await delay(clock, lookEveryMs);
    }
  }

  private waitsFor(): string | null {
    const { nodes, token } = this.options.cluster.snapshot();
    const members = nodes.filter(({ state }) => replicates(state));
    if (members.length > 0 && token === null) return 'waits for a view';
    const late = members.find(({ replication }) => (replication?.changesBehind ?? 0) > nearEnough);
    return late
      ? `waits until ${late.name} has applied ${countOf(late.replication?.changesBehind ?? 0, 'change')}`
      : null;
  }

  private end(state: Series['state'], error: RingmasterError | null): void {
    const { cluster } = this.options;
    const { series } = cluster;
    if (!series) return;
    this.change({
      state,
      error: error?.view() ?? null,
      endedAtMs: cluster.clock.wallMs(),
      parts: series.parts.map((part) => (part.state === 'waiting' ? { ...part, state: 'skipped' } : part)),
    });
    const words = { done: 'done', aborted: 'stopped' }[state as 'done' | 'aborted'] ?? 'failed';
    const cause = error ? `, ${error.message}` : '';
    cluster.say({
      kind: 'plan',
      severity: state === 'done' ? 'good' : state === 'aborted' ? 'warning' : 'bad',
      node: null,
      text: `${series.title}: ${words}${cause}`,
      by: series.askedBy,
      mark: true,
    });
  }

  private change(changes: Partial<Series>): void {
    const { cluster } = this.options;
    if (!cluster.series) return;
    cluster.series = { ...cluster.series, ...changes };
    cluster.changed();
  }

  private changePart(index: number, changes: Partial<SeriesPart>): void {
    const parts = this.options.cluster.series?.parts ?? [];
    this.change({ parts: parts.map((part, place) => (place === index ? { ...part, ...changes } : part)) });
  }
}
