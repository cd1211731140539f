// @vitest-environment jsdom
/** Maintenance as an operator sees it: asked for with a reason and an end, shown with both, marked when overdue. */

import { act, fireEvent, screen, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { momentWords } from '../../app/base/format.js';
import { beginMaintenance } from '../../app/model/maintenance.js';
import { asideNode, joinPlan, maintenancePlan } from '../testing/cluster-parts.js';
import { refusal } from '../testing/memory-bridge.js';
import { nowMs, openScene, type RenderedConsole } from '../testing/render-console.js';

const minuteMs = 60_000;

const card = () => screen.getByTestId('plan-card');
const confirm = () => screen.getByTestId<HTMLButtonElement>('plan-confirm');
const reason = () => screen.getByTestId<HTMLInputElement>('maintenance-reason');
const sentence = () => screen.getByTestId('sentence');
const runs = ({ bridge }: RenderedConsole) =>
  bridge.asked.filter((request) => request.name === 'plan.run').map((request) => request.payload);

async function propose(console: RenderedConsole): Promise<void> {
  console.bridge.handlers['plan.propose'] = () => maintenancePlan(nowMs);
  fireEvent.click(screen.getByTestId('node-db3'), { ctrlKey: true });
  await console.user.click(await screen.findByTestId('menu-maintenance'));
  await screen.findByTestId('maintenance-form');
}

describe('a proposed maintenance', () => {
  it('begins at its reason, and is confirmed with a reason and a length', async () => {
    const console = await openScene('three');
    const maintenance = beginMaintenance({ reason: 'new disks', minutes: 240 }, 'operator', nowMs);
    console.bridge.handlers['plan.run'] = () => maintenancePlan(nowMs, { state: 'running', maintenance });
    await propose(console);
    const { user } = console;
    await waitFor(() => expect(document.activeElement).toBe(reason()));
    expect(screen.getByLabelText(/^Reason/)).toBe(reason());
    expect(confirm().disabled).toBe(true);
    expect(confirm().title).toBe('a reason is needed. Say why db3 is set aside.');

    await user.keyboard('{Enter}');
    expect(runs(console)).toEqual([]);
    await user.keyboard('  new disks ');
    expect(confirm().disabled).toBe(false);
    await user.tab();
    expect(document.activeElement).toBe(screen.getByRole('radio', { name: '1 h' }));
    await user.click(screen.getByRole('radio', { name: '4 h' }));
    expect(screen.getByRole<HTMLInputElement>('radio', { name: '4 h' }).checked).toBe(true);
    expect(card().textContent).toContain(
      `Until ${momentWords(nowMs + 240 * minuteMs, nowMs)}, asked for by operator`,
    );
    await user.type(reason(), '{Enter}');
    await waitFor(() => expect(card().dataset.state).toBe('running'));
    expect(runs(console)).toEqual([
      { plan: 'plan-8', maintenance: { reason: '  new disks ', minutes: 240 } },
    ]);
    expect(screen.queryByTestId('maintenance-form')).toBeNull();
    expect(card().textContent).toContain('Reasonnew disks');
  });

  it('may have no end', async () => {
    const console = await openScene('three');
    console.bridge.handlers['plan.run'] = () => maintenancePlan(nowMs, { state: 'running' });
    await propose(console);
    await console.user.type(reason(), 'waiting for a part');
    await console.user.click(screen.getByRole('radio', { name: 'no end' }));
    expect(card().textContent).toContain('Without an end, asked for by operator.');
    await console.user.click(confirm());
    await waitFor(() =>
      expect(runs(console)).toEqual([
        { plan: 'plan-8', maintenance: { reason: 'waiting for a part', minutes: null } },
      ]),
    );
  });

  it('that the cluster has overtaken keeps what was said; another one begins empty', async () => {
    const console = await openScene('three');
    await propose(console);
    await console.user.type(reason(), 'new disks');
    console.bridge.handlers['plan.run'] = () => {
      throw refusal('plan.outdated', { reason: 'db2 failed' });
    };
    await console.user.click(confirm());
    await screen.findByTestId('trouble');
    expect(reason().value).toBe('new disks');
    await propose(console);
    await waitFor(() => expect(reason().value).toBe(''));
  });

  it('is the only plan that asks for one', async () => {
    const console = await openScene('two');
    console.bridge.handlers['plan.propose'] = () => joinPlan(nowMs);
    fireEvent.click(screen.getByTestId('node-db3'), { ctrlKey: true });
    await console.user.click(await screen.findByTestId('menu-active'));
    await waitFor(() => expect(confirm().disabled).toBe(false));
    expect(screen.queryByTestId('maintenance-form')).toBeNull();
  });
});

describe('a node in maintenance', () => {
  const glyph = () => screen.getByTestId('node-db3');

  it('says why and until when on the ring, and everything in its detail', async () => {
    const { user } = await openScene('maintenance');
    const { reason, sinceMs, untilMs } = asideNode(nowMs, 'db3', false).maintenance ?? {};
    expect(glyph().getAttribute('aria-label')).toBe('db3, maintenance');
    expect(document.getElementById('label-db3')?.textContent).toContain(
      `until ${momentWords(untilMs ?? 0, nowMs)}: ${reason}`,
    );
    await user.click(glyph());
    const rows = [...screen.getByTestId('node-detail').querySelectorAll('.row')].map(
      (row) => row.textContent,
    );
    expect(rows.slice(0, 4)).toEqual([
      `Reason${reason}`,
      'Ownerada',
      `Since${momentWords(sinceMs ?? 0, nowMs)}`,
      `Until${momentWords(untilMs ?? 0, nowMs)}`,
    ]);
    expect(screen.queryByTestId('maintenance-overdue')).toBeNull();
    expect(document.querySelector('.overdue-mark')).toBeNull();
    expect(sentence().textContent).toContain('db3 is in maintenance: no failure tolerated.');
  });

  it('is marked when its end time has passed: on its glyph, in words, and in the sentence', async () => {
    const { bridge, user } = await openScene('maintenance');
    const nodes = bridge
      .snapshot()
      .nodes.map((node) => (node.name === 'db3' ? asideNode(nowMs, 'db3', true) : node));
    act(() => bridge.update({ nodes }));
    expect(glyph().getAttribute('aria-label')).toBe('db3, maintenance, overdue');
    expect(glyph().querySelector('.overdue-mark')).toBeTruthy();
    expect(document.getElementById('label-db3')?.textContent).toContain('overdue since');
    expect(sentence().textContent).toContain('db3 is in maintenance past its end time');
    expect(sentence().dataset.tone).toBe('warning');
    await user.click(glyph());
    expect(screen.getByTestId('maintenance-overdue').textContent).toContain('db3 stays down');
  });

  it('can go to every other state', async () => {
    await openScene('maintenance');
    fireEvent.contextMenu(glyph());
    const entry = async (target: string) => (await screen.findByTestId(`menu-${target}`)).ariaDisabled;
    expect(await Promise.all(['active', 'standby', 'offline', 'maintenance'].map(entry))).toEqual([
      'false',
      'false',
      'false',
      'true',
    ]);
  });
});

it('says the day of a moment that is not today', () => {
  expect(momentWords(null, nowMs)).toBe('no end');
  expect(momentWords(nowMs, nowMs)).toMatch(/^\d\d:\d\d$/);
  expect(momentWords(nowMs + 48 * 60 * minuteMs, nowMs)).toMatch(/^\d+ Nov, \d\d:\d\d$/);
});
