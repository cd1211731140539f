/** A series: plans for several nodes, one after another, that stops at the first one which does not succeed. */
import { z } from 'zod';
import type { ErrorView } from '../base/errors.js';
import type { NodeName, PlanId, SeriesId } from './ids.js';
import type { Danger, NodeState } from './node-state.js';
import { isRunning, type Plan, type PlanEffect, type PlanState } from './plan.js';
import { serverOptionsSchema } from './server-options.js';

/** States that several nodes can be brought to; maintenance has a reason of its own for each. */
export const seriesTargets = ['active', 'standby', 'offline'] as const;
/** What is done to each node of a series. */
export const seriesActSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('move'), target: z.enum(seriesTargets) }).strict(),
  z.object({ kind: z.literal('restart'), options: serverOptionsSchema.nullable() }).strict(),
]);
export type SeriesAct = z.infer<typeof seriesActSchema>;

export type SeriesPartState = 'waiting' | 'running' | 'done' | 'failed' | 'skipped';

/** One node's turn. */
export interface SeriesPart {
  readonly node: NodeName;
  readonly from: NodeState;
  readonly state: SeriesPartState;
  /** Its plan, once its turn has come. */
  readonly plan: PlanId | null;
  /** What it waits for, or what came of it: "db1 applies 812 changes first", "active after 6 s". */
  readonly words: string | null;
}

export interface Series {
  readonly id: SeriesId;
  /** "Restart db1, db2 and db3, one after another". */
  readonly title: string;
  readonly act: SeriesAct;
  readonly parts: readonly SeriesPart[];
  readonly danger: Danger;
  readonly effects: readonly PlanEffect[];
  readonly warnings: readonly string[];
  readonly askedBy: string;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  /** `aborting`: the node whose turn it is comes to its end, and no other begins. */
  readonly state: PlanState;
  readonly error: ErrorView | null;
}

/** What is changing the cluster now: a series before the plan of the node whose turn it is; undefined when nothing does. */
export const underWay = ({
  series,
  plan,
}: {
  readonly series: Series | null;
  readonly plan: Plan | null;
}): Series | Plan | undefined => [series, plan].find((each) => each !== null && isRunning(each)) ?? undefined;
