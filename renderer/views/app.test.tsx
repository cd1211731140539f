// @vitest-environment jsdom
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { RingmasterError } from '../../app/base/errors.js';
import { nodeName } from '../../app/model/ids.js';
import type { Plan } from '../../app/model/plan.js';
import { joinPlan, labSnapshot, runningPlan } from '../testing/cluster-parts.js';
import { refusal } from '../testing/memory-bridge.js';
import { metricsAt } from '../testing/metrics.js';
import { nowMs, openScene, type RenderedConsole } from '../testing/render-console.js';

const node = (name: string) => screen.getByTestId(`node-${name}`);
const sentence = () => screen.getByTestId('sentence').textContent;
const askedFor = (console: RenderedConsole, name: string) =>
  console.bridge.asked.filter((request) => request.name === name).map((request) => request.payload);
const answerProposals = (console: RenderedConsole, part: Partial<Plan> = {}): void => {
  console.bridge.handlers['plan.propose'] = ({ donor }) =>
    joinPlan(nowMs, {
      ...part,
      donor: { name: donor ?? nodeName('db2'), why: donor ? 'chosen by you' : 'least loaded of 2' },
    });
};

describe('the ring', () => {
  it('names every node with its state', async () => {
    await openScene('joining');
    expect(screen.getByRole('button', { name: 'db1, active' })).toBe(node('db1'));
    expect(screen.getByRole('button', { name: 'db3, joining' }).dataset.state).toBe('transitional');
    expect(document.getElementById('label-db1')?.textContent).toContain('350 sessions · CPU 96 %');
  });

  it('draws data flow between members in ring order, and the copy', async () => {
    await openScene('joining');
    const edges = [...document.querySelectorAll<SVGGElement>('[data-edge]')].map((edge) => edge.dataset.edge);
    expect(edges).toEqual(['db1-db2', 'db2-db1', 'copy']);
    expect(document.querySelector('[data-edge="copy"]')?.textContent).toContain('63 %');
  });

  it('shows the sum of all, and n/a where nothing is known', async () => {
    const three = await openScene('three');
    expect(screen.getByTestId('transactions-per-second').textContent).toBe('3,113');
    three.end();
    await openScene('starting');
    expect(screen.getByTestId('transactions-per-second').textContent).toBe('n/a');
    expect(sentence()).toContain('Starting the servers');
  });

  it('marks a sample that grows old, while no new one comes', async () => {
    const { clock } = await openScene('one');
    expect(node('db1').dataset.stale).toBe('false');
    act(() => clock.advance(4_000));
    expect(node('db1').dataset.stale).toBe('true');
    expect(document.getElementById('label-db1')?.textContent).toContain('sample 4 s old');
  });

  it('walks from node to node by arrow keys', async () => {
    const { user } = await openScene('three');
    node('db1').focus();
    await user.keyboard('{ArrowRight}');
    expect(document.activeElement).toBe(node('db2'));
    await user.keyboard('{ArrowLeft}{ArrowLeft}');
    expect(document.activeElement).toBe(node('db3'));
  });

  it('shows everything about the node that is clicked', async () => {
    const { user } = await openScene('failed');
    await user.click(node('db2'));
    const detail = screen.getByTestId('node-detail');
    expect(detail.textContent).toContain('Why: killed by SIGKILL at 03:12:44.');
    expect(within(detail).getByText('127.0.0.1:13308')).toBeTruthy();
  });
});

const pressOnNode = async ({ user }: RenderedConsole, keys: string): Promise<void> => {
  node('db3').focus();
  await user.keyboard(keys);
};

