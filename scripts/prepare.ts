/**
 * `npm run prepare:machine`, and the first step of start, lab and tests: finds what this machine lacks and installs it
 * as root with apt; otherwise prints the one command to run and exits 1. Speaks on standard error only, because the
 * standard output of `npm run lab` belongs to the lab.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { electronExecutable } from './support/electron.js';
import { lookAround } from './support/machine.js';
import {
  findMissing,
  installCommand,
  type Machine,
  type Missing,
  type Purpose,
  packagesFor,
  purposes,
  servicesOf,
} from './support/needs.js';
import { findProgram, run } from './support/run.js';

const say = (sentence: string) => void process.stderr.write(`${sentence}\n`);

/** Something is missing that only the person can bring. The message is meant for them. */
class NotPrepared extends Error {}

/** For what no package of this system brings: in practice, a MariaDB that is too old. */
const noPackage =
  "This system's packages do not bring it. MariaDB's own package repository (mariadb.org/download) has current versions.";

/**
 * Makes this machine ready for `purpose`.
 * @throws NotPrepared when the person has to install something first.
 */
async function prepareFor(purpose: Purpose): Promise<void> {
  // The binary comes first: its missing libraries are found by looking at it.
  if (purpose !== 'lab') await electronExecutable(say);
  const machine = await lookAround();
  const missing = findMissing(machine, purpose);
  if (missing.length === 0) return;

  say(`Missing on this machine: ${missing.map(({ what }) => what).join('; ')}.`);
  if (!machine.isRoot || !machine.hasApt) {
    const packages = packagesFor(missing, await knownPackages(missing));
    if (packages.length === 0) throw new NotPrepared(noPackage);
    throw new NotPrepared(
      `Please run this once, then try again:\n\n  ${installCommand(packages, machine)}\n`,
    );
  }
  await install(missing, machine);
  const stillMissing = findMissing(await lookAround(), purpose);
  if (stillMissing.length > 0) {
    const list = stillMissing.map(({ what }) => what).join('; ');
    throw new NotPrepared(`Still missing: ${list}. ${noPackage}`);
  }
}

/** Which of the candidate packages this Debian release can install. */
async function knownPackages(missing: readonly Missing[]): Promise<(name: string) => boolean> {
  const names = [...new Set(missing.flatMap(({ packages }) => packages))];
  const { stdout } = await run('apt-cache', ['policy', ...names], { env: { LC_ALL: 'C' } });
  const known = new Set<string>();
  for (const block of stdout.split(/^(?=\S)/m)) {
    const name = /^(\S+):$/m.exec(block)?.[1];
    if (name !== undefined && /Candidate: (?!\(none\))/.test(block)) known.add(name);
  }
  return (name) => known.has(name);
}

/** One apt-get install that removes nothing, starts no service, and leaves none enabled. */
async function install(missing: readonly Missing[], machine: Machine): Promise<void> {
  const aptOptions = { env: { DEBIAN_FRONTEND: 'noninteractive' }, show: 'stderr' } as const;
  await run('apt-get', ['update', '-q'], aptOptions);
  const packages = packagesFor(missing, await knownPackages(missing));
  if (packages.length === 0) return;
  const newPackages = await notInstalled(packages);
  say(`Installing ${packages.join(', ')} ...`);
  const allowServices = forbidServices();
  try {
    const outcome = await run(
      'apt-get',
      ['install', '-q', '-y', '--no-install-recommends', '--no-remove', ...packages],
      aptOptions,
    );
    if (outcome.exitCode !== 0) {
      throw new NotPrepared(
        `apt-get could not install them. By hand:\n\n  ${installCommand(packages, machine)}\n`,
      );
    }
  } finally {
    allowServices();
  }
  if (findProgram('systemctl') === undefined) return;
  for (const service of servicesOf(newPackages)) {
    // The lab and the tests start servers of their own; those of the system would only take ports and memory.
    await run('systemctl', ['disable', '--quiet', service]);
  }
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

/** Prepares, and ends this process with the reason when it cannot be done. */
export async function prepareOrExit(purpose: Purpose): Promise<void> {
  try {
    await prepareFor(purpose);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({ options: { for: { type: 'string', default: 'start' } } });
  const purpose = purposes.find((name) => name === values.for);
  if (purpose === undefined) {
    say(`--for takes one of: ${purposes.join(', ')}`);
    process.exit(2);
  }
  await prepareOrExit(purpose);
  say(`This machine is ready for: ${purpose}.`);
}
