/**
 * `npm run prepare:machine`, and the first step of start, lab and tests: finds what this machine lacks and installs it
 * as root with apt; otherwise prints the one command to run and exits 1. Speaks on standard error only, because the
 * standard output of `npm run lab` belongs to the lab.
 */
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
} from './support/needs.js';
import { installPackages, updatePackageLists } from './support/packages.js';
import { run } from './support/run.js';

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
    await updatePackageLists();
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

async function install(missing: readonly Missing[], machine: Machine): Promise<void> {
  await updatePackageLists();
  const packages = packagesFor(missing, await knownPackages(missing));
  if (packages.length === 0 || (await installPackages(packages, say))) return;
  throw new NotPrepared(
    `apt-get could not install them. By hand:\n\n  ${installCommand(packages, machine)}\n`,
  );
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
