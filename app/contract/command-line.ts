/**
 * What the command line sends with each request of the window's contract (app/contract/window.ts). Replies and pushes
 * are the window's.
 */
import { z } from 'zod';

export const commandLineCallSchema = z
  .object({
    /** Parsed by the schema of the request itself, behind this one. */
    payload: z.unknown(),
    /** Operating-system user at the terminal, for audit and events. Only the console's own user can connect at all. */
    user: z.string().regex(/^[^\p{C}]{1,64}$/u),
    /** Did the user say yes to this very request, at the terminal or by an option? */
    confirmed: z.boolean(),
  })
  .strict();
export type CommandLineCall = z.infer<typeof commandLineCallSchema>;

/** Who asks, in the words of audit and events. */
export const commandLineUser = (user: string): string => `command line, user ${user}`;
