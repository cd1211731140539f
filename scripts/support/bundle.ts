/** Bundles programs that are no part of the application, as the application's own are: plain JavaScript, no loader. */
import { resolve } from 'node:path';
import { build } from 'vite';
import { projectFolder } from './run.js';

/**
 * @param folder where below `.cache` the bundles go
 * @param sources name of the bundle -> its source below the project's folder: `bench/ring-member.ts`
 * @returns the folder of the bundles, each `<name>.mjs`
 */
export async function bundle(folder: string, sources: Readonly<Record<string, string>>): Promise<string> {
  const outDir = resolve(projectFolder, '.cache', folder);
  const input = Object.entries(sources).map(([name, source]) => [name, resolve(projectFolder, source)]);
  await build({
    configFile: false,
    root: projectFolder,
    logLevel: 'warn',
    build: {
      target: 'node20',
      outDir,
      ssr: true,
      minify: false,
      rolldownOptions: {
        input: Object.fromEntries(input),
        output: { format: 'es', entryFileNames: '[name].mjs' },
      },
    },
  });
  return outDir;
}
