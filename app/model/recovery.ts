/** Automatic recovery: whether Ringmaster brings failed nodes back by itself, and what it is about to do. */
import { z } from 'zod';
import type { NodeName } from './ids.js';

export const recoverySettingsSchema = z.object({
  on: z.boolean(),
  /** How often one node is brought back within an hour; then a person has to look. */
  perHourMax: z.number().int().min(1).max(60),
});
export type RecoverySettings = z.infer<typeof recoverySettingsSchema>;

/** As a cluster begins. */
export const defaultRecovery: RecoverySettings = { on: true, perHourMax: 3 };

/** What recovery will do about a failed node. */
export interface RecoveryOutlook {
  readonly node: NodeName;
  /** Wall clock; null when it will not try, or cannot say when. */
  readonly atMs: number | null;
  /** Without a full stop: "it failed 3 times within an hour", "waits for the plan that runs"; null when `atMs` says it all. */
  readonly words: string | null;
}

export interface RecoveryView extends RecoverySettings {
  /** One for each failed node that is wanted back. */
  readonly outlook: readonly RecoveryOutlook[];
}
