/** Where labs live. The servers run as the `mysql` user when we are root, so the folder must be one that it can reach. */
import { join } from 'node:path';
import envPaths from 'env-paths';

/** Does this process run as root? Then servers run as `mysql` and files belong to it. */
export const runsAsRoot = (): boolean => process.getuid?.() === 0;

/** The labs of this user by whom they belong to: both may run side by side. */
export const labNames = { console: 'lab-console', commandLine: 'lab' } as const;

/** Where the console of the lab in `folder` answers the command line: in a folder that only its own user can enter. */
export const consoleSocketPath = (folder: string): string => join(folder, 'control', 'console.sock');

/**
 * The folder of the default lab: below the user's data directory; for root below /var/lib, because root's home is
 * closed to the `mysql` user.
 */
export function defaultLabFolder(name: (typeof labNames)[keyof typeof labNames]): string {
  return runsAsRoot()
    ? `/var/lib/ringmaster/${name}`
    : `${envPaths('ringmaster', { suffix: '' }).data}/${name}`;
}
