/** Bundles programs that are no part of the application, as the application's own are: plain JavaScript, no loader. */
import { basename, resolve } from 'node:path';
import { build } from 'vite';
import { projectFolder } from './run.js';

/**
 * @param folder where below `.cache` the bundles go; what was there is erased
 * @param sources paths below the project's folder: `bench/ring-member.ts`
 * @returns the paths of the bundles, in the order of their sources
 */
export async function bundle(folder: string, ...sources: string[]): Promise<string[]> {
  const outDir = resolve(projectFolder, '.cache', folder);
  const names = sources.map((source) => basename(source, '.ts'));
  const input = sources.map((source, index) => [names[index], resolve(projectFolder, source)]);
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
  return names.map((name) => resolve(outDir, `${name}.mjs`));
}
