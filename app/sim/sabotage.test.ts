/** Breaks the protocol on purpose, one decision at a time: the checkers must notice each time. */
import { expect, test } from 'vitest';
import { mayOvertake } from '../ring/outbox.js';
import { type Rules, soundRules } from '../ring/rules.js';
import type { SimOptions } from './options.js';
import { runSeed } from './run.js';

interface Sabotage {
  readonly title: string;
  readonly broken: Partial<Rules>;
  /** Makes the situation likely in which the decision matters. */
  readonly change?: (options: SimOptions) => SimOptions;
}

const withFaults =
  (...faults: SimOptions['faults']) =>
  (options: SimOptions): SimOptions => ({ ...options, faults, faultEveryMs: 600, burstEveryMs: 300 });

/** Counts the leader's attestation as knowledge of the view: it would abandon the view after a crash. */
const leaderForgets: Rules['mayOvertake'] = (message, stored, self) =>
  mayOvertake(message, stored, self) ||
  message.kind === 'install' ||
  ('ringId' in message &&
    message.kind !== 'token' &&
    message.kind !== 'attest' &&
    stored.ambiguous.some(({ ringId }) => ringId === message.ringId));

const slowDisks = withFaults('slow-disk', 'crash', 'partition');

const sabotages: readonly Sabotage[] = [
  {
    title: 'skip the quorum check',
    broken: { hasMajority: () => true, positionKnown: () => true },
    change: withFaults('partition'),
  },
  { title: 'reuse a ring id', broken: { nextRingId: (seen) => seen, mayAttest: () => true } },
  { title: 'pass the token and keep it', broken: { letsGo: false } },
  {
    title: 'accept a copy of an old token',
    broken: { isNewToken: (number) => number > 0 },
    change: (options) => ({ ...options, doubles: 0.3, faults: ['slow'] }),
  },
  { title: 'forget the applied check', broken: { hasApplied: () => true } },
  {
    title: 'acknowledge what only the committer has',
    broken: { acknowledgersNeeded: () => 1 },
    change: withFaults('crash', 'partition'),
  },
  {
    title: 'forget attempts that may have become views',
    broken: {
      unresolvedAttempts: () => [],
      allAttested: (voters, attested) => attested.size * 2 > voters.length,
    },
    change: withFaults('crash', 'partition', 'one-way'),
  },
  {
    title: 'start a view from the lowest position',
    broken: { startOf: (received) => Math.min(...received) },
  },
  {
    title: 'take in a node that went its own way',
    broken: { hasDiverged: () => false },
    change: withFaults('crash', 'partition', 'pause'),
  },
  {
    title: 'bring a view into being without everybody',
    broken: { allAttested: () => true },
    change: withFaults('partition', 'one-way', 'crash'),
  },
  {
    title: 'keep no promise on the disk',
    broken: { persisted: (durable) => ({ ...durable, primary: null, ambiguous: [], promised: 0 }) },
  },
  {
    title: 'listen to another ring',
    broken: { isOwnRing: () => true },
    // Copies that come late are what another ring is heard by.
    change: (options) => ({ ...withFaults('partition', 'pause', 'one-way')(options), doubles: 0.3 }),
  },
  {
    title: 'trust data whose end may be lost',
    broken: { isCertain: () => true },
    change: withFaults('host-crash', 'crash'),
  },
  {
    title: 'act on a control message that nobody else has',
    broken: { controlQuorum: () => 1 },
    change: withFaults('crash', 'partition'),
  },
  {
    title: 'let every message overtake the disk',
    broken: { mayOvertake: () => true },
    change: slowDisks,
  },
  {
    title: 'speak in a view that its leader has not stored',
    broken: { isOnDisk: () => true, mayOvertake: leaderForgets },
    change: slowDisks,
  },
];

const seedsMax = 400;

test.each(sabotages)('$title: the checkers notice', { timeout: 60_000 }, ({ broken, change }) => {
  const rules: Rules = { ...soundRules, ...broken };
  for (let seed = 1; seed <= seedsMax; seed++) {
    const [violation] = runSeed(seed, rules, null, change).violations;
    if (!violation) continue;
    expect(violation.rule).not.toBe('the protocol does not throw');
    console.log(`seed ${seed}: ${violation.rule}: ${violation.text}`);
    return;
  }
  expect.fail(`${seedsMax} seeds and nobody noticed`);
});

test.each(sabotages.flatMap(({ title, change }) => (change ? [{ title, change }] : [])))(
  'the sound protocol survives the same faults ($title)',
  { timeout: 60_000 },
  ({ change }) => {
    for (let seed = 1; seed <= 10; seed++) {
      expect(runSeed(seed, soundRules, null, change)).toMatchObject({ seed, violations: [] });
    }
  },
);
