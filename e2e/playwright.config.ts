/** Tests that drive the real console with real servers. Started by scripts/e2e.ts, which brings the screen. */
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: '.',
  testMatch: '**/*.spec.ts',
  outputDir: '../test-results',
  // One lab, one screen, two cores: tests take turns.
  workers: 1,
  fullyParallel: false,
  // A test that passes only sometimes is a failure to understand, not to repeat.
  retries: 0,
  forbidOnly: process.env.CI !== undefined,
  timeout: 300_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
});
