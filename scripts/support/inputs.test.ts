import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hashInputs } from './inputs.js';

const configuration = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'vite.config.ts',
  'scripts/support/programs.ts',
];
let project: string;

beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'ringmaster-inputs-'));
  for (const folder of ['app/deep', 'scripts/support'])
    await mkdir(join(project, folder), { recursive: true });
  for (const name of [...configuration, 'app/deep/a.ts']) {
    await writeFile(join(project, name), name);
  }
});
afterEach(() => rm(project, { recursive: true, force: true }));

it('stays the same when only dates and tests change', async () => {
  const before = await hashInputs(['app', 'missing'], project);
  await utimes(join(project, 'app/deep/a.ts'), 1, 1);
  await writeFile(join(project, 'app/deep/a.test.ts'), 'new test');
  expect(await hashInputs(['app', 'missing'], project)).toBe(before);
});

it.each(['app/deep/a.ts', 'app/b.ts', ...configuration])('changes with %s', async (name) => {
  const before = await hashInputs(['app'], project);
  await writeFile(join(project, name), 'changed');
  expect(await hashInputs(['app'], project)).not.toBe(before);
});

it('tells a moved file from a changed one', async () => {
  const before = await hashInputs(['app'], project);
  await rm(join(project, 'app/deep/a.ts'));
  await writeFile(join(project, 'app/a.ts'), 'app/deep/a.ts');
  expect(await hashInputs(['app'], project)).not.toBe(before);
});
