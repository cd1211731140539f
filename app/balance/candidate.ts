/** What a policy may know about a node when a session must be placed. */
import type { NodeName } from '../model/ids.js';
import type { NodeSample } from '../model/metrics.js';
import type { NodeState } from '../model/node-state.js';
import type { HealthLevel } from './health.js';

export interface Candidate {
  readonly node: NodeName;
  readonly state: NodeState;
  /** The highest level at which it answered lately; see health.ts. */
  readonly health: HealthLevel;
  /** Sessions leave it and none are placed there. */
  readonly draining: boolean;
  /** Sessions of the front ends on it now. */
  readonly connections: number;
  /** Share of the sessions that the operator gives it; 0 places none. */
  readonly weight: number;
  /** Newest last, at most a minute old. */
  readonly samples: readonly NodeSample[];
  /** Share of the host's memory in use, 0 to 1. */
  readonly memoryShare: number | null;
  /** Share of time in which the disk was waited for, 0 to 1. */
  readonly diskWaitShare: number | null;
}

/** Why a node takes no session at all, whatever the policy says; null when it does. */
export function exclusion(candidate: Candidate, requiredHealth: HealthLevel): string | null {
  if (candidate.state !== 'active') return `is ${candidate.state}`;
  if (candidate.draining) return 'is being drained';
  if (candidate.weight <= 0) return 'has weight 0';
  if (candidate.health < requiredHealth) return `answers at level ${candidate.health}, not ${requiredHealth}`;
  return null;
}

/** Of two measurements this much apart the older counts half. */
const halfLifeMs = 5_000;

/**
 * The mean of what `pick` reads from the samples, in which older ones count less.
 * @param freshMs samples older than this do not count at all
 * @returns null when no sample has the value
 */
export function decayedMean(
  samples: readonly NodeSample[],
  nowMs: number,
  freshMs: number,
  pick: (sample: NodeSample) => number | null,
): number | null {
  let sum = 0;
  let weights = 0;
  for (const sample of samples) {
    const ageMs = Math.max(0, nowMs - sample.takenAtMs);
    const value = pick(sample);
    if (value === null || ageMs > freshMs) continue;
    const weight = 2 ** (-ageMs / halfLifeMs);
    sum += value * weight;
    weights += weight;
  }
  return weights > 0 ? sum / weights : null;
}
