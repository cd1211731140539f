/**
 * `npm run package`: makes what people install, as electron-builder.yml says, in dist/. Where the packaging tools cannot
 * be fetched, and with `--dir`, it makes the unpacked app only.
 */
import { existsSync } from 'node:fs';
import { cp, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type Configuration, Platform } from 'electron-builder';
import { buildAll } from './build.js';
import { electronExecutable } from './support/electron.js';
import { projectFolder } from './support/run.js';

/** electron-builder fetches the tools that make packages (not the unpacked app) from here. */
const toolsAddress = 'https://github.com/electron-userland/electron-builder-binaries/releases';
const probeTimeoutMs = 5_000;

/**
 * The folder of an Electron that electron-builder may take. A prepared one (electron-fallback.ts) has a loader where a
 * packaged app would go; the copy leaves it out.
 */
async function electronToPackage(executable: string): Promise<string> {
  const folder = dirname(executable);
  const loader = join(folder, 'resources/app');
  if (!existsSync(loader)) return folder;
  const copy = join(projectFolder, '.cache/electron-to-package');
  await rm(copy, { recursive: true, force: true });
  await cp(folder, copy, { recursive: true, filter: (path) => path !== loader });
  return copy;
}

/** The Electron that is here anyway spares a download; on other systems electron-builder brings its own. */
async function electronConfiguration(): Promise<Configuration> {
  if (process.platform !== 'linux') return {};
  const electronDist = await electronToPackage(await electronExecutable(console.log));
  const version = await readFile(join(electronDist, 'version'), 'utf8');
  return { electronDist, electronVersion: version.trim().replace(/^v/, '') };
}

async function canFetchTools(): Promise<boolean> {
  try {
    const reply = await fetch(toolsAddress, { method: 'HEAD', signal: AbortSignal.timeout(probeTimeoutMs) });
    return reply.ok;
  } catch {
    return false;
  }
}

const { values } = parseArgs({ options: { dir: { type: 'boolean', default: false } } });
await buildAll();
const unpackedOnly = values.dir || !(await canFetchTools());
if (unpackedOnly && !values.dir) {
  console.log('The tools that make packages cannot be fetched here: making the unpacked app only.');
}
await build({
  projectDir: projectFolder,
  publish: 'never',
  ...(unpackedOnly ? { targets: Platform.current().createTarget('dir') } : {}),
  config: {
    ...(await electronConfiguration()),
    // False: nothing of node_modules belongs into the package.
    beforeBuild: () => Promise.resolve(false),
  },
});
