/** Where labs live. The servers run as the `mysql` user when we are root, so the folder must be one that it can reach. */
import envPaths from 'env-paths';

/** Does this process run as root? Then servers run as `mysql` and files belong to it. */
export const runsAsRoot = (): boolean => process.getuid?.() === 0;

/**
 * The folder of the default lab: below the user's data directory; for root below /var/lib, because root's home is
 * closed to the `mysql` user.
 * @param name one lab for each: the console and the command line may run side by side
 */
export function defaultLabFolder(name: string): string {
  return runsAsRoot()
    ? `/var/lib/ringmaster/${name}`
    : `${envPaths('ringmaster', { suffix: '' }).data}/${name}`;
}
