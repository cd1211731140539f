// @vitest-environment jsdom
import { act, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { nodeName } from '../../app/model/ids.js';
import { policyNames, policyWords } from '../../app/model/routing.js';
import { frontEndOf } from '../../app/model/testing/views.js';
import { labSnapshot } from '../testing/cluster-parts.js';
import { answerRouting, decisionOf, scoreOf } from '../testing/decisions.js';
import { refusal } from '../testing/memory-bridge.js';
import { nowMs, type RenderedConsole, renderConsole } from '../testing/render-console.js';
import { scenes } from '../testing/scenes.js';

const decisions = () => [1, 2, 3].map((number) => decisionOf(number, nowMs - 10_000 + number * 1_000));

/** The console with two active nodes and its Sessions tab open. */
async function openTab() {
  const console = await renderConsole(scenes.two ?? labSnapshot);
  const router = answerRouting(console.bridge, decisions());
  await console.user.click(screen.getByRole('tab', { name: 'Sessions' }));
  await screen.findAllByTestId('decision');
  return { ...console, router };
}

const asked = ({ bridge }: Pick<RenderedConsole, 'bridge'>, name: string) =>
  bridge.asked.filter((request) => request.name === name).map(({ payload }) => payload);
const sessionsShown = () => screen.getAllByTestId('decision').map((row) => row.dataset.session);
const policy = (name: string) => screen.getByTestId<HTMLInputElement>(`policy-${name}`);
const weight = (node: string) => screen.getByTestId<HTMLInputElement>(`weight-${node}`);
const openPolicies = ({ user }: Pick<RenderedConsole, 'user'>) =>
  user.click(screen.getByTestId('policy-pill'));

describe('the sessions of the nodes', () => {
  it('are counted for each: placed by the policy, and in all', async () => {
    await openTab();
    const cells = within(screen.getByTestId('sessions-db1')).getAllByRole('cell');
    expect(cells.map(({ textContent }) => textContent)).toEqual(['12', '179']);
    expect(screen.getByTestId('sessions-db3').textContent).toContain('offline: no sessions');
    expect(screen.getByTestId('sessions-db3').textContent).toContain('n/a');
  });

  it('are never fewer in all than were placed, though the sample is older', async () => {
    const { bridge } = await openTab();
    act(() => bridge.update({ frontEnd: frontEndOf({ placed: { [nodeName('db1')]: 200 } }) }));
    const cells = within(screen.getByTestId('sessions-db1')).getAllByRole('cell');
    expect(cells.map(({ textContent }) => textContent)).toEqual(['200', '200']);
  });

  it('say that weight 0 takes a node out, in the title bar too when none is left', async () => {
    const { bridge } = await openTab();
    const out = (weights: Record<string, number>) =>
      act(() => bridge.update({ frontEnd: frontEndOf({ weights }) }));
    out({ db1: 0 });
    expect(screen.getByTestId('sessions-db1').textContent).toContain('weight 0: no new sessions');
    expect(screen.getByTestId('policy-pill').textContent).toBe('Policy Least connections');
    expect(screen.getByTestId('sessions-panel').textContent).not.toContain('New sessions are refused');
    out({ db1: 0, db2: 0, db3: 1 });
    expect(screen.getByTestId('policy-pill').textContent).toBe('Policy no node takes sessions');
    expect(screen.getByTestId('sessions-panel').textContent).toContain('New sessions are refused');
  });

  it('are not there before the address is open', async () => {
    const console = await renderConsole(scenes.starting ?? labSnapshot);
    await console.user.click(screen.getByRole('tab', { name: 'Sessions' }));
    expect(screen.getByText('The address for applications is not open yet.')).toBeTruthy();
    expect(asked(console, 'routing.decisions')).toEqual([]);
  });
});

describe('the policy', () => {
  it('is chosen from all six, each with what it means, behind the pill in the title bar', async () => {
    const console = await renderConsole(scenes.two ?? labSnapshot);
    answerRouting(console.bridge, []);
    await openPolicies(console);
    expect(screen.getByRole('tab', { name: 'Sessions' }).getAttribute('aria-selected')).toBe('true');
    const radios = screen.getAllByRole<HTMLInputElement>('radio');
    expect(radios.map(({ value }) => value)).toEqual([...policyNames]);
    for (const name of policyNames) {
      const { title, meaning } = policyWords[name];
      expect(screen.getByRole('radio', { name: `${title}: ${meaning}` })).toBe(policy(name));
    }
    expect(policy('least-connections').checked).toBe(true);
    await console.user.click(policy('cpu-load'));
    await waitFor(() => expect(screen.getByTestId('policy-pill').textContent).toBe('Policy CPU load'));
    expect(asked(console, 'routing.set')).toEqual([{ policy: 'cpu-load', weights: {} }]);
    expect(policy('cpu-load').checked).toBe(true);
  });

  it('is set at once, the newest last, one at a time', async () => {
    const console = await openTab();
    await openPolicies(console);
    const answers: (() => void)[] = [];
    console.bridge.handlers['routing.set'] = () =>
      new Promise((resolve) => {
        answers.push(() => resolve(null));
      });
    for (const name of ['round-robin', 'weighted', 'optimal']) await console.user.click(policy(name));
    expect(policy('optimal').checked).toBe(true);
    expect(answers).toHaveLength(1);
    answers[0]?.();
    await waitFor(() => expect(answers).toHaveLength(2));
    answers[1]?.();
    const sent = asked(console, 'routing.set') as { policy: string }[];
    expect(sent.map((each) => each.policy)).toEqual(['round-robin', 'optimal']);
    await waitFor(() => expect(policy('least-connections').checked).toBe(true));
  });

  it('cannot be chosen while the coordinator is away', async () => {
    const console = await openTab();
    await openPolicies(console);
    console.bridge.handlers['cluster.open'] = () => {
      throw refusal('coordinator.silent', { seconds: 9 });
    };
    act(() => console.clock.advance(6_000));
    await waitFor(() =>
      expect(screen.getByRole('group', { name: /next session/ })).toHaveProperty('disabled', true),
    );
  });
});

describe('the weights', () => {
  it('are set together, by the keyboard alone', async () => {
    const console = await openTab();
    await openPolicies(console);
    const set = screen.getByTestId<HTMLButtonElement>('weights-set');
    expect([weight('db1').value, set.disabled]).toEqual(['1', true]);
    weight('db2').focus();
    await console.user.keyboard('{Control>}a{/Control}25{Enter}');
    await waitFor(() => expect(asked(console, 'routing.set')).toHaveLength(1));
    expect(asked(console, 'routing.set')[0]).toEqual({
      policy: 'least-connections',
      weights: { db1: 1, db2: 25, db3: 1 },
    });
    await waitFor(() => expect(set.disabled).toBe(true));
    expect(weight('db2').value).toBe('25');
  });

  it('that would leave no node, or are no weights, are refused with the reason', async () => {
    const console = await openTab();
    await openPolicies(console);
    for (const node of ['db1', 'db2', 'db3']) {
      await console.user.clear(weight(node));
      await console.user.type(weight(node), '0');
    }
    const form = () => screen.getByTestId('policy-card').querySelector('form')?.textContent;
    expect(form()).toContain(
      'With weight 0 on every node no session could be placed. Give one of them more.',
    );
    expect(screen.getByTestId<HTMLButtonElement>('weights-set').disabled).toBe(true);
    await console.user.type(weight('db2'), '101');
    expect(form()).toContain('The weight of db2 is a whole number from 0 to 100.');
    await console.user.keyboard('{Enter}');
    expect(asked(console, 'routing.set')).toEqual([]);
  });

  it('that the coordinator refuses stay typed, and it is said why', async () => {
    const console = await openTab();
    await openPolicies(console);
    console.bridge.handlers['routing.set'] = () => {
      throw refusal('routing.unknown-node', { node: 'db3', nodes: 'db1, db2' });
    };
    await console.user.clear(weight('db1'));
    await console.user.type(weight('db1'), '7{Enter}');
    expect((await screen.findByTestId('trouble')).textContent).toContain('There is no node db3');
    expect(weight('db1').value).toBe('7');
  });

  it('are out of the way where the policy does not use them, and say what 0 does', async () => {
    const console = await openTab();
    await openPolicies(console);
    expect(weight('db1').closest('details')).toBe(screen.getByTestId('policy-card'));
    await console.user.click(policy('round-robin'));
    await waitFor(() => expect(weight('db1').closest('details')).not.toBe(screen.getByTestId('policy-card')));
    expect(weight('db1').closest('details')?.open).toBe(false);
    expect(screen.getByTestId('policy-card').textContent).toContain(
      'Round robin only asks whether a weight is 0. A node with weight 0 gets no new session, whatever the policy',
    );
  });
});

describe('why a session went where it went', () => {
  it('is answered by the score table, in words', async () => {
    const console = await openTab();
    console.router.decisions.push(
      decisionOf(4, nowMs, {
        policy: 'cpu-load',
        scores: [scoreOf('db1', { reason: 'has weight 0' }), scoreOf('db2')],
      }),
    );
    await console.user.click(screen.getByText('127.0.0.1:45302'));
    const card = screen.getByTestId('explanation');
    expect(card.textContent).toContain('Why did 127.0.0.1:45302 go to db2?');
    expect(screen.getByTestId('answer').textContent).toBe('db2 had the fewest sessions for its weight.');
    const row = (node: string) => screen.getByTestId(`score-${node}`);
    expect(row('db2').textContent).toBe('db21211 sessions and this one, for weight 1');
    expect(within(row('db2')).getByLabelText('chosen')).toBeTruthy();
    expect(row('db3').textContent).toBe('db3noneis offline');

    act(() => console.clock.advance(1_000));
    await console.user.click(await screen.findByText('127.0.0.1:45304'));
    expect(screen.getByTestId('answer').textContent).toBe('db2 was the only node that could be chosen.');
    await console.user.click(screen.getByRole('button', { name: 'Close the explanation' }));
    expect(screen.queryByTestId('explanation')).toBeNull();
  });

  it('is asked by keyboard: arrows walk the list, Enter asks', async () => {
    const { user } = await openTab();
    screen.getAllByTestId('decision')[0]?.focus();
    await user.keyboard('{ArrowDown}{ArrowDown}{ArrowDown}{Enter}');
    expect(screen.getByTestId('explanation').textContent).toContain('127.0.0.1:45301');
    expect(document.activeElement?.getAttribute('aria-checked')).toBe('true');
  });

  it('stays on screen when newer decisions push it off the list', async () => {
    const console = await openTab();
    await console.user.click(screen.getByText('127.0.0.1:45301'));
    for (let number = 4; number < 80; number++) console.router.decisions.push(decisionOf(number, nowMs));
    act(() => console.clock.advance(1_000));
    await waitFor(() => expect(sessionsShown()[0]).toBe('127.0.0.1:45379'));
    expect(sessionsShown()).not.toContain('127.0.0.1:45301');
    expect(screen.getByTestId('explanation').textContent).toContain('127.0.0.1:45301');
  });

  it('is searched by node and by typing an address', async () => {
    const console = await openTab();
    console.router.decisions.push(
      decisionOf(4, nowMs, { winner: nodeName('db1'), session: '10.1.2.3:50000' }),
    );
    await console.user.selectOptions(screen.getByLabelText('Only sessions of'), 'db1');
    await waitFor(() => expect(sessionsShown()).toEqual(['10.1.2.3:50000']));
    await console.user.type(screen.getByLabelText('Only addresses with'), ':45302');
    expect(await screen.findByText('None of the last thousand decisions fits.')).toBeTruthy();
    await console.user.selectOptions(screen.getByLabelText('Only sessions of'), 'All nodes');
    await waitFor(() => expect(sessionsShown()).toEqual(['127.0.0.1:45302']));
  });

  it('is live while the tab is open, and asks for nothing when it is closed', async () => {
    const console = await openTab();
    const first = screen.getByText('127.0.0.1:45303').closest('button');
    console.router.decisions.push(decisionOf(4, nowMs));
    act(() => console.clock.advance(1_000));
    await screen.findByText('127.0.0.1:45304');
    // What was drawn stays the same element: nothing flickers.
    expect(screen.getByText('127.0.0.1:45303').closest('button')).toBe(first);
    await console.user.click(screen.getByRole('tab', { name: 'Load' }));
    const before = asked(console, 'routing.decisions').length;
    act(() => console.clock.advance(4_000));
    expect(asked(console, 'routing.decisions')).toHaveLength(before);
  });

  it('has nothing to tell before the first session, and shows one that found no node', async () => {
    const console = await renderConsole(labSnapshot);
    const router = answerRouting(console.bridge, []);
    await console.user.click(screen.getByRole('tab', { name: 'Sessions' }));
    expect(await screen.findByText(/^No session has come through the address/)).toBeTruthy();
    router.decisions.push(decisionOf(1, nowMs, { winner: null, scores: [] }));
    act(() => console.clock.advance(1_000));
    await console.user.click(await screen.findByText('refused'));
    expect(screen.getByTestId('answer').textContent).toContain('No node could take a session');
  });
});
