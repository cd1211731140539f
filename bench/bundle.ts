/** Bundles a program of the benchmarks as the programs of the application are: one file for a process of its own. */
import { basename, resolve } from 'node:path';
import { build } from 'vite';

const root = resolve(import.meta.dirname, '..');

/**
 * @param entry its source below the project's folder: `bench/ring-member.ts`
 * @returns the path of the bundle
 */
export async function bundle(entry: string): Promise<string> {
  const name = basename(entry, '.ts');
  const outDir = resolve(root, '.cache/bench', name);
  await build({
    configFile: false,
    root,
    logLevel: 'warn',
    build: {
      target: 'node20',
      outDir,
      ssr: true,
      minify: false,
      rolldownOptions: {
        input: { [name]: resolve(root, entry) },
        output: { format: 'es', entryFileNames: '[name].mjs' },
      },
    },
  });
  return resolve(outDir, `${name}.mjs`);
}
