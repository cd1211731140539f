/** Branded identifiers: a name of a node is not a plan's id, and the compiler knows. */
import { z } from 'zod';

/** The name of a node: what people type and what glyphs show, such as `db1`. Unique in its cluster. */
export const nodeNameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, 'a node name has lower-case letters, digits and dashes, 31 at most')
  .brand<'NodeName'>();
export type NodeName = z.infer<typeof nodeNameSchema>;

/** The id of a plan, unique for ever. */
export const planIdSchema = z.string().min(1).max(64).brand<'PlanId'>();
export type PlanId = z.infer<typeof planIdSchema>;

/** The id of a series of plans, unique for ever. */
export const seriesIdSchema = z.string().min(1).max(64).brand<'SeriesId'>();
export type SeriesId = z.infer<typeof seriesIdSchema>;

/** The id of an event, increasing within a cluster. */
export type EventId = number & { readonly tag?: 'EventId' };

/** MariaDB's `server_id`: 1 to 2^32-1, unique in the cluster, never reused for another history. */
export const serverIdSchema = z.number().int().min(1).max(4_294_967_295).brand<'ServerId'>();
export type ServerId = z.infer<typeof serverIdSchema>;

/** Makes a node name. @throws ZodError when it is not one. */
export const nodeName = (text: string): NodeName => nodeNameSchema.parse(text);
/** Makes a plan id. @throws ZodError when it is not one. */
export const planId = (text: string): PlanId => planIdSchema.parse(text);
/** Makes a series' id. @throws ZodError when it is not one. */
export const seriesId = (text: string): SeriesId => seriesIdSchema.parse(text);
/** Makes a server id. @throws ZodError when it is not one. */
export const serverId = (value: number): ServerId => serverIdSchema.parse(value);
