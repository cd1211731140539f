// @vitest-environment jsdom
/** Several nodes at once, restarts, options and recovery, as an operator meets them. */
import { act, fireEvent, screen, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { nodeName, planId, seriesId } from '../../app/model/ids.js';
import type { Series, SeriesPart } from '../../app/model/series.js';
import { joinPlan } from '../testing/cluster-parts.js';
import { refusal } from '../testing/memory-bridge.js';
import { nowMs, openScene, type RenderedConsole } from '../testing/render-console.js';

const part = (name: string, changes: Partial<SeriesPart> = {}): SeriesPart => ({
  node: nodeName(name),
  from: 'active',
  state: 'waiting',
  plan: null,
  words: null,
  ...changes,
});

const restarts = (changes: Partial<Series> = {}): Series => ({
  id: seriesId('series-1'),
  title: 'Restart db1, db2 and db3, one after another',
  act: { kind: 'restart', options: null },
  parts: [part('db1'), part('db2'), part('db3')],
  danger: 'disruptive',
  effects: [{ label: 'Active at the least', now: '', after: '2' }],
  warnings: ['While a node is away, no other may fail.'],
  askedBy: 'operator',
  createdAtMs: nowMs,
  startedAtMs: null,
  endedAtMs: null,
  state: 'proposed',
  error: null,
  ...changes,
});

const asked = ({ bridge }: RenderedConsole, name: string) =>
  bridge.asked.filter((request) => request.name === name).map((request) => request.payload);
const card = () => screen.getByTestId('series-card');

async function chooseAllThree(): Promise<void> {
  for (const name of ['db1', 'db2', 'db3'])
    fireEvent.click(screen.getByTestId(`node-${name}`), { shiftKey: true });
  await waitFor(() => expect(screen.getByTestId('chosen-bar').textContent).toContain('3 chosen'));
}

describe('several nodes', () => {
  it('are chosen by Shift and click or Space, and share one menu', async () => {
    const console = await openScene('three');
    console.bridge.handlers['series.propose'] = () => restarts();
    await chooseAllThree();
    expect(screen.getByTestId('node-db2').getAttribute('aria-label')).toContain('chosen');
    fireEvent.keyDown(screen.getByTestId('node-db2'), { key: ' ', shiftKey: true });
    await waitFor(() => expect(screen.getByTestId('chosen-bar').textContent).toContain('2 chosen'));
    fireEvent.keyDown(screen.getByTestId('node-db2'), { key: ' ', shiftKey: true });
    await console.user.click(screen.getByTestId('chosen-act'));
    expect((await screen.findByRole('menu')).textContent).toContain('3 nodes one after another');
    expect(screen.queryByTestId('menu-maintenance')).toBeNull();
    expect(screen.getByTestId('menu-active').getAttribute('aria-disabled')).toBe('true');
    await console.user.click(screen.getByTestId('menu-restart'));
    await waitFor(() => expect(card().textContent).toContain('one after another'));
    expect(asked(console, 'series.propose')).toEqual([
      { nodes: ['db1', 'db3', 'db2'], act: { kind: 'restart', options: null } },
    ]);
    expect(card().textContent).toContain('While a node is away, no other may fail.');
  });

  it('are let go again', async () => {
    const { user } = await openScene('three');
    await chooseAllThree();
    await user.click(screen.getByTestId('chosen-none'));
    expect(screen.queryByTestId('chosen-bar')).toBeNull();
  });

  it('get other options, once what was typed can be read', async () => {
    const console = await openScene('three');
    console.bridge.handlers['series.propose'] = () => restarts();
    await chooseAllThree();
    await console.user.click(screen.getByTestId('chosen-act'));
    await console.user.click(await screen.findByTestId('menu-options'));
    const text = await screen.findByTestId('options-text');
    const propose = () => screen.getByTestId<HTMLButtonElement>('options-propose');
    expect(propose().disabled).toBe(true);
    fireEvent.change(text, { target: { value: 'max_connections' } });
    expect(screen.getByTestId('options-dialog').textContent).toContain('is not name = value');
    fireEvent.change(text, { target: { value: 'max-connections = 500\nwait_timeout =' } });
    await console.user.click(propose());
    await waitFor(() => expect(card()).toBeTruthy());
    expect(asked(console, 'series.propose')).toMatchObject([
      { act: { kind: 'restart', options: { max_connections: '500', wait_timeout: null } } },
    ]);
    expect(screen.queryByTestId('options-dialog')).toBeNull();
  });

  it('are told why not, when it would not be safe', async () => {
    const console = await openScene('three');
    console.bridge.handlers['series.propose'] = () => {
      throw refusal('series.refused', {
        reason: 'no node would take sessions any more',
        remedy: 'Leave one out.',
      });
    };
    await chooseAllThree();
    await console.user.click(screen.getByTestId('chosen-act'));
    await console.user.click(await screen.findByTestId('menu-offline'));
    await waitFor(() =>
      expect(screen.getByTestId('trouble').textContent).toContain('no node would take sessions any more'),
    );
  });
});

describe('a series', () => {
  it('is confirmed, shows whose turn it is with the steps of its plan, and is stopped after a node', async () => {
    const console = await openScene('three');
    const running = restarts({
      state: 'running',
      startedAtMs: nowMs,
      parts: [
        part('db1', { state: 'done', words: 'active again' }),
        part('db2', { state: 'running', plan: planId('plan-9') }),
        part('db3'),
      ],
    });
    console.bridge.handlers['series.propose'] = () => restarts();
    console.bridge.handlers['series.run'] = () => running;
    console.bridge.handlers['series.stop'] = () => ({ ...running, state: 'aborting' as const });
    await chooseAllThree();
    await console.user.click(screen.getByTestId('chosen-act'));
    await console.user.click(await screen.findByTestId('menu-restart'));
    await console.user.click(await screen.findByTestId('series-confirm'));
    expect(asked(console, 'series.run')).toEqual([{ series: 'series-1' }]);
    await waitFor(() => expect(card().dataset.state).toBe('running'));
    const plan = joinPlan(nowMs, { id: planId('plan-9'), title: 'Restart db2', state: 'running' });
    act(() => console.bridge.update({ series: running, plan }));
    expect(screen.getByTestId('series-part-db1').dataset.state).toBe('done');
    expect(screen.getByTestId('series-part-db2').getAttribute('aria-current')).toBe('step');
    expect(screen.getAllByTestId('plan-step').length).toBe(plan.steps.length);
    expect(screen.getByTestId('sentence').textContent).toMatch(/^2 of 3: /);
    await console.user.click(screen.getByTestId('series-stop'));
    expect(asked(console, 'series.stop')).toEqual([{ series: 'series-1' }]);
  });

  it('that did not come to its end says where it stopped, and goes on with the rest', async () => {
    const console = await openScene('three');
    console.bridge.handlers['series.propose'] = () => restarts({ id: seriesId('series-2') });
    console.bridge.handlers['series.dismiss'] = () => null;
    const ended = restarts({
      state: 'failed',
      startedAtMs: nowMs - 9_000,
      endedAtMs: nowMs,
      error: refusal('series.cut-off', { node: 'db2', cause: 'its server did not start' }).view(),
      parts: [
        part('db1', { state: 'done' }),
        part('db2', { state: 'failed', words: 'its server did not start' }),
        part('db3', { state: 'skipped' }),
      ],
    });
    act(() => console.bridge.update({ series: ended }));
    await console.user.click(screen.getByRole('tab', { name: 'Plan' }));
    expect(card().textContent).toContain('It stopped at db2: its server did not start');
    expect(card().textContent).toContain('not touched');
    await console.user.click(screen.getByTestId('series-continue'));
    expect(asked(console, 'series.propose')).toMatchObject([{ nodes: ['db2', 'db3'] }]);
    await waitFor(() => expect(card().dataset.state).toBe('proposed'));
    await console.user.click(screen.getByTestId('series-dismiss'));
    await waitFor(() => expect(card().dataset.state).toBe('failed'));
    await console.user.click(screen.getByTestId('series-dismiss'));
    expect(asked(console, 'series.dismiss')).toHaveLength(2);
  });
});

describe('automatic recovery', () => {
  it('is switched in the title bar, and a failed node says when it comes back', async () => {
    const console = await openScene('failed');
    console.bridge.handlers['recovery.set'] = ({ on }) => {
      console.bridge.update({ recovery: { ...console.bridge.snapshot().recovery, on } });
      return null;
    };
    const failed = console.bridge.snapshot().nodes.find(({ state }) => state === 'failed');
    if (!failed) throw new Error('the scene has no failed node');
    const outlook = [{ node: failed.name, atMs: nowMs + 8_000, words: null }];
    act(() => console.bridge.update({ recovery: { on: true, perHourMax: 3, outlook } }));
    await console.user.click(screen.getByTestId(`node-${failed.name}`));
    expect(screen.getByTestId('comes-back').textContent).toMatch(/^It is brought back in [78] s\.$/);
    const pill = screen.getByRole('switch', { name: 'Recovery on' });
    expect(pill.getAttribute('aria-checked')).toBe('true');
    await console.user.click(pill);
    await waitFor(() => expect(screen.getByTestId('recovery-pill').textContent).toBe('Recovery off'));
    expect(asked(console, 'recovery.set')).toEqual([{ on: false, perHourMax: 3 }]);
    expect(screen.getByTestId('comes-back').textContent).toContain('Automatic recovery is off');
  });
});
