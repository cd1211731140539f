/** Maintenance on the real thing: asked for with a reason by keyboard, shown in words, in the audit log, and ended. */
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, test } from './support/console.js';
import { objections } from './support/objections.js';

test.use({ settings: { nodes: 3, active: 2, connections: 20 } });

const startBoundMs = 60_000;
const changeBoundMs = 60_000;
const reason = 'new disks in bay 4';

test('a node goes into maintenance with a reason, and comes back', async ({ console, cluster }) => {
  const { page } = console;
  await cluster.waitForState('db2', 'active', startBoundMs);

  await test.step('the plan asks why and how long, and is not confirmed without', async () => {
    await cluster.openMenuByControlClick('db2');
    await cluster.chooseTarget('maintenance');
    await expect(page.getByLabel('Reason')).toBeFocused();
    await expect(cluster.planConfirm).toBeDisabled();
    await page.keyboard.type(reason);
    await page.keyboard.press('Tab');
    await expect(page.getByRole('radio', { name: '1 h', exact: true })).toBeFocused();
    await page.keyboard.press('ArrowRight');
    await expect(page.getByRole('radio', { name: '4 h', exact: true })).toBeChecked();
    await expect(cluster.planConfirm).toBeEnabled();
    await cluster.screenshot('maintenance-1-proposed', ['small', 'normal', 'large']);
    for (const theme of ['light', 'dark'] as const) {
      await cluster.setTheme(theme);
      expect(await objections(console), `the form, ${theme}`).toEqual([]);
    }
  });

  await test.step('it leaves the ring, its server stops, and everybody is told why', async () => {
    await page.getByLabel('Reason').press('Enter');
    await cluster.waitForPlan('done', changeBoundMs);
    await expect(cluster.planCard).toContainText('db2 is in maintenance');
    await cluster.waitForState('db2', 'maintenance', 5000);
    await expect(cluster.sentence).toContainText('db2 is in maintenance');
    await expect(page.locator('#label-db2')).toContainText(new RegExp(`until .*: ${reason}`));
    const { snapshot } = await cluster.readCluster();
    expect(snapshot.ring).toEqual(['db1']);
    const db2 = snapshot.nodes.find((node) => node.name === 'db2');
    expect(db2?.maintenance).toMatchObject({ reason, owner: userInfo().username, overdue: false });
    expect((db2?.maintenance?.untilMs ?? 0) - (db2?.maintenance?.sinceMs ?? 0)).toBe(4 * 3_600_000);
    await cluster.dismissPlan();
  });

  await test.step('its detail, the events and the audit log say the same', async () => {
    const detail = await cluster.showNode('db2');
    for (const [label, value] of [
      ['Reason', reason],
      ['Owner', userInfo().username],
    ] as const) {
      await expect(detail.getByRole('definition').filter({ hasText: value }).first(), label).toBeVisible();
    }
    await expect(detail).toContainText(/Since.*\d\d:\d\d/);
    await expect(detail).toContainText(/Until.*\d\d:\d\d/);
    await expect(cluster.events).toContainText(
      new RegExp(`db2 in maintenance after .*: ${reason} \\(4 h\\)`),
    );
    await cluster.screenshot('maintenance-2-aside', ['small', 'normal', 'large']);
    const audit = await readFile(join(console.userData, 'audit.log'), 'utf8');
    const lines = audit
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.filter((line) => line.request === 'plan.run')).toMatchObject(
      ['asked', 'done'].map((outcome) => ({
        who: userInfo().username,
        payload: { maintenance: { reason, minutes: 240 } },
        outcome,
      })),
    );
  });

  await test.step('it comes back to the ring with what it missed', async () => {
    await cluster.bring('db2', 'active', changeBoundMs);
    await expect(cluster.planStep('verify')).toHaveAttribute('data-state', 'done');
    const { snapshot } = await cluster.readCluster();
    expect(snapshot.nodes.find((node) => node.name === 'db2')?.maintenance).toBeNull();
  });
  expect(console.complaints).toEqual([]);
});
