/** The programs that run under Node, Electron's main process included, and how each is bundled. */
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import type { InlineConfig } from 'vite';
import { projectFolder } from './run.js';

/** Program -> its entry; each becomes one CommonJS file `out/<program>.cjs` with its libraries inside. */
export const nodePrograms = {
  'main/main': 'main/main.ts',
  'main/preload': 'main/preload.ts',
  'main/coordinator': 'main/coordinator-process.ts',
  'peer/peer': 'app/peer/main.ts',
  'load/load': 'app/lab/load/main.ts',
  'cli/lab': 'app/cli/lab.ts',
  'cli/ringmaster': 'app/cli/ringmaster.ts',
} as const;

export type Program = keyof typeof nodePrograms;

const built = (program: Program): string => join(projectFolder, 'out', `${program}.cjs`);

/** What a lab starts, where `npm run build` puts it. */
export const labPrograms = {
  peer: built('peer/peer'),
  load: built('load/load'),
  lab: built('cli/lab'),
} as const;

/** How one Node program is bundled. Native add-ons stay optional and outside. */
export function nodeBundle(program: Program): InlineConfig {
  return {
    configFile: false,
    root: projectFolder,
    logLevel: 'warn',
    build: {
      target: 'node20',
      outDir: join(projectFolder, 'out'),
      emptyOutDir: false,
      minify: false,
      sourcemap: true,
      ssr: true,
      rolldownOptions: {
        input: { [program]: join(projectFolder, nodePrograms[program]) },
        // hdr-histogram-js reaches for zlib by eval where it encodes, which Ringmaster never asks of it.
        checks: { eval: false },
        external: ['electron', 'cpu-features', /\.node$/, ...builtinModules, /^node:/],
        output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
      },
    },
    ssr: { noExternal: true, external: ['electron', 'cpu-features'] },
  };
}
