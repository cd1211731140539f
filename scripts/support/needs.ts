/**
 * What a purpose needs of a machine, what is missing there, and the command that installs it. Pure: machine.ts looks,
 * this decides, prepare.ts acts.
 */

/** What the preparation is for. */
export const purposes = ['start', 'lab', 'tests'] as const;
export type Purpose = (typeof purposes)[number];

/** Version of a program as numbers: `10.11.6` is [10, 11, 6]. */
export type Version = readonly number[];

/** MariaDB older than this lacks what the coordinator relies on. */
const oldestMariaDb: Version = [10, 11];

/** What was found on this machine. */
export interface Machine {
  /** Version of the MariaDB server and of its backup program; null when there is none. */
  readonly mariaDbServer: Version | null;
  readonly mariaDbBackup: Version | null;
  /** Shared libraries that Electron asks for and the loader does not find, such as `libnss3.so`. */
  readonly missingLibraries: readonly string[];
  /** At least one font to write with. */
  readonly hasFonts: boolean;
  /** A screen that the person sees. */
  readonly hasDisplay: boolean;
  readonly hasXvfb: boolean;
  readonly hasSshServer: boolean;
  readonly hasIpRoute: boolean;
  /** Programs of the lab run as this user when we are root. */
  readonly isRoot: boolean;
  readonly hasApt: boolean;
}

/** One missing thing: what a person calls it, and Debian packages of which the first that exists brings it. */
export interface Missing {
  readonly what: string;
  readonly packages: readonly string[];
}

/**
 * Debian's package for each library that Electron links to. Where Debian renamed a package for 64-bit time, both
 * names stand here and the one that this release knows is taken.
 */
const libraryPackages: Readonly<Record<string, readonly string[]>> = {
  'libX11.so.6': ['libx11-6'],
  'libX11-xcb.so.1': ['libx11-xcb1'],
  'libXcomposite.so.1': ['libxcomposite1'],
  'libXcursor.so.1': ['libxcursor1'],
  'libXdamage.so.1': ['libxdamage1'],
  'libXext.so.6': ['libxext6'],
  'libXfixes.so.3': ['libxfixes3'],
  'libXi.so.6': ['libxi6'],
  'libXrandr.so.2': ['libxrandr2'],
  'libXrender.so.1': ['libxrender1'],
  'libXss.so.1': ['libxss1'],
  'libXtst.so.6': ['libxtst6'],
  'libasound.so.2': ['libasound2t64', 'libasound2'],
  'libatk-1.0.so.0': ['libatk1.0-0t64', 'libatk1.0-0'],
  'libatk-bridge-2.0.so.0': ['libatk-bridge2.0-0t64', 'libatk-bridge2.0-0'],
  'libatspi.so.0': ['libatspi2.0-0t64', 'libatspi2.0-0'],
  'libcairo.so.2': ['libcairo2'],
  'libcups.so.2': ['libcups2t64', 'libcups2'],
  'libdbus-1.so.3': ['libdbus-1-3'],
  'libdrm.so.2': ['libdrm2'],
  'libexpat.so.1': ['libexpat1'],
  'libgbm.so.1': ['libgbm1'],
  'libgdk_pixbuf-2.0.so.0': ['libgdk-pixbuf-2.0-0'],
  'libgio-2.0.so.0': ['libglib2.0-0t64', 'libglib2.0-0'],
  'libglib-2.0.so.0': ['libglib2.0-0t64', 'libglib2.0-0'],
  'libgobject-2.0.so.0': ['libglib2.0-0t64', 'libglib2.0-0'],
  'libgtk-3.so.0': ['libgtk-3-0t64', 'libgtk-3-0'],
  'libgdk-3.so.0': ['libgtk-3-0t64', 'libgtk-3-0'],
  'libnspr4.so': ['libnspr4'],
  'libnss3.so': ['libnss3'],
  'libnssutil3.so': ['libnss3'],
  'libsmime3.so': ['libnss3'],
  'libpango-1.0.so.0': ['libpango-1.0-0'],
  'libsecret-1.so.0': ['libsecret-1-0'],
  'libudev.so.1': ['libudev1'],
  'libuuid.so.1': ['libuuid1'],
  'libxcb.so.1': ['libxcb1'],
  'libxkbcommon.so.0': ['libxkbcommon0'],
};

