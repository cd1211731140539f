/** The window by the rules that a machine can check, in both themes, and by keyboard alone. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { expect, type RunningConsole, test } from './support/console.js';

test.use({ settings: { nodes: 3, active: 1, connections: 20 } });

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Number of an isolated world of our own: the page's policy forbids foreign scripts in the page itself. */
const world = 4711;

/** Runs axe in an isolated world of the page. @returns what it objects to, in words */
async function objections({ app }: RunningConsole): Promise<string[]> {
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

test('nothing to object to in any view, light and dark', async ({ console, cluster }) => {
  await cluster.waitForState('db1', 'active', 60_000);
  for (const theme of ['light', 'dark'] as const) {
    await cluster.setTheme(theme);
    await cluster.showLoadPanel();
    expect(await objections(console), `load panel, ${theme}`).toEqual([]);
    await cluster.openMenuByControlClick('db2');
    expect(await objections(console), `menu, ${theme}`).toEqual([]);
    await cluster.chooseTarget('active');
    expect(await objections(console), `plan, ${theme}`).toEqual([]);
    await cluster.dismissPlan();
  }
});

test('the menu of a node opens by every way that the design names', async ({ console, cluster }) => {
  await cluster.waitForState('db1', 'active', 60_000);
  await cluster.openMenuByRightClick('db2');
  await cluster.closeMenu();
  for (const key of ['Enter', 'Shift+F10'] as const) {
    await cluster.openMenuByKey('db2', key);
    await cluster.closeMenu();
    await expect(cluster.node('db2')).toBeFocused();
  }
  await cluster.openMenuByKey('db2', 'Enter');
  await expect(cluster.target('active')).toBeFocused();
  await console.page.keyboard.press('Enter');
  await expect(cluster.planCard).toHaveAttribute('data-state', 'proposed');
});
