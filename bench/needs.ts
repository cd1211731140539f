/** The programs that a benchmark needs beside MariaDB: installed when we may, named when not. */
import { existsSync } from 'node:fs';
import { installCommand } from '../scripts/support/needs.js';
import { installPackages, updatePackageLists } from '../scripts/support/packages.js';
import { findProgram, isRoot } from '../scripts/support/run.js';

/** Where Debian puts Galera's library. */
export const galeraLibrary = '/usr/lib/galera/libgalera_smm.so';

/** Debian's package -> is it there? */
const present = {
  'mariadb-server': () => findProgram('mariadbd') !== undefined,
  'mariadb-backup': () => findProgram('mariabackup') !== undefined,
  sysbench: () => findProgram('sysbench') !== undefined,
  haproxy: () => findProgram('haproxy') !== undefined,
  'galera-4': () => existsSync(galeraLibrary),
  rsync: () => findProgram('rsync') !== undefined,
  socat: () => findProgram('socat') !== undefined,
} as const;

export type NeededPackage = keyof typeof present;

/**
 * Sees that these packages are here.
 * @throws Error with the command to run by hand
 */
export async function needPackages(
  names: readonly NeededPackage[],
  say: (sentence: string) => void,
): Promise<void> {
  const missing = () => names.filter((name) => !present[name]());
  const wanted = missing();
  if (wanted.length === 0) return;
  const hasApt = findProgram('apt-get') !== undefined;
  if (isRoot && hasApt) {
    await updatePackageLists();
    await installPackages(wanted, say);
  }
  if (missing().length === 0) return;
  throw new Error(`Please run this once, then try again: ${installCommand(missing(), { isRoot, hasApt })}`);
}
