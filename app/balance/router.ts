/** Places sessions on nodes by a policy that can change while it works, and can say why each went where it went. */
import type { NodeName } from '../model/ids.js';
import type { Decision, DecisionPage, DecisionQuery, PolicyName, Score } from '../model/routing.js';
import { type Candidate, exclusion } from './candidate.js';
import type { HealthLevel } from './health.js';
import { type PolicyMemory, policies, scoreOf, winnerOf } from './policies.js';

/** Decisions that are kept for "why did this session go to db2?". */
export const decisionsMax = 1000;

export interface RouterSettings {
  readonly policy: PolicyName;
  /** The level at which a node must answer to get sessions. */
  readonly requiredHealth: HealthLevel;
  /** A sample older than this, in milliseconds, says nothing. */
  readonly freshMs: number;
  readonly countsDisk: boolean;
}

export const defaultRouterSettings: RouterSettings = {
  policy: 'least-connections',
  requiredHealth: 7,
  freshMs: 5_000,
  countsDisk: false,
};

export class Router {
  private settings: RouterSettings;
  private memory: PolicyMemory = new Map();
  private readonly kept: Decision[] = [];
  private next = 1;
  /** Per node: when sessions were placed that the newest sample may not show. */
  private readonly placedAtMs = new Map<NodeName, number[]>();

  constructor(settings: RouterSettings = defaultRouterSettings) {
    this.settings = settings;
  }

  /** Takes effect with the next session. */
  change(settings: RouterSettings): void {
    if (settings.policy !== this.settings.policy) this.memory = new Map();
    this.settings = settings;
  }

  /**
   * Places a session.
   * @param session its name in the table of decisions
   * @returns a decision whose `winner` is null when no candidate can take it
   */
  place(session: string, candidates: readonly Candidate[], nowMs: number): Decision {
    const { policy, requiredHealth, freshMs, countsDisk } = this.settings;
    const excluded: Score[] = [];
    const able: Candidate[] = [];
    for (const candidate of candidates) {
      const reason = exclusion(candidate, requiredHealth);
      if (reason === null) able.push(candidate);
      else excluded.push(scoreOf(candidate, null, {}, reason));
    }
    const placedSince = (candidate: Candidate) => this.placedSince(candidate);
    const context = { nowMs, memory: this.memory, freshMs, placedSince, countsDisk };
    let ranking = policies[policy].rank(able, context);
    let winner = winnerOf(ranking.scores, able);
    // Nodes answer queries but nobody measured them lately: better placed by count than refused.
    const fellBack = winner === null && able.length > 0;
    if (fellBack) {
      ranking = policies['least-connections'].rank(able, context);
      winner = winnerOf(ranking.scores, able);
    }
    if (winner !== null && !fellBack) this.memory = ranking.remember(winner);
    if (winner !== null) this.notePlaced(winner, nowMs);
    const scores = [...ranking.scores, ...excluded];
    const decision = { number: this.next++, atMs: nowMs, session, policy, winner, fellBack, scores };
    this.kept.push(decision);
    if (this.kept.length > decisionsMax) this.kept.shift();
    return decision;
  }

  private notePlaced(node: NodeName, nowMs: number): void {
    const times = this.placedAtMs.get(node) ?? [];
    times.push(nowMs);
    if (times.length > decisionsMax) times.shift();
    this.placedAtMs.set(node, times);
  }

  private placedSince({ node, samples }: Candidate): number {
    const newestMs = samples.at(-1)?.takenAtMs ?? 0;
    const times = this.placedAtMs.get(node);
    if (!times) return 0;
    while (times.length > 0 && (times[0] as number) <= newestMs) times.shift();
    return times.length;
  }

  /** The newest of the last thousand decisions that are asked for. */
  decisions({ node, session, after, count }: DecisionQuery): Omit<DecisionPage, 'beganAtMs'> {
    const found: Decision[] = [];
    for (let index = this.kept.length - 1; index >= 0 && found.length < count; index--) {
      const decision = this.kept[index] as Decision;
      if (decision.number <= after) break;
      if (node !== null && decision.winner !== node) continue;
      if (decision.session.includes(session)) found.push(decision);
    }
    return { decisions: found, last: this.next - 1 };
  }
}