describe('the state menu', () => {
  const ways: readonly (readonly [string, (console: RenderedConsole) => Promise<unknown> | unknown])[] = [
    ['ctrl-click', () => fireEvent.click(node('db3'), { ctrlKey: true })],
    ['right click, long touch', () => fireEvent.contextMenu(node('db3'))],
    ['Enter', (console) => pressOnNode(console, '{Enter}')],
    ['Shift+F10', (console) => pressOnNode(console, '{Shift>}{F10}{/Shift}')],
    ['the menu key', (console) => pressOnNode(console, '{ContextMenu}')],
  ];
  it.each(ways)('opens by %s', async (_name, way) => {
    const console = await openScene('two');
    await way(console);
    expect((await screen.findByTestId('menu-active')).textContent).toBe('Bring online');
    expect(node('db3').getAttribute('aria-expanded')).toBe('true');
  });

  it('says why a target is not possible, and does nothing then', async () => {
    const console = await openScene('one');
    fireEvent.contextMenu(node('db1'));
    const standby = await screen.findByTestId('menu-standby');
    expect(standby.getAttribute('aria-disabled')).toBe('true');
    expect(standby.textContent).toContain('db1 is the only active node');
    expect(standby.textContent).toContain('Bring another node online first.');
    await console.user.click(standby);
    expect(askedFor(console, 'plan.propose')).toEqual([]);
    expect(screen.getByTestId('menu-standby')).toBeTruthy();
  });

  it('gives the focus back to its node', async () => {
    const { user } = await openScene('two');
    node('db3').focus();
    await user.keyboard('{Enter}');
    await screen.findByTestId('menu-active');
    await user.keyboard('{Escape}');
    await waitFor(() => expect(document.activeElement).toBe(node('db3')));
    expect(screen.queryByTestId('menu-active')).toBeNull();
  });
});

