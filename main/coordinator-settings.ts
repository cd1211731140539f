/** What the coordinator's process is started with, as its one argument. */
import { z } from 'zod';

export const coordinatorSettingsSchema = z
  .object({
    /** Folder of the lab. */
    folder: z.string().min(1),
    nodes: z.number().int().min(1),
    active: z.number().int().min(0),
    /** Port of the front end. */
    port: z.number().int().min(1).max(65_535),
    /** Connections of the load generator; 0 for no load. */
    connections: z.number().int().min(0),
    /** Whether failed nodes are brought back without being asked for; null: as it was set last. */
    recovery: z.boolean().nullable(),
    /** Programs that the lab starts, as absolute paths of the built bundles. */
    programs: z.object({ peer: z.string().min(1), load: z.string().min(1) }).strict(),
    logFile: z.string().min(1),
  })
  .strict();

export type CoordinatorSettings = z.infer<typeof coordinatorSettingsSchema>;
