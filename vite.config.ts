/**
 * The bundles: one for the window, and one for each program that runs under Node (`nodeBundles`, built by
 * scripts/build.ts). Also where Vitest finds its projects.
 */
import { builtinModules } from 'node:module';
import { resolve } from 'node:path';
import react from '@vitejs/plugin-react';
import type { InlineConfig } from 'vite';
import { defineConfig } from 'vitest/config';

const root = import.meta.dirname;

/** Program -> its entry; each becomes one CommonJS file `out/<program>.cjs` with its libraries inside. */
export const nodePrograms = {
  'main/main': 'main/main.ts',
  'main/preload': 'main/preload.ts',
  'main/coordinator': 'main/coordinator-process.ts',
  'peer/peer': 'app/peer/main.ts',
  'load/load': 'app/lab/load/main.ts',
  'cli/lab': 'app/cli/lab.ts',
} as const;

/** How one Node program is bundled. Native add-ons stay optional and outside. */
export function nodeBundle(program: keyof typeof nodePrograms): InlineConfig {
  return {
    configFile: false,
    root,
    logLevel: 'warn',
    build: {
      target: 'node20',
      outDir: resolve(root, 'out'),
      emptyOutDir: false,
      minify: false,
      sourcemap: true,
      ssr: true,
      rolldownOptions: {
        input: { [program]: resolve(root, nodePrograms[program]) },
        external: ['electron', 'cpu-features', /\.node$/, ...builtinModules, /^node:/],
        output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
      },
    },
    ssr: { noExternal: true, external: ['electron', 'cpu-features'] },
  };
}

export default defineConfig({
  root: resolve(root, 'renderer'),
  base: './',
  plugins: [react()],
  build: {
    target: 'chrome130',
    outDir: resolve(root, 'out/renderer'),
    emptyOutDir: true,
    sourcemap: true,
  },
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          root,
          include: ['{app,main,scripts,bench}/**/*.test.ts'],
          exclude: ['**/*.integration.test.ts', '**/node_modules/**'],
        },
      },
      {
        plugins: [react()],
        test: { name: 'renderer', root, environment: 'jsdom', include: ['renderer/**/*.test.{ts,tsx}'] },
      },
      {
        test: {
          name: 'integration',
          root,
          include: ['**/*.integration.test.ts'],
          exclude: ['**/node_modules/**'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
