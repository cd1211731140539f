/** The window by the rules that a machine can check, in both themes, and by keyboard alone. */
import { expect, test } from './support/console.js';
import { openSession } from './support/databases.js';
import { objections } from './support/objections.js';

test.use({ settings: { nodes: 3, active: 1, connections: 20 } });

test('nothing to object to in any view, light and dark', async ({ console, cluster }) => {
  await cluster.waitForState('db1', 'active', 60_000);
  for (const theme of ['light', 'dark'] as const) {
    await cluster.setTheme(theme);
    await cluster.showLoadPanel();
    expect(await objections(console), `load panel, ${theme}`).toEqual([]);
    await cluster.choosePolicy('least-connections');
    const session = await openSession(console.labFolder, console.frontEndPort);
    await cluster.askWhy(session.address);
    expect(await objections(console), `sessions, ${theme}`).toEqual([]);
    await session.end();
    await cluster.showHealth();
    expect(await objections(console), `health, ${theme}`).toEqual([]);
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
