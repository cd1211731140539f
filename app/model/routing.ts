/** Where new sessions go: the policies in words, what an operator can set, and the record of each decision. */
import { z } from 'zod';
import { type NodeName, nodeNameSchema } from './ids.js';

export const policyNames = [
  'round-robin',
  'weighted',
  'least-connections',
  'response-time',
  'cpu-load',
  'optimal',
] as const;
export type PolicyName = (typeof policyNames)[number];

interface PolicyWords {
  /** For menus. */
  readonly title: string;
  /** Completes "sessions go ...". */
  readonly meaning: string;
  /** What weights do to it, one sentence; null when it only asks whether a weight is 0. */
  readonly weights: string | null;
}

const bearsMore = 'Of the sessions placed since the last sample a node with a higher weight bears more.';

/** What each policy is called and means. */
export const policyWords: Readonly<Record<PolicyName, PolicyWords>> = {
  'round-robin': { title: 'Round robin', meaning: 'to each node in turn', weights: null },
  weighted: {
    title: 'Weighted',
    meaning: 'to each node in turn, as often as its weight says',
    weights: 'A node with weight 2 gets two sessions where one with weight 1 gets one.',
  },
  'least-connections': {
    title: 'Least connections',
    meaning: 'to the node with the fewest sessions for its weight',
    weights: 'A node with weight 2 counts as full with twice the sessions of one with weight 1.',
  },
  'response-time': {
    title: 'Response time',
    meaning: 'to the node that answers fastest',
    weights: bearsMore,
  },
  'cpu-load': {
    title: 'CPU load',
    meaning: 'to the node whose processor has the most to spare',
    weights: bearsMore,
  },
  optimal: {
    title: 'Optimal',
    meaning: 'to the node with the lowest sum of processor, load, memory and response time',
    weights: bearsMore,
  },
};

/** The largest weight: a hundredfold is more than machines differ. */
export const weightMax = 100;
/** Of a node whose weight nobody has set. */
export const weightDefault = 1;

/** What an operator sets. A node that is not named has weight 1. */
export const routingSchema = z
  .object({
    policy: z.enum(policyNames),
    weights: z.record(nodeNameSchema, z.number().int().min(0).max(weightMax)),
  })
  .strict();
export type Routing = z.infer<typeof routingSchema>;

/** Before anybody has set anything. */
export const defaultRouting: Routing = { policy: 'least-connections', weights: {} };

/** The weight of a node under these settings. */
export const weightOf = ({ weights }: Pick<Routing, 'weights'>, node: NodeName): number =>
  weights[node] ?? weightDefault;

/** One row of the table that explains a decision. */
export interface Score {
  readonly node: NodeName;
  /** Lower is better; null cannot win. */
  readonly score: number | null;
  /** What it is made of: "cpu" -> 0.42. */
  readonly parts: Readonly<Record<string, number>>;
  /** Why it cannot win. */
  readonly reason: string | null;
  /** Sessions that it had through the address, and its weight: of equal scores the fewest for the weight win. */
  readonly sessions: number;
  readonly weight: number;
}

/** One placement, with the table that explains it. */
export interface Decision {
  /** Increases by one with every decision. */
  readonly number: number;
  readonly atMs: number;
  /** The client's address and port as the front door sees it: "127.0.0.1:45312". */
  readonly session: string;
  readonly policy: PolicyName;
  /** Null when no node could take the session. */
  readonly winner: NodeName | null;
  /** A policy that needs samples had none: the session was placed by least connections. */
  readonly fellBack: boolean;
  readonly scores: readonly Score[];
}

/** Decisions of one page at most. */
const decisionPageMax = 100;

/** Which decisions are asked for. */
export const decisionQuerySchema = z
  .object({
    /** Only sessions that this node got; null for all. */
    node: nodeNameSchema.nullable(),
    /** Only sessions whose name has this in it; empty for all. */
    session: z.string().max(64),
    /** Only decisions newer than this number; 0 for all. */
    after: z.number().int().min(0),
    count: z.number().int().min(1).max(decisionPageMax),
  })
  .strict();
export type DecisionQuery = z.infer<typeof decisionQuerySchema>;

export interface DecisionPage {
  /** Newest first. */
  readonly decisions: readonly Decision[];
  /** The number of the last decision, whether or not it was asked for. */
  readonly last: number;
  /** When numbers began: another value than before means that they began anew. */
  readonly beganAtMs: number;
}
