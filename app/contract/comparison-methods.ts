/** The methods of the control protocol by which the data of all nodes are compared at one change. */
import { z } from 'zod';
import type { TableDefinition, TableRanges, TableSums } from '../model/verification.js';
import { method } from './method.js';

const nothing = z.object({}).strict();
/** Share of the time that a node works for a comparison, percent. */
const loadPercent = z.number().int().min(1).max(100);
const tableRanges = z
  .object({
    table: z.string().max(200),
    key: z
      .object({ column: z.string().min(1).max(64), kind: z.enum(['number', 'text', 'bytes']) })
      .strict()
      .nullable(),
    edges: z.array(z.string().max(4096)).max(1_000_000),
  })
  .strict();

export const comparisonMethods = {
  /**
   * Takes the token and commits nothing, so that no node of the cluster commits until `commits.resume`, or for `limitMs`.
   * Answers the last change of the order.
   */
  'commits.pause': method<{ sequence: number }>()(
    z.object({ limitMs: z.number().int().min(10).max(5_000) }).strict(),
    true,
  ),
  /** Commits go on. `unbroken`: nobody committed between the pause and now. */
  'commits.resume': method<{ heldMs: number; unbroken: boolean }>()(nothing, true),
  /** Connects and reads the list of tables once, so that the snapshot is opened sooner while commits are kept back. */
  'compare.prepare': method<null>()(nothing, true),
  /** Opens the snapshot of a comparison at exactly this change; it replaces one that is left. */
  'compare.open': method<{ tables: readonly TableDefinition[] }>()(
    z.object({ sequence: z.number().int().min(0), patienceMs: z.number().int().min(0).max(5_000) }).strict(),
    true,
  ),
  /** Cuts the tables of the snapshot into ranges, for all nodes. Progress in tables. */
  'compare.ranges': method<{ tables: readonly TableRanges[] }>()(z.object({ loadPercent }).strict(), true),
  /** Sums over these ranges in the snapshot. Progress in ranges. */
  'compare.sums': method<{ position: string; tables: readonly TableSums[] }>()(
    z.object({ tables: z.array(tableRanges).max(100_000), loadPercent }).strict(),
    true,
  ),
  /** Gives the snapshot up. */
  'compare.close': method<null>()(nothing, true),
} as const;
