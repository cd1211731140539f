import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { systemClock, waitFor } from '../app/base/clock.js';
import { processTree } from './processes.js';

it.runIf(process.platform === 'linux')(
  'sees a program and what it started, with memory and time',
  async () => {
    const burn =
      'setInterval(() => { const end = Date.now() + 50; while (Date.now() < end); }, 1); setTimeout(() => process.exit(), 30_000)';
    const child = spawn(process.execPath, [
      '-e',
      `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(burn)}], { stdio: 'inherit' });
     process.stdin.on('end', () => process.exit()).resume()`,
    ]);
    const root = child.pid ?? 0;
    try {
      const tree = await waitFor(
        systemClock,
        () => {
          const seen = processTree(root);
          return seen.length === 2 && seen.some(({ cpuSeconds }) => cpuSeconds > 0.2) ? seen : undefined;
        },
        { timeoutMs: 20_000 },
      );
      expect(tree?.map(({ pid }) => pid)).toContain(root);
      for (const { pssBytes } of tree ?? []) expect(pssBytes).toBeGreaterThan(5_000_000);
      for (const { pid } of tree ?? []) process.kill(pid, 'SIGKILL');
    } finally {
      child.kill('SIGKILL');
    }
    expect(
      await waitFor(systemClock, () => (processTree(root).length === 0 ? true : undefined), {
        timeoutMs: 10_000,
      }),
    ).toBe(true);
  },
);
