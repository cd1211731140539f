/**
 * The policies that place sessions, behind one interface: each gives every candidate a score with its parts, and the
 * lowest wins. What a policy must remember from one decision to the next (whose turn it is) goes in and comes out.
 */
import type { NodeName } from '../model/ids.js';
import type { PolicyName, Score } from '../model/routing.js';
import { type Candidate, decayedMean } from './candidate.js';

/** Numbers that a policy keeps about nodes. */
export type PolicyMemory = ReadonlyMap<NodeName, number>;

export interface PolicyContext {
  readonly nowMs: number;
  readonly memory: PolicyMemory;
  /** A sample older than this, in milliseconds, says nothing. */
  readonly freshMs: number;
  /** Sessions placed since the newest sample: measured values do not show them yet. */
  readonly placedSince: (candidate: Candidate) => number;
  /** `optimal` counts the disk too. */
  readonly countsDisk: boolean;
}

export interface Ranking {
  readonly scores: readonly Score[];
  /** What the policy remembers when `winner` gets the session. */
  readonly remember: (winner: NodeName) => PolicyMemory;
}

export interface Policy {
  rank(candidates: readonly Candidate[], context: PolicyContext): Ranking;
}

/** A candidate's row. @param reason why it cannot win */
export const scoreOf = (
  { node, connections, weight }: Candidate,
  score: number | null,
  parts: Score['parts'],
  reason: string | null = null,
): Score => ({ node, score, parts, reason, sessions: connections, weight });

/** A measured value must not send every session to the same node until the next sample: each placed one weighs a little. */
const placedWeight = 0.02;

const noSample = 'has no fresh sample';

const byName = (left: Candidate, right: Candidate): number =>
  left.node < right.node ? -1 : left.node > right.node ? 1 : 0;

const roundRobin: Policy = {
  rank(candidates, { memory }) {
    const served = (node: NodeName) => memory.get(node) ?? 0;
    const last = Math.max(0, ...memory.values());
    const scores = candidates.map((candidate) => {
      const turn = served(candidate.node);
      return scoreOf(candidate, turn, { 'last served': turn });
    });
    return { scores, remember: (winner) => new Map(memory).set(winner, last + 1) };
  },
};

/** Smooth weighted round robin, as in nginx: of weights 2 and 1 the order is a b a, a b a, not a a b. */
const weighted: Policy = {
  rank(candidates, { memory }) {
    const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
    const credit = new Map(candidates.map(({ node, weight }) => [node, (memory.get(node) ?? 0) + weight]));
    const scores = candidates.map((candidate) => {
      const { node, weight } = candidate;
      const owed = credit.get(node) ?? 0;
      return scoreOf(candidate, -owed, { weight, owed });
    });
    return { scores, remember: (winner) => new Map(credit).set(winner, (credit.get(winner) ?? 0) - total) };
  },
};

const measured = (
  score: (
    candidate: Candidate,
    context: PolicyContext,
    all: readonly Candidate[],
  ) => Record<string, number> | null,
): Policy => ({
  rank(candidates, context) {
    const scores = candidates.map((candidate) => {
      const parts = score(candidate, context, candidates);
      if (!parts) return scoreOf(candidate, null, {}, noSample);
      const sum = Object.values(parts).reduce((total, part) => total + part, 0);
      return scoreOf(candidate, sum, parts);
    });
    return { scores, remember: () => context.memory };
  },
});

const leastConnections = measured(({ connections, weight }) => ({
  'sessions per weight': (connections + 1) / weight,
}));

/** Response time, of which the slowest candidate has 1. */
function relativeResponse(
  candidate: Candidate,
  { nowMs, freshMs }: PolicyContext,
  all: readonly Candidate[],
): number | null {
  const of = ({ samples }: Candidate) => decayedMean(samples, nowMs, freshMs, ({ responseMs }) => responseMs);
  const own = of(candidate);
  if (own === null) return null;
  const slowest = Math.max(...all.map((one) => of(one) ?? 0));
  return slowest > 0 ? own / slowest : 0;
}

const cpuShare = ({ samples }: Candidate, { nowMs, freshMs }: PolicyContext): number | null => {
  const percent = decayedMean(samples, nowMs, freshMs, ({ cpuPercent }) => cpuPercent);
  return percent === null ? null : percent / 100;
};

const placed = (candidate: Candidate, context: PolicyContext): number =>
  (context.placedSince(candidate) * placedWeight) / candidate.weight;

const responseTime = measured((candidate, context, all) => {
  const response = relativeResponse(candidate, context, all);
  return response === null ? null : { response, 'just placed': placed(candidate, context) };
});

const cpuLoad = measured((candidate, context) => {
  const cpu = cpuShare(candidate, context);
  return cpu === null ? null : { cpu, 'just placed': placed(candidate, context) };
});

/** Load per core from which a node counts as full. */
const fullLoadPerCore = 2;

const optimal = measured((candidate, context, all) => {
  const { nowMs, freshMs, countsDisk } = context;
  const cpu = cpuShare(candidate, context);
  const response = relativeResponse(candidate, context, all);
  // Without these two there is no server there, or nobody has looked lately.
  if (cpu === null || response === null) return null;
  const load = decayedMean(candidate.samples, nowMs, freshMs, ({ loadPerCore }) => loadPerCore);
  return {
    cpu,
    response,
    'just placed': placed(candidate, context),
    ...(load !== null && { load: Math.min(1, load / fullLoadPerCore) }),
    ...(candidate.memoryShare !== null && { memory: candidate.memoryShare }),
    ...(countsDisk && candidate.diskWaitShare !== null && { disk: candidate.diskWaitShare }),
  };
});

export const policies: Readonly<Record<PolicyName, Policy>> = {
  'round-robin': roundRobin,
  weighted,
  'least-connections': leastConnections,
  'response-time': responseTime,
  'cpu-load': cpuLoad,
  optimal,
};

/** The lowest score wins; of equal ones the node with fewer sessions for its weight, then the first by name. */
export function winnerOf(scores: readonly Score[], candidates: readonly Candidate[]): NodeName | null {
  const known = new Map(scores.map(({ node, score }) => [node, score]));
  let best: { candidate: Candidate; score: number } | null = null;
  for (const candidate of [...candidates].sort(byName)) {
    const score = known.get(candidate.node) ?? null;
    if (score === null || Number.isNaN(score)) continue;
    const better =
      best === null ||
      score < best.score ||
      (score === best.score &&
        candidate.connections / candidate.weight < best.candidate.connections / best.candidate.weight);
    if (better) best = { candidate, score };
  }
  return best?.candidate.node ?? null;
}
