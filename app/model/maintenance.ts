/** Maintenance: a node that is out of the ring on purpose, with a reason, an owner and an end time. */
import { z } from 'zod';

/** Characters; a reason stands on one line of a card and of the event list. */
export const maintenanceReasonLengthMax = 200;
const minutesPerHour = 60;
export const maintenanceMinutesMax = 7 * 24 * minutesPerHour;
const msPerMinute = 60_000;

/** The lengths that an operator is offered, in minutes; null: until somebody ends it. */
export const maintenanceLengths: readonly (number | null)[] = [30, 60, 240, 1440, null];

const reasonSchema = z
  .string()
  .trim()
  .min(1, 'a reason is needed')
  .max(maintenanceReasonLengthMax, `a reason has at most ${maintenanceReasonLengthMax} characters`)
  .regex(/^\P{Cc}*$/u, 'a reason is one line of text');

/** What is wrong with a reason; null when it can be taken. */
export const problemOfReason = (text: string): string | null =>
  reasonSchema.safeParse(text).error?.issues[0]?.message ?? null;

/** What an operator says who puts a node into maintenance. */
export const maintenanceRequestSchema = z
  .object({
    reason: reasonSchema,
    /** How long it is meant to last; null for no end. */
    minutes: z.number().int().min(1).max(maintenanceMinutesMax).nullable(),
  })
  .strict();
export type MaintenanceRequest = z.infer<typeof maintenanceRequestSchema>;

/** Why, for whom and how long a node is out of the ring. */
export const maintenanceSchema = z.object({
  reason: z.string(),
  /** Who asked for it. */
  owner: z.string(),
  sinceMs: z.number(),
  /** Null: until somebody ends it. */
  untilMs: z.number().nullable(),
});
export type Maintenance = Readonly<z.infer<typeof maintenanceSchema>>;

/** A maintenance that begins now. */
export const beginMaintenance = (
  { reason, minutes }: MaintenanceRequest,
  owner: string,
  nowMs: number,
): Maintenance => ({
  reason,
  owner,
  sinceMs: nowMs,
  untilMs: minutes === null ? null : nowMs + minutes * msPerMinute,
});

/** Has its end time passed? */
export const isOverdue = (maintenance: Maintenance, nowMs: number): boolean =>
  maintenance.untilMs !== null && nowMs >= maintenance.untilMs;

/** 30 -> "30 min", 240 -> "4 h", null -> "no end". */
export function lengthWords(minutes: number | null): string {
  if (minutes === null) return 'no end';
  return minutes % minutesPerHour === 0 ? `${minutes / minutesPerHour} h` : `${minutes} min`;
}

/** How long a maintenance was meant to last, in the same words. */
export const plannedLengthWords = ({ sinceMs, untilMs }: Maintenance): string =>
  lengthWords(untilMs === null ? null : Math.round((untilMs - sinceMs) / msPerMinute));
