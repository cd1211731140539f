/** Commands against a console in memory. */
import { describe, expect, it, vi } from 'vitest';
import { RingmasterError } from '../../base/errors.js';
import { ManualClock } from '../../lab/testing/manual-clock.js';
import type { ClusterEvent } from '../../model/cluster.js';
import type { Plan } from '../../model/plan.js';
import { nodeView, snapshotOf } from '../../model/testing/views.js';
import { leavePlan, MemoryConsole, MemoryTerminal, planAt } from '../testing/fakes.js';
import type { CommandContext } from './context.js';
import { plan, setState } from './move.js';
import { events, status, watch } from './show.js';

const three = () => snapshotOf([nodeView('db1'), nodeView('db2'), nodeView('db3')]);
const takeOffline = { node: 'db2', target: 'offline', donor: null } as const;

interface StageOptions {
  readonly live?: boolean;
  readonly answer?: boolean | null;
  readonly json?: boolean;
  /** Happens while the console has not yet answered that the plan runs. */
  readonly whileStarting?: (terminal: MemoryTerminal) => void;
}

/** A console that proposes the plan to take db2 offline, and somebody at a terminal. */
function stage({ live = false, answer = null, json = false, whileStarting }: StageOptions = {}) {
  const terminal = new MemoryTerminal(live, answer);
  const console: MemoryConsole = new MemoryConsole(three(), {
    'plan.propose': () => leavePlan(),
    'plan.run': () => {
      whileStarting?.(terminal);
      console.change({ plan: planAt('running', ['running']) });
    },
  });
  const clock = new ManualClock();
  const context: CommandContext = { client: console.client, terminal, clock, json };
  const followed = () => vi.waitFor(() => expect(console.isFollowed).toBe(true));
  const names = () => console.asked.map(({ name }) => name);
  return { console, terminal, clock, context, followed, names };
}

const end = (state: Plan['state'], changes: Partial<Plan> = {}) =>
  planAt(state, ['done', 'done'], { endedAtMs: 2_000, ...changes });

describe('set-state', () => {
  it('changes nothing where nobody can be asked, and says how to confirm', async () => {
    const { context, names } = stage();
    await expect(setState(context, takeOffline)).rejects.toMatchObject({ code: 'plan.not-confirmed' });
    expect(names()).toEqual(['plan.propose']);
  });

  it('changes nothing when the answer is no, or when JSON leaves no place for a question', async () => {
    for (const options of [{ answer: false }, { answer: true, json: true }]) {
      const { context, names } = stage(options);
      await expect(setState(context, takeOffline)).rejects.toMatchObject({ code: 'plan.not-confirmed' });
      expect(names()).toEqual(['plan.propose']);
    }
  });

  it('shows the plan, asks, runs it as confirmed, and tells each step', async () => {
    const { context, console, terminal, followed } = stage({ answer: true });
    const ended = setState(context, takeOffline);
    await followed();
    console.change({ plan: planAt('running', ['done', 'running']) });
    console.change({ plan: end('done') });
    expect(await ended).toBe(0);
    expect(terminal.questions).toEqual(['Take db2 offline?']);
    expect(terminal.said[0]).toBe('Take db2 offline');
    expect(terminal.said.slice(-5)).toEqual([
      '▸  Move the sessions of db2',
      '✓  Move the sessions of db2',
      '▸  Stop db2',
      '✓  Stop db2',
      'db2 is offline after 1.0 s.',
    ]);
    expect(console.asked.filter(({ name }) => name !== 'cluster.open')).toEqual([
      { name: 'plan.propose', payload: takeOffline, confirmed: false },
      { name: 'plan.run', payload: { plan: 'plan-1', maintenance: null }, confirmed: true },
    ]);
    expect(console.isFollowed).toBe(false);
  });

  it('paints the plan on a terminal', async () => {
    const { context, console, terminal, followed } = stage({ live: true });
    const ended = setState(context, { ...takeOffline, yes: true });
    await followed();
    await vi.waitFor(() => expect(terminal.painted[1]).toBe('  ▸  Move the sessions of db2'));
    console.change({ plan: end('done') });
    await ended;
    expect(terminal.painted[0]).toBe('Take db2 offline: done, 100 %');
  });

  it('fails with its own code, cause and remedy', async () => {
    const { context, console, terminal, followed } = stage();
    const ended = setState(context, { ...takeOffline, yes: true });
    await followed();
    const error = new RingmasterError('cluster.sessions-stay', { count: 3, node: 'db2', seconds: 30 }).view();
    console.change({ plan: end('failed', { error }) });
    expect(await ended).toBe(5);
    expect(terminal.complaints).toEqual(['Take db2 offline: failed after 1.0 s.', error.text, error.remedy]);
  });

  it('asks for a reason before it shows a plan of maintenance, and sends it with the confirmation', async () => {
    const { context, console, followed, names } = stage();
    const setAside = { ...takeOffline, target: 'maintenance', yes: true } as const;
    await expect(setState(context, setAside)).rejects.toMatchObject({ code: 'plan.reason-missing' });
    expect(names()).toEqual([]);
    const maintenance = { reason: 'new disks', minutes: 60 };
    const ended = setState(context, { ...setAside, maintenance });
    await followed();
    expect(console.asked.find(({ name }) => name === 'plan.run')?.payload).toEqual({
      plan: 'plan-1',
      maintenance,
    });
    console.change({ plan: end('done') });
    expect(await ended).toBe(0);
  });

  it('asks the console to stop the plan on Ctrl-C, and waits until it has', async () => {
    const { context, console, terminal, followed, names } = stage();
    const ended = setState(context, { ...takeOffline, yes: true });
    await followed();
    terminal.interrupt();
    expect(names().at(-1)).toBe('plan.abort');
    console.change({ plan: planAt('aborting', ['running']) });
    console.change({ plan: end('aborted') });
    expect(await ended).toBe(6);
  });

  it('stops a plan too when Ctrl-C came before the console said that it runs', async () => {
    const { context, console, followed, names } = stage({
      whileStarting: (terminal) => terminal.interrupt(),
    });
    const ended = setState(context, { ...takeOffline, yes: true });
    await followed();
    expect(names()).toEqual(['plan.propose', 'plan.run', 'plan.abort', 'cluster.open']);
    console.change({ plan: end('aborted') });
    expect(await ended).toBe(6);
  });

  it('leaves on the second Ctrl-C, with the outcome unknown', async () => {
    const { context, terminal, followed } = stage();
    const ended = setState(context, { ...takeOffline, yes: true });
    await followed();
    terminal.interrupt();
    terminal.interrupt();
    await expect(ended).rejects.toMatchObject({ code: 'console.outcome-unseen' });
  });

  it('does not make an outcome up when the plan was put away or the console went', async () => {
    const { context, console, followed } = stage();
    const put = setState(context, { ...takeOffline, yes: true });
    await followed();
    await vi.waitFor(() => expect(console.asked.at(-1)?.name).toBe('cluster.open'));
    console.change({ plan: null });
    await expect(put).rejects.toMatchObject({ code: 'console.outcome-unseen' });
    const other = stage();
    const lost = setState(other.context, { ...takeOffline, yes: true });
    await other.followed();
    other.console.lose(new RingmasterError('console.lost'));
    await expect(lost).rejects.toMatchObject({ code: 'console.lost' });
  });

  it('gives programs the plan as it ended, and nothing else', async () => {
    const { context, console, terminal, followed } = stage({ json: true });
    const ended = setState(context, { ...takeOffline, yes: true });
    await followed();
    console.change({ plan: end('done') });
    expect(await ended).toBe(0);
    expect(JSON.parse(terminal.said.join('\n'))).toMatchObject({ id: 'plan-1', state: 'done' });
  });
});

