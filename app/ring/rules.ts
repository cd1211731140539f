/**
 * The decisions on which safety hangs, by name. The step takes them as a parameter for one reason: a test replaces them
 * one by one by broken ones and asserts that the simulator's checkers notice (app/sim/sabotage.test.ts).
 */
import type { DataInfo, Durable, RingId, Voter } from './model.js';
import { ringCounter, ringIdOf } from './model.js';
import { mayOvertake } from './outbox.js';
import {
  acknowledgersNeeded,
  hasDiverged,
  hasMajority,
  positionKnown,
  unresolvedAttempts,
} from './quorum.js';

export interface Rules {
  readonly hasMajority: typeof hasMajority;
  readonly positionKnown: typeof positionKnown;
  readonly unresolvedAttempts: typeof unresolvedAttempts;
  readonly acknowledgersNeeded: typeof acknowledgersNeeded;
  readonly hasDiverged: typeof hasDiverged;
  /** Is nothing of this member's data lost? */
  readonly isCertain: (data: Extract<DataInfo, { kind: 'ready' }>) => boolean;
  /** The position that a new view starts with. */
  readonly startOf: (received: readonly number[]) => number;
  /** The ring id for a proposal, above everything that anybody has seen. */
  readonly nextRingId: (highestSeen: RingId, leader: number) => RingId;
  /** Is this pass of the token newer than the last one seen here? */
  readonly isNewToken: (number: number, lastNumber: number) => boolean;
  /** Does a message of `ringId` belong to the ring `own`? */
  readonly isOwnRing: (ringId: RingId, own: RingId) => boolean;
  /** Has this node applied everything that was ordered? */
  readonly hasApplied: (applied: number, sequence: number) => boolean;
  /** May this member attest ring `ringId` after what it promised? */
  readonly mayAttest: (ringId: RingId, durable: Durable) => boolean;
  /** Has a member attested? Used by the leader before a view comes into being. */
  readonly allAttested: (voters: readonly Voter[], attested: ReadonlySet<number>) => boolean;
  /** What is written to the disk. */
  readonly persisted: (durable: Durable) => Durable;
  /** Is everything that was promised on the disk? Asked before a view begins and before the token goes. */
  readonly isOnDisk: (stored: number, promised: number) => boolean;
  readonly mayOvertake: typeof mayOvertake;
  /** Does a member give the token away when it passes it? */
  readonly letsGo: boolean;
  /** Does a peer wait until receiving has stopped before it tells where it stands? */
  readonly waitsForFence: boolean;
  /** Members that must have seen a control message before anybody acts on it. */
  readonly controlQuorum: (members: number) => number;
}

export const soundRules: Rules = {
  hasMajority,
  positionKnown,
  unresolvedAttempts,
  acknowledgersNeeded,
  hasDiverged,
  isCertain: (data) => data.certain,
  startOf: (received) => Math.max(0, ...received),
  nextRingId: (highestSeen, leader) => ringIdOf(ringCounter(highestSeen) + 1, leader),
  isNewToken: (number, lastNumber) => number > lastNumber,
  isOwnRing: (ringId, own) => ringId === own,
  hasApplied: (applied, sequence) => applied >= sequence,
  mayAttest: (ringId, durable) => ringId > durable.promised,
  allAttested: (voters, attested) => voters.every((voter) => attested.has(voter.id)),
  persisted: (durable) => durable,
  isOnDisk: (stored, promised) => stored >= promised,
  mayOvertake,
  letsGo: true,
  waitsForFence: true,
  controlQuorum: (members) => Math.floor(members / 2) + 1,
};
