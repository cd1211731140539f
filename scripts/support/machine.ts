/** Looks at this machine. Nothing is remembered between runs, so nothing can be out of date. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasDisplay } from './display.js';
import { preparedElectron } from './electron.js';
import { type Machine, parseMariaDbVersion, parseMissingLibraries, type Version } from './needs.js';
import { findProgram, isRoot, run } from './run.js';

/** Where Linux keeps fonts that every program finds. */
const fontFolders = ['/usr/share/fonts', '/usr/local/share/fonts', join(process.env.HOME ?? '/', '.fonts')];

/** What is here. Electron's libraries are looked up for the prepared binary; none are missing where there is none. */
export async function lookAround(): Promise<Machine> {
  const [mariaDbServer, mariaDbBackup, missingLibraries] = await Promise.all([
    versionOf('mariadbd'),
    versionOf('mariadb-backup', 'mariabackup'),
    librariesMissing(),
  ]);
  return {
    mariaDbServer,
    mariaDbBackup,
    missingLibraries,
    hasFonts: process.platform !== 'linux' || fontFolders.some(holdsFont),
    hasDisplay: hasDisplay(),
    hasXvfb: process.platform !== 'linux' || findProgram('Xvfb') !== undefined,
    hasSshServer: findProgram('sshd') !== undefined,
    hasIpRoute: process.platform !== 'linux' || findProgram('ip') !== undefined,
    isRoot,
    hasApt: findProgram('apt-get') !== undefined,
  };
}

async function versionOf(...names: string[]): Promise<Version | null> {
  const program = findProgram(...names);
  if (program === undefined) return null;
  const { stdout, stderr } = await run(program, ['--version']);
  return parseMariaDbVersion(stdout + stderr);
}

async function librariesMissing(): Promise<string[]> {
  const electron = preparedElectron();
  if (process.platform !== 'linux' || electron === undefined) return [];
  const { stdout } = await run('ldd', [electron]);
  return parseMissingLibraries(stdout);
}

function holdsFont(folder: string): boolean {
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((name) =>
    /\.(ttf|otf|ttc)$/.test(name),
  );
}
