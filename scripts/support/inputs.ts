/** Has anything changed since the last time? Answered by the content of files, never by their dates. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { projectFolder } from './run.js';

/** Every file below `folder` in a stable order; no files where there is no folder. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const isTest = (path: string): boolean => /\.test\.tsx?$|\/testing\//.test(path);

/**
 * One hash of everything that decides a bundle: sources without their tests, the locked libraries, the bundler's
 * configuration and Node's version.
 * @param folders source folders relative to the project
 */
export async function hashInputs(folders: readonly string[], project = projectFolder): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  const sources = (await Promise.all(folders.map((folder) => filesBelow(join(project, folder))))).flat();
  const configuration = [
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'vite.config.ts',
    'scripts/support/programs.ts',
  ];
  const files = [
    ...sources.filter((path) => !isTest(path)),
    ...configuration.map((name) => join(project, name)),
  ];
  for (const path of files) {
    const content = await readFile(path);
    hash.update(`\n${relative(project, path)} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}