describe('a plan', () => {
  const propose = async (console: RenderedConsole): Promise<void> => {
    fireEvent.contextMenu(node('db3'));
    await console.user.click(await screen.findByTestId('menu-active'));
    await screen.findByTestId('plan-confirm');
  };
  const card = () => screen.getByTestId('plan-card');

  it('is proposed, confirmed by its verb, watched, and put away', async () => {
    const console = await openScene('two');
    const { bridge, user } = console;
    answerProposals(console);
    bridge.handlers['plan.run'] = () => {
      bridge.update({ plan: runningPlan(nowMs) });
      return runningPlan(nowMs);
    };
    bridge.handlers['plan.dismiss'] = () => null;

    await propose(console);
    expect(askedFor(console, 'plan.propose')).toEqual([{ node: 'db3', target: 'active', donor: null }]);
    expect(card().dataset.state).toBe('proposed');
    expect(card().textContent).toContain('no failure → one failure');
    expect(card().textContent).toContain('While db2 stands aside, db1 alone takes all 350 sessions.');
    expect(screen.getByTestId('plan-confirm').textContent).toBe('Bring db3 online');
    await waitFor(() => expect(document.activeElement?.textContent).toBe('Bring db3 online'));

    await user.click(screen.getByTestId('plan-confirm'));
    await waitFor(() => expect(card().dataset.state).toBe('running'));
    expect(askedFor(console, 'plan.run')).toEqual([{ plan: 'plan-7', maintenance: null }]);
    const steps = screen
      .getAllByTestId('plan-step')
      .map((step) => `${step.dataset.kind} ${step.dataset.state}`);
    expect(steps.slice(0, 4)).toEqual([
      'preflight done',
      'step-aside done',
      'copy running',
      'prepare-copy waiting',
    ]);
    expect(screen.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('63');
    expect(card().textContent).toContain('1.29 GB of 2.01 GB');
    expect(card().textContent).toContain('118 MB/s');
    expect(card().textContent).toContain('db3 keeps its old data until it is active.');
    expect(sentence()).toBe('db3 is joining: copy 63 %, 41 s left. No failure tolerated until then.');

    act(() => bridge.update({ plan: runningPlan(nowMs, { state: 'done', endedAtMs: nowMs }) }));
    expect(card().textContent).toContain('db3 is active after 32 s.');
    await user.click(screen.getByTestId('plan-dismiss'));
    await waitFor(() => expect(screen.queryByTestId('plan-card')).toBeNull());
    expect(screen.getByTestId('load-panel')).toBeTruthy();
  });

  it('is stopped on request', async () => {
    const console = await openScene('joining');
    console.bridge.handlers['plan.abort'] = () => {
      console.bridge.update({ plan: runningPlan(nowMs, { state: 'aborting' }) });
      return runningPlan(nowMs, { state: 'aborting' });
    };
    await console.user.click(screen.getByTestId('plan-abort'));
    await waitFor(() => expect(card().dataset.state).toBe('aborting'));
    expect(screen.getByTestId<HTMLButtonElement>('plan-abort').disabled).toBe(true);
    expect(sentence()).toContain('Stopping: bring db3 online.');
  });

  it('is made again with another donor', async () => {
    const console = await openScene('two');
    answerProposals(console);
    await propose(console);
    await console.user.selectOptions(screen.getByTestId('plan-donor'), 'db1');
    await waitFor(() => expect(card().textContent).toContain('chosen by you'));
    expect(askedFor(console, 'plan.propose')[1]).toEqual({ node: 'db3', target: 'active', donor: 'db1' });
  });

  it('that the cluster has overtaken is shown anew, and says why', async () => {
    const console = await openScene('two');
    answerProposals(console);
    console.bridge.handlers['plan.run'] = () => {
      throw refusal('plan.outdated', { reason: 'db2 failed' });
    };
    await propose(console);
    answerProposals(console, { title: 'Bring db3 online from db1' });
    await console.user.click(screen.getByTestId('plan-confirm'));
    expect((await screen.findByTestId('trouble')).textContent).toContain('db2 failed');
    expect(screen.getByTestId('plan-confirm').textContent).toBe('Bring db3 online from db1');
    await console.user.click(screen.getByRole('button', { name: 'Dismiss' }));
    expect(screen.queryByTestId('trouble')).toBeNull();
  });

  it('that failed says what to do', async () => {
    await openScene('plan-failed');
    expect(screen.getByRole('alert').textContent).toContain('the disk of db3 is full');
    expect(screen.getByRole('alert').textContent).toContain('bring it online again to retry');
  });

  it('can be cancelled before it runs, whatever the coordinator remembers', async () => {
    const console = await openScene('two');
    answerProposals(console);
    await propose(console);
    console.bridge.handlers['plan.dismiss'] = () => {
      throw refusal('plan.unknown', { planId: 'plan-7' });
    };
    await console.user.click(screen.getByTestId('plan-dismiss'));
    await waitFor(() => expect(screen.queryByTestId('plan-card')).toBeNull());
    expect(screen.queryByTestId('trouble')).toBeNull();
  });
});

describe('the load and the lab', () => {
  it('sends what is set, the newest last, one at a time', async () => {
    const console = await openScene('one');
    const answers: (() => void)[] = [];
    console.bridge.handlers['load.set'] = () =>
      new Promise((resolve) => {
        answers.push(() => resolve(null));
      });
    const connections = screen.getByTestId<HTMLInputElement>('load-connections');
    fireEvent.change(connections, { target: { value: '400' } });
    fireEvent.change(connections, { target: { value: '500' } });
    fireEvent.change(connections, { target: { value: '600' } });
    expect(connections.value).toBe('600');
    await waitFor(() => expect(answers).toHaveLength(1));
    answers[0]?.();
    await waitFor(() => expect(answers).toHaveLength(2));
    answers[1]?.();
    const sent = askedFor(console, 'load.set') as { connections: number }[];
    expect(sent.map((settings) => settings.connections)).toEqual([400, 600]);
    await waitFor(() => expect(connections.value).toBe('350'));
  });

  it('takes a target rate or none', async () => {
    const console = await openScene('one');
    console.bridge.handlers['load.set'] = (settings) => {
      const { load } = console.bridge.snapshot();
      if (load) console.bridge.update({ load: { ...load, settings } });
      return null;
    };
    await console.user.click(screen.getByTestId('load-unlimited'));
    expect((await screen.findByTestId<HTMLInputElement>('load-target')).value).toBe('1000');
    await console.user.click(screen.getByTestId('load-unlimited'));
    await waitFor(() => expect(screen.queryByTestId('load-target')).toBeNull());
  });

  it('erases the lab only when its name is typed', async () => {
    const console = await openScene('one');
    console.bridge.handlers['lab.reset'] = () => null;
    await console.user.click(screen.getByTestId('lab-reset'));
    const confirm = await screen.findByTestId<HTMLButtonElement>('reset-confirm');
    expect(confirm.disabled).toBe(true);
    await console.user.type(screen.getByTestId('reset-name'), 'Lob');
    expect(confirm.disabled).toBe(true);
    await console.user.clear(screen.getByTestId('reset-name'));
    await console.user.type(screen.getByTestId('reset-name'), 'Lab');
    await console.user.click(confirm);
    expect(askedFor(console, 'lab.reset')).toEqual([{ confirmation: 'Lab' }]);
    await waitFor(() => expect(screen.queryByTestId('reset-dialog')).toBeNull());
  });
});

describe('the charts', () => {
  const lines = (chart: string) =>
    [...screen.getByTestId(chart).querySelectorAll<SVGPathElement>('path[data-series]')].map((path) => [
      path.dataset.series,
      path.getAttribute('d') ?? '',
    ]);

  it('draw a line for each node, with gaps, and one for all', async () => {
    await openScene('two');
    const transactions = new Map(lines('chart-transactions').map(([key, path]) => [key, path]));
    expect([...transactions.keys()]).toEqual(['all', 'db1', 'db2', 'db3']);
    // db1's samples failed once: two strokes.
    expect(transactions.get('db1')?.match(/M/g)).toHaveLength(2);
    expect(transactions.get('db3')).toBe('');
    expect(within(screen.getByTestId('chart-cpu')).getByText('n/a')).toBeTruthy();
  });

  it('move on with the data', async () => {
    const { bridge } = await openScene('two');
    const before = lines('chart-cpu')[0]?.[1];
    act(() => bridge.append(metricsAt(bridge.snapshot(), nowMs, nowMs + 1_000)));
    await waitFor(() => expect(lines('chart-cpu')[0]?.[1]).not.toBe(before));
  });

  it('carry marks, and look at the same moment together', async () => {
    const { user } = await openScene('two');
    const chart = screen.getByTestId('chart-cpu');
    expect(chart.querySelectorAll('.chart-mark')).toHaveLength(1);
    expect(chart.querySelector('.chart-mark title')?.textContent).toContain('db2 active after 38 s');
    within(chart).getByRole('img').focus();
    await user.keyboard('{End}');
    const flags = () => [...document.querySelectorAll<HTMLElement>('.chart-flag')];
    await waitFor(() => expect(flags().map((flag) => flag.hidden)).toEqual([false, false]));
    const [here, there] = flags().map((flag) => flag.textContent);
    expect(here).toMatch(/^\d\d:\d\d:\d\d$/);
    expect(here).toBe(there);
    await user.keyboard('{Escape}');
    await waitFor(() => expect(flags().map((flag) => flag.hidden)).toEqual([true, true]));
  });
});

describe('news and trouble', () => {
  it('lists the last events in a line and all of them in a drawer', async () => {
    const { user } = await openScene('three');
    const footer = screen.getByTestId('events');
    expect(within(footer).getAllByRole('listitem')).toHaveLength(3);
    await user.click(screen.getByTestId('events-toggle'));
    expect(within(screen.getByTestId('events-drawer')).getAllByRole('listitem')).toHaveLength(6);
    await user.keyboard('{Escape}');
    expect(screen.queryByTestId('events-drawer')).toBeNull();
  });

  it('says what to do about a problem', async () => {
    await openScene('problem');
    expect(sentence()).toContain('Only 212 MB are free');
    expect(screen.getByTestId('remedy').textContent).toContain('Free space on that file system');
  });

  it('says when the coordinator is gone, and lets nothing be started then', async () => {
    const { bridge, clock } = await openScene('two');
    bridge.handlers['cluster.open'] = () => {
      throw new RingmasterError('coordinator.silent', { seconds: 9 });
    };
    act(() => clock.advance(5_000));
    await waitFor(() => expect(sentence()).toContain('has not answered for 9 s'));
    fireEvent.contextMenu(node('db3'));
    const entry = await screen.findByTestId('menu-active');
    expect(entry.getAttribute('aria-disabled')).toBe('true');
    expect(entry.textContent).toContain('The coordinator does not answer');
  });

  it('tells a screen reader of news, not of every second', async () => {
    const { bridge } = await openScene('joining');
    const spoken = () => document.querySelector('.sentence [role="status"]')?.textContent;
    const first = spoken();
    const steps = runningPlan(nowMs).steps.map((step) =>
      step.progress ? { ...step, progress: { ...step.progress, done: 1_800_000_000 } } : step,
    );
    act(() => bridge.update({ plan: runningPlan(nowMs, { steps }) }));
    expect(sentence()).toContain('copy 89 %');
    expect(spoken()).toBe(first);
    act(() => bridge.update({ plan: null, nodes: labSnapshot(nowMs).nodes }));
    expect(spoken()).toBe(sentence());
  });
});
