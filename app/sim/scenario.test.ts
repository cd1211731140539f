/** The scenario scripts of app/ring/scenarios. `REWRITE=1` writes what happened into them: review the diff. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { runScenario } from './scenario.js';

const folder = resolve(import.meta.dirname, '../ring/scenarios');

test.each(readdirSync(folder).filter((file) => file.endsWith('.txt')))('%s', (file) => {
  const path = resolve(folder, file);
  const text = readFileSync(path, 'utf8');
  const happened = runScenario(text);
  if (process.env.REWRITE === '1') writeFileSync(path, happened);
  else expect(happened).toBe(text);
  expect(happened).not.toContain('BROKEN');
});
