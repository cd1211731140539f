/**
 * Every request, reply and push between a window and the coordinator, in one typed map. Both ends derive from it.
 * A window opens with a full snapshot and then receives versioned updates; a gap in versions means: open again.
 */
import { z } from 'zod';
import type { ErrorView } from '../base/errors.js';
import { type ClusterSnapshot, loadSettingsSchema } from '../model/cluster.js';
import { nodeNameSchema, planIdSchema, seriesIdSchema } from '../model/ids.js';
import { maintenanceRequestSchema } from '../model/maintenance.js';
import type { MetricsPoint } from '../model/metrics.js';
import { type Danger, targetStateSchema } from '../model/node-state.js';
import type { Plan } from '../model/plan.js';
import { recoverySettingsSchema } from '../model/recovery.js';
import { type DecisionPage, decisionQuerySchema, routingSchema } from '../model/routing.js';
import { type Series, seriesActSchema } from '../model/series.js';
import type { VerificationView } from '../model/verification.js';

/** One request: how its payload is parsed, what it answers, and whether it changes anything. */
interface RequestEntry<Payload extends z.ZodType, Reply> {
  readonly payload: Payload;
  /** null for requests that change nothing; else the guard asks for this much confirmation. */
  readonly changes: Danger | null;
  /** Carries the type only. */
  readonly reply: (() => Reply) | null;
}

const request =
  <Reply>() =>
  <Payload extends z.ZodType>(payload: Payload, changes: Danger | null): RequestEntry<Payload, Reply> => ({
    payload,
    changes,
    reply: null,
  });

/** Nodes of one series. */
const seriesNodesMax = 64;
const nothing = z.object({}).strict();

export const windowRequests = {
  /** The whole snapshot and the last five minutes of metrics; pushes follow from its version on. */
  'cluster.open': request<{ snapshot: ClusterSnapshot; metrics: readonly MetricsPoint[] }>()(nothing, null),
  /** Makes the plan of a state change without running it. */
  'plan.propose': request<Plan>()(
    z.object({ node: nodeNameSchema, target: targetStateSchema, donor: nodeNameSchema.nullable() }).strict(),
    null,
  ),
  /** Runs a proposed plan. Confirmed by the operator who saw it, who says why when a node goes into maintenance. */
  'plan.run': request<Plan>()(
    z.object({ plan: planIdSchema, maintenance: maintenanceRequestSchema.nullable() }).strict(),
    'disruptive',
  ),
  /** Stops the running plan; what it changed is undone. */
  'plan.abort': request<Plan>()(z.object({ plan: planIdSchema }).strict(), 'safe'),
  /** Puts an ended plan away, so that its card closes. */
  'plan.dismiss': request<null>()(z.object({ plan: planIdSchema }).strict(), null),
  /** Makes a series of plans, one node after another, without running it. @throws `series.refused` */
  'series.propose': request<Series>()(
    z.object({ nodes: z.array(nodeNameSchema).min(1).max(seriesNodesMax), act: seriesActSchema }).strict(),
    null,
  ),
  'series.run': request<Series>()(z.object({ series: seriesIdSchema }).strict(), 'disruptive'),
  /** No other node begins; the one whose turn it is comes to its end (or is stopped by `plan.abort`). */
  'series.stop': request<Series>()(z.object({ series: seriesIdSchema }).strict(), 'safe'),
  'series.dismiss': request<null>()(z.object({ series: seriesIdSchema }).strict(), null),
  /** Whether failed nodes are brought back without being asked for. */
  'recovery.set': request<null>()(recoverySettingsSchema.strict(), 'safe'),
  /** Compares the data of all nodes at one change. Answers as soon as it runs; the snapshot tells how it goes. */
  'verification.start': request<VerificationView>()(
    z.object({ loadPercent: z.number().int().min(1).max(100) }).strict(),
    'safe',
  ),
  /** Stops the comparison that runs. */
  'verification.stop': request<null>()(nothing, 'safe'),
  /** Is a joining node compared before it takes sessions? */
  'verification.set': request<null>()(z.object({ verifiesJoins: z.boolean() }).strict(), 'safe'),
  /** Changes what the load generator does, at once. */
  'load.set': request<null>()(loadSettingsSchema, 'safe'),
  /** The newest decisions of where sessions went, with the table that explains each. */
  'routing.decisions': request<DecisionPage>()(decisionQuerySchema, null),
  /** Changes who gets the sessions that come from now on; open sessions stay where they are. */
  'routing.set': request<null>()(routingSchema, 'safe'),
  /** Processor quota of every lab node, in cores. */
  'lab.set-quota': request<null>()(z.object({ cores: z.number().min(0.1).max(64) }).strict(), 'safe'),
  /** Stops all servers, erases their data and starts anew. `confirmation` is the typed name of the lab. */
  'lab.reset': request<null>()(z.object({ confirmation: z.string().max(64) }).strict(), 'destructive'),
} as const satisfies Record<string, RequestEntry<z.ZodType, unknown>>;

export type WindowRequests = typeof windowRequests;
export type RequestName = keyof WindowRequests;
export type RequestPayload<Name extends RequestName> = z.input<WindowRequests[Name]['payload']>;
export type ParsedPayload<Name extends RequestName> = z.output<WindowRequests[Name]['payload']>;
export type RequestReply<Name extends RequestName> = ReturnType<NonNullable<WindowRequests[Name]['reply']>>;

/**
 * What the coordinator implements. `by` is who asks, for the plan and the events: the operator at this console when it
 * is left out.
 */
export type RequestHandlers = {
  readonly [Name in RequestName]: (payload: ParsedPayload<Name>, by?: string) => Promise<RequestReply<Name>>;
};

/** A change of the snapshot: the fields that are new, whole. */
export interface SnapshotUpdate {
  /** The version this update builds on. */
  readonly since: number;
  readonly version: number;
  readonly changes: Partial<Omit<ClusterSnapshot, 'version'>>;
}

/** What the coordinator sends by itself. */
export interface WindowPushes {
  'cluster.updated': SnapshotUpdate;
  'metrics.appended': MetricsPoint;
}
export type PushName = keyof WindowPushes;

/** A push with its name, so that one message type carries them all. */
export type NamedPush = {
  readonly [Name in PushName]: { readonly name: Name; readonly push: WindowPushes[Name] };
}[PushName];

/** What a reply looks like on its way: failures cross as values, not as exceptions. */
export type ReplyEnvelope<Reply> =
  | { readonly ok: true; readonly reply: Reply }
  | { readonly ok: false; readonly error: ErrorView };

/** What the preload script puts on `window.ringmaster`: named verbs only. */
export interface WindowBridge {
  request<Name extends RequestName>(
    name: Name,
    payload: RequestPayload<Name>,
  ): Promise<ReplyEnvelope<RequestReply<Name>>>;
  /** Calls `listener` on each push until the returned function is called. */
  onPush<Name extends PushName>(name: Name, listener: (push: WindowPushes[Name]) => void): () => void;
  /** Facts that do not change while the window lives. */
  readonly platform: { readonly isMac: boolean; readonly version: string };
}

/** Is this text the name of a request? */
export const isRequestName = (name: string): name is RequestName => Object.hasOwn(windowRequests, name);
