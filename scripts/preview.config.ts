/** Builds the preview page, apart from the shipped bundle: `npx vite build --config scripts/preview.config.ts`. */
import { resolve } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const root = resolve(import.meta.dirname, '../renderer/testing');

export default defineConfig({
  root,
  base: './',
  plugins: [react()],
  build: {
    target: 'chrome130',
    outDir: resolve(root, '../../.cache/preview'),
    emptyOutDir: true,
    rolldownOptions: { input: resolve(root, 'preview.html') },
  },
});
