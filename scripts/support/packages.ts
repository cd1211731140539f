/** Installs Debian packages for our own use: nothing is removed, no service starts, and none is left enabled. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { servicesOf } from './needs.js';
import { findProgram, run } from './run.js';

const aptOptions = { env: { DEBIAN_FRONTEND: 'noninteractive' }, show: 'stderr' } as const;

/** Learns which packages there are; before this, a fresh machine knows none. */
export async function updatePackageLists(): Promise<void> {
  await run('apt-get', ['update', '-q'], aptOptions);
}

/**
 * One apt-get install, as root.
 * @param say hears what is being done
 * @returns false when apt-get failed; what it said went to standard error
 */
export async function installPackages(
  packages: readonly string[],
  say: (sentence: string) => void,
): Promise<boolean> {
  const newPackages = await notInstalled(packages);
  say(`Installing ${packages.join(', ')} ...`);
  const allowServices = forbidServices();
  try {
    const { exitCode } = await run(
      'apt-get',
      ['install', '-q', '-y', '--no-install-recommends', '--no-remove', ...packages],
      aptOptions,
    );
    if (exitCode !== 0) return false;
  } finally {
    allowServices();
  }
  if (findProgram('systemctl') === undefined) return true;
  for (const service of servicesOf(newPackages)) {
    // We start programs of our own; those of the system would only take ports and memory.
    await run('systemctl', ['disable', '--quiet', service]);
  }
  return true;
}

/** Those of `packages` that this machine does not have in any version. */
async function notInstalled(packages: readonly string[]): Promise<string[]> {
  const { stdout } = await run('dpkg', ['--get-selections', ...packages]);
  const installed = new Set([...stdout.matchAll(/^([^\s:]+)\S*\s+install$/gm)].map((line) => line[1]));
  return packages.filter((name) => !installed.has(name));
}

/**
 * While this file exists, Debian's packages start no service (invoke-rc.d asks it). A file that was there before stays
 * as it is: then the machine's owner has decided.
 * @returns the call that allows services again.
 */
function forbidServices(): () => void {
  const policyFile = '/usr/sbin/policy-rc.d';
  if (existsSync(policyFile)) return () => {};
  writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const allow = () => rmSync(policyFile, { force: true });
  process.once('exit', allow);
  return allow;
}
