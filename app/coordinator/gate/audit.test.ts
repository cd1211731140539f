import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.js';
import { auditFile, createAudit } from './audit.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringmaster-audit-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('appends JSON lines that only the owner can read, run after run', () => {
  const path = join(folder, 'new', 'audit.log');
  for (const run of ['first', 'second']) {
    const audit = createAudit(systemClock, run, auditFile(path));
    const request = { who: 'olga', request: 'lab.set-quota', payload: { cores: 0.5 } } as const;
    const id = audit.asked(request);
    audit.ended(id, request, 'failed', 'coordinator.ended');
  }
  const lines = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ run, id, outcome, error }) => [run, id, outcome, error])).toEqual([
    ['first', 1, 'asked', null],
    ['first', 1, 'failed', 'coordinator.ended'],
    ['second', 1, 'asked', null],
    ['second', 1, 'failed', 'coordinator.ended'],
  ]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});
