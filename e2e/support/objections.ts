/** What a machine can object to in the window's accessibility. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { expect, type RunningConsole } from './console.js';

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Number of an isolated world of our own: the page's policy forbids foreign scripts in the page itself. */
const world = 4711;

/** Runs axe in an isolated world of the page. @returns what it objects to, in words */
export async function objections({ app }: RunningConsole): Promise<string[]> {
  const results = (await app.evaluate(
    async ({ BrowserWindow }, [code, world]) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents;
      return contents?.executeJavaScriptInIsolatedWorld(world, [
        // Menus hang at the end of the body, outside of every landmark, so that nothing cuts them off.
        { code: `${code}; axe.run(document, { rules: { region: { enabled: false } } })` },
      ]);
    },
    [axeSource, world] as const,
  )) as AxeResults;
  expect(results.passes.length).toBeGreaterThan(10);
  return results.violations.flatMap((violation) =>
    violation.nodes.map(
      (node) => `${violation.id} (${violation.impact}): ${node.target.join(' ')}: ${node.failureSummary}`,
    ),
  );
}
