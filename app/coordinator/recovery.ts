/**
 * Automatic recovery: a node that failed and is wanted is brought back by a plan, as an operator would: incrementally
 * where that is safe, else by a full copy. Not more often than is sensible; then a person has to look.
 */
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { NodeName } from '../model/ids.js';
import { replicates } from '../model/node-state.js';
import type { RecoveryOutlook, RecoverySettings } from '../model/recovery.js';
import { underWay } from '../model/series.js';
import type { Cluster } from './cluster.js';
import type { ClusterNode } from './node.js';
import type { PlanRunner } from './plan-runner.js';

const lookEveryMs = 500;
/** After a failure, before the first try: whoever watches sees what happened first. Doubled with each further try. */
const firstWaitMs = 10_000;
const hourMs = 3_600_000;
/** Who asks for these plans, in events and audit. */
const asker = 'Ringmaster';

interface Patient {
  /** Since when it is seen failed; null while it is not. */
  failedAtMs: number | null;
  /** When plans for it began, within the last hour. */
  triedAtMs: number[];
  refusal: string | null;
}

export interface RecoveryOptions {
  readonly cluster: Cluster;
  readonly plans: PlanRunner;
  readonly log: Log;
}

export class Recovery {
  readonly #patients = new Map<NodeName, Patient>();
  readonly #options: RecoveryOptions;
  #timer: { cancel(): void } | undefined;
  #proposing = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#timer = this.#options.cluster.clock.every(lookEveryMs, () => this.#look());
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** From now on. What was tried within the last hour still counts. */
  set(settings: RecoverySettings, by: string): void {
    const { cluster } = this.#options;
    const before = cluster.recovery;
    cluster.recovery = settings;
    if (before.on !== settings.on)
      cluster.say({
        kind: 'policy',
        severity: 'info',
        node: null,
        text: `automatic recovery is ${settings.on ? 'on' : 'off'}`,
        by,
        mark: false,
      });
    this.#look();
  }

  #look(): void {
    const { cluster } = this.#options;
    const nowMs = cluster.clock.wallMs();
    const waiting = cluster.nodes.filter((node) => this.#wantsBack(node, nowMs));
    const outlook = cluster.recovery.on ? waiting.map((node) => this.#outlookOf(node, nowMs)) : [];
    // Twice a second for ever: a cluster in which nobody failed has nothing to tell.
    if (outlook.length > 0 || cluster.outlook.length > 0) cluster.changed();
    cluster.outlook = outlook;
    const due = outlook.find(({ atMs }) => atMs !== null && atMs <= nowMs);
    if (due && !this.#proposing) void this.#bringBack(cluster.node(due.node));
  }

  #wantsBack(node: ClusterNode, nowMs: number): boolean {
    const patient = this.#patients.get(node.name) ?? { failedAtMs: null, triedAtMs: [], refusal: null };
    this.#patients.set(node.name, patient);
    patient.triedAtMs = patient.triedAtMs.filter((atMs) => atMs > nowMs - hourMs);
    if (node.state !== 'failed' || !replicates(node.wanted)) {
      patient.failedAtMs = null;
      patient.refusal = null;
      return false;
    }
    patient.failedAtMs ??= nowMs;
    return true;
  }

  #outlookOf({ name, control }: ClusterNode, nowMs: number): RecoveryOutlook {
    const { cluster } = this.#options;
    const { failedAtMs, triedAtMs, refusal } = this.#patients.get(name) as Patient;
    if (control === null) return { node: name, atMs: null, words: 'its peer is not reached' };
    if (triedAtMs.length >= cluster.recovery.perHourMax)
      return {
        node: name,
        atMs: null,
        words: `it was brought back ${triedAtMs.length} times within an hour: somebody has to look`,
      };
    const busy = cluster.startingUp !== null || underWay(cluster) !== undefined;
    if (busy) return { node: name, atMs: null, words: 'waits for what is under way' };
    const atMs = (failedAtMs ?? nowMs) + firstWaitMs * 2 ** triedAtMs.length;
    return { node: name, atMs, words: refusal };
  }

  async #bringBack(node: ClusterNode): Promise<void> {
    const { cluster, plans, log } = this.#options;
    const patient = this.#patients.get(node.name) as Patient;
    this.#proposing = true;
    try {
      const request = { node: node.name, target: node.wanted, donor: null, askedBy: asker };
      const plan = await plans.propose(request);
      plans.run(plan.id, null, asker);
      patient.triedAtMs.push(cluster.clock.wallMs());
      patient.refusal = null;
    } catch (error) {
      log.warn({ node: node.name, error: messageOf(error) }, 'not brought back');
      patient.refusal = messageOf(error);
      // Looked at again, as after a failure, without counting: nothing was tried.
      patient.failedAtMs = cluster.clock.wallMs();
    } finally {
      this.#proposing = false;
    }
  }
}