/** Is `version` at least `oldest`? Numbers that are not given count as zero. */
export function isAtLeast(version: Version, oldest: Version): boolean {
  for (let place = 0; place < Math.max(version.length, oldest.length); place++) {
    const difference = (version[place] ?? 0) - (oldest[place] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/**
 * The MariaDB version in what `mariadbd --version` or `mariadb-backup --version` says.
 * `mariadbd  Ver 10.11.6-MariaDB-0+deb12u1 for ...` -> [10, 11, 6]. Null for MySQL and anything else.
 */
export function parseMariaDbVersion(text: string): Version | null {
  if (!/mariadb/i.test(text)) return null;
  const found = /\b(\d+)\.(\d+)\.(\d+)(?=-MariaDB)/i.exec(text);
  return found === null ? null : found.slice(1).map(Number);
}

/** The libraries that `ldd` did not find, without repetition. */
export function parseMissingLibraries(lddOutput: string): string[] {
  const missing = lddOutput.matchAll(/^\s*(\S+) => not found/gm);
  return [...new Set([...missing].map((line) => line[1] ?? ''))];
}

/** What `purpose` needs and this machine lacks. */
export function findMissing(machine: Machine, purpose: Purpose): Missing[] {
  const missing: Missing[] = [];
  const need = (isThere: boolean, what: string, ...packages: string[]) => {
    if (!isThere) missing.push({ what, packages });
  };
  missing.push(...missingMariaDb('server', machine.mariaDbServer, 'mariadb-server'));
  missing.push(...missingMariaDb('backup', machine.mariaDbBackup, 'mariadb-backup'));
  if (purpose === 'lab') return missing;

  for (const library of machine.missingLibraries) {
    const packages = libraryPackages[library];
    missing.push({ what: `the library ${library}`, packages: packages ?? [] });
  }
  need(machine.hasFonts, 'a font', 'fonts-dejavu-core');
  if (purpose === 'start') {
    need(machine.hasDisplay || machine.hasXvfb, 'a display, or Xvfb in its place', 'xvfb');
    return missing;
  }
  need(machine.hasXvfb, 'Xvfb (windows of tests open there)', 'xvfb');
  need(machine.hasSshServer, 'an SSH server (tests start their own)', 'openssh-server');
  need(machine.hasIpRoute, 'the ip program (tests cut networks with it)', 'iproute2');
  return missing;
}

/** An old server may be in use by others: it is named, and never upgraded without being asked. */
function missingMariaDb(part: string, found: Version | null, packageName: string): Missing[] {
  const what = `MariaDB ${part} ${oldestMariaDb.join('.')} or later`;
  if (found === null) return [{ what, packages: [packageName] }];
  if (isAtLeast(found, oldestMariaDb)) return [];
  return [{ what: `${what} (found ${found.join('.')})`, packages: [] }];
}

/**
 * The packages that bring what is missing, each once, in the order of need.
 * @param exists tells whether this Debian release knows a package; where none of several is known, the last is named.
 */
export function packagesFor(missing: readonly Missing[], exists: (name: string) => boolean): string[] {
  const chosen = missing.map(({ packages }) => packages.find(exists) ?? packages.at(-1));
  return [...new Set(chosen.filter((name) => name !== undefined))];
}

/** The one command that installs these packages by hand. */
export function installCommand(
  packages: readonly string[],
  machine: Pick<Machine, 'isRoot' | 'hasApt'>,
): string {
  if (!machine.hasApt) return `install with your system's package manager: ${packages.join(' ')}`;
  const sudo = machine.isRoot ? '' : 'sudo ';
  return `${sudo}apt-get update && ${sudo}apt-get install --no-install-recommends -y ${packages.join(' ')}`;
}

/** Services that a package starts at boot, and that nobody asked for when the package came for our own use only. */
const servicesOfPackage: Readonly<Record<string, readonly string[]>> = {
  'mariadb-server': ['mariadb.service', 'mariadb.socket'],
  'openssh-server': ['ssh.service', 'ssh.socket'],
  haproxy: ['haproxy.service'],
  rsync: ['rsync.service'],
};

/** The services to switch off again after `packages` were newly installed. */
export function servicesOf(packages: readonly string[]): string[] {
  return packages.flatMap((name) => servicesOfPackage[name] ?? []);
}