it('plan: shows it and runs nothing', async () => {
  const { context, terminal, names } = stage();
  expect(await plan(context, takeOffline)).toBe(0);
  expect(terminal.said).toContain('  1.  Move the sessions of db2  Each continues on another node.');
  expect(names()).toEqual(['plan.propose']);
});

it('status: the exit code is how the cluster is', async () => {
  const { context, console } = stage();
  expect(await status(context, {})).toBe(0);
  console.change({ nodes: three().nodes.slice(0, 2) });
  expect(await status(context, {})).toBe(1);
});

describe('watch', () => {
  it('tells news where it cannot paint, also those that came while it missed something', async () => {
    const { context, console, terminal, followed } = stage();
    const ended = watch(context, {});
    await followed();
    await vi.waitFor(() => expect(terminal.said).toHaveLength(1));
    console.change({ events: [] });
    console.changeUnheard({ nodes: [nodeView('db1'), nodeView('db2', { state: 'failed' })] });
    await vi.waitFor(() => expect(terminal.said).toHaveLength(2));
    terminal.interrupt();
    expect(await ended).toBe(0);
    expect(terminal.said.map((line) => line.replace(/^\S+ \S+ {2}/, ''))).toEqual([
      '3 of 3 active: tolerates one failure.',
      'db2 failed. db1 goes on alone.',
    ]);
  });

  it('asks a console that says nothing whether it is there', async () => {
    const { context, clock, terminal, followed, names } = stage({ live: true });
    const ended = watch(context, {});
    await followed();
    clock.advance(5_000);
    expect(names()).toEqual(['cluster.open']);
    clock.advance(5_000);
    expect(names()).toEqual(['cluster.open', 'cluster.open']);
    terminal.interrupt();
    await ended;
  });
});

describe('events', () => {
  const event = (id: number, text: string): ClusterEvent => ({
    id,
    atMs: 0,
    kind: 'notice',
    severity: 'info',
    node: null,
    planId: null,
    text,
    by: 'olga',
    mark: false,
  });
  const texts = (terminal: MemoryTerminal) => terminal.said.map((line) => line.split('  ').at(-1));

  it('shows the latest ones', async () => {
    const { context, console, terminal } = stage();
    console.change({ events: [event(1, 'one'), event(2, 'two'), event(3, 'three')] });
    expect(await events(context, { last: 2 })).toBe(0);
    expect(texts(terminal)).toEqual(['two (olga)', 'three (olga)']);
  });

  it('goes on with those that come, each once, also after the coordinator began anew', async () => {
    const { context, console, terminal, followed } = stage();
    console.change({ events: [event(1, 'one'), event(2, 'two')] });
    const ended = events(context, { last: 1, follow: true });
    await followed();
    await vi.waitFor(() => expect(terminal.said).toHaveLength(1));
    console.change({ events: [event(1, 'one'), event(2, 'two'), event(3, 'three')] });
    console.change({ name: 'Lab' });
    console.changeUnheard({ events: [event(1, 'anew')] });
    await vi.waitFor(() => expect(texts(terminal)).toEqual(['two (olga)', 'three (olga)', 'anew (olga)']));
    terminal.interrupt();
    expect(await ended).toBe(0);
  });
});
