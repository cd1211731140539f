/** One seed decides everything: how many members, how the network behaves, which faults happen and how often. */
import type { Random } from '../base/random.js';
import { type RingSettings, ringSettings } from '../ring/model.js';

/** What can go wrong in a run. */
export const faultKinds = [
  'crash',
  'host-crash',
  'wipe',
  'server-crash',
  'pause',
  'partition',
  'one-way',
  'cut-network',
  'slow',
  'slow-disk',
  'leave',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface SimOptions {
  readonly members: number;
  /** Member numbers without a database. */
  readonly arbiters: readonly number[];
  readonly networks: number;
  readonly settings: RingSettings;
  /** Message delay: fixed part and mean of the random part, milliseconds. */
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Share of messages lost and doubled, 0 to 1. */
  readonly loss: number;
  readonly doubles: number;
  /** Does a crash close connections visibly, as an operating system that lives does? Share of crashes. */
  readonly visibleCrashes: number;
  readonly faults: readonly FaultKind[];
  /** Mean time between two faults, milliseconds. */
  readonly faultEveryMs: number;
  /** Mean time between two bursts of transactions, milliseconds. */
  readonly burstEveryMs: number;
  /** Applier delay, mean, milliseconds. */
  readonly applyMs: number;
  /** How long a healthy disk needs for a write, at most. Milliseconds. */
  readonly diskMs: number;
  /** Does the server itself acknowledge what its successor received (semi-sync), where that is a majority? */
  readonly semiSync: boolean;
  /** Clock speed of each member, 1 = true. */
  readonly clockRates: readonly number[];
}

/** How long faults happen, and how long a run is. Virtual milliseconds. */
export const faultsUntilMs = 36_000;
export const runMs = 60_000;

/** Draws a scenario. Rare features are drawn often enough that a few thousand seeds meet every pair of them. */
export function drawOptions(random: Random): SimOptions {
  const members = random.integer(3, 7);
  const expelAfterMs = random.pick([800, 1_000, 1_400]);
  const settings: RingSettings = {
    ...ringSettings(expelAfterMs),
    probeAfterMs: random.pick([20, 40]),
    pulseMs: Math.round(expelAfterMs / 2),
    joinMs: Math.round(expelAfterMs / 8),
    joinGapMax: random.pick([15, 10_000]),
    groupMax: random.pick([2, 10, 100]),
    lagStop: random.pick([40, 10_000]),
  };
  const allowed = faultKinds.filter(() => random.chance(0.55));
  // A wiped store and a lost tail together can take the last copies of a change: that needs an operator.
  const faults = allowed.includes('wipe') ? allowed.filter((kind) => kind !== 'host-crash') : allowed;
  return {
    members,
    arbiters: members % 2 === 1 && random.chance(0.25) ? [random.integer(1, members)] : [],
    networks: random.chance(0.3) ? 2 : 1,
    settings,
    delayMs: random.pick([0.2, 1, 4]),
    jitterMs: random.pick([0.2, 2, 8]),
    loss: random.pick([0, 0, 0.01, 0.08]),
    doubles: random.pick([0, 0.02, 0.1]),
    visibleCrashes: random.pick([0, 0.5, 1]),
    faults: faults.length > 0 ? faults : ['crash', 'partition'],
    faultEveryMs: random.pick([600, 1500, 4000]),
    burstEveryMs: random.pick([500, 1_100]),
    applyMs: random.pick([0, 2, 20]),
    diskMs: random.pick([0, 0, 2]),
    semiSync: random.chance(0.4),
    clockRates: Array.from({ length: members }, () => 1 + (random.next() - 0.5) * 0.04),
  };
}
