import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { fallbackExecutable, integrityOf, placeOf } from './electron-fallback.js';

let folder: string | undefined;
afterEach(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

it.each([
  ['Cypress/Cypress', 'electron'],
  ['Cypress/locales/en-US.pak', 'locales/en-US.pak'],
  ['Cypress/', undefined],
  ['Cypress/resources/app/index.js', undefined],
  ['Cypress/resources/app-update.yml', undefined],
  ['Cypress/browser_v8_context_snapshot.bin', undefined],
  ['Cypress/v8_context_snapshot.bin', 'v8_context_snapshot.bin'],
  ['Cypress/../../etc/passwd', undefined],
  ['other/file', undefined],
])('%s goes to %s', (entry, place) => {
  expect(placeOf(entry)).toBe(place);
});

it('hashes a file as package managers write it', async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringmaster-integrity-'));
  await writeFile(join(folder, 'file'), 'abc');
  expect(await integrityOf(join(folder, 'file'))).toBe(
    'sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==',
  );
});

it('finds no binary where an interrupted run left only a partial folder', async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringmaster-partial-'));
  expect(fallbackExecutable(folder)).toBeUndefined();
});
