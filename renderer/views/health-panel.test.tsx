// @vitest-environment jsdom
import { act, screen, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { nodeName } from '../../app/model/ids.js';
import { verificationOf } from '../../app/model/testing/views.js';
import type { VerificationView } from '../../app/model/verification.js';
import { refusal } from '../testing/memory-bridge.js';
import { nowMs, openScene } from '../testing/render-console.js';

async function openHealth(scene: string) {
  const console = await openScene(scene);
  const ofScene = (changes: Partial<VerificationView> = {}) =>
    verificationOf({ startedAtMs: nowMs - 5_000, endedAtMs: nowMs - 2_000, ...changes });
  console.bridge.handlers['verification.start'] = ({ loadPercent }) => {
    const running = ofScene({
      state: 'running',
      loadPercent,
      endedAtMs: null,
      words: null,
      activity: 'reads all nodes',
    });
    console.bridge.update({ verification: running });
    return running;
  };
  console.bridge.handlers['verification.stop'] = () => {
    console.bridge.update({ verification: ofScene({ state: 'stopped', words: 'Stopped by operator' }) });
    return null;
  };
  console.bridge.handlers['verification.set'] = ({ verifiesJoins }) => {
    console.bridge.update({ verifiesJoins });
    return null;
  };
  await console.user.click(screen.getByRole('tab', { name: /^Health/ }));
  await screen.findByTestId('health-panel');
  return { ...console, ofScene };
}

const codes = () => screen.queryAllByTestId('finding').map(({ dataset }) => dataset.code);

describe('the health of the cluster', () => {
  it('is calm for a lab of three', async () => {
    await openHealth('three');
    expect(within(screen.getByTestId('problems')).getByText('Nothing is wrong.')).toBeTruthy();
    expect(codes()).toEqual(['one-host']);
    expect(screen.queryByTestId('health-badge')).toBeNull();
  });

  it('names a failed node with its remedy, and opens the plan that mends it', async () => {
    const { bridge, user } = await openHealth('failed');
    expect(codes()[0]).toBe('node-failed');
    expect(screen.getByTestId('health-badge').textContent).not.toBe('0');
    const failed = bridge.snapshot().nodes.find(({ state }) => state === 'failed')?.name ?? '';
    bridge.handlers['plan.propose'] = () => {
      throw refusal('plan.busy', { title: 'another' });
    };
    await user.click(screen.getByTestId(`mend-node-failed-${failed}`));
    expect(bridge.asked.at(-1)).toEqual({
      name: 'plan.propose',
      payload: { node: failed, target: 'active', donor: null },
    });
    expect((await screen.findByTestId('trouble')).dataset.code).toBe('plan.busy');
  });
});

describe('comparing all nodes', () => {
  it('runs by keyboard with the chosen share, shows each node, and can be stopped', async () => {
    const { bridge, user } = await openHealth('three');
    await user.selectOptions(screen.getByTestId('verify-share'), '25');
    screen.getByTestId('verify-start').focus();
    await user.keyboard('{Enter}');
    expect(bridge.asked.at(-1)).toEqual({ name: 'verification.start', payload: { loadPercent: 25 } });
    expect(await screen.findByText('Reads all nodes …')).toBeTruthy();
    const running = bridge.snapshot().verification;
    const progress = { done: 30, total: 60, unit: 'ranges', perSecond: null, etaSeconds: null } as const;
    act(() =>
      bridge.update({
        verification: running && { ...running, nodes: running.nodes.map((node) => ({ ...node, progress })) },
      }),
    );
    expect(screen.getByRole('progressbar', { name: 'Comparing db2' }).getAttribute('aria-valuenow')).toBe(
      '50',
    );
    await user.click(screen.getByTestId('verify-stop'));
    expect((await screen.findByTestId('verification-outcome')).textContent).toBe('Stopped by operator.');
  });

  it('says that all are equal, and for how long commits were kept back', async () => {
    const { bridge, ofScene } = await openHealth('three');
    act(() => bridge.update({ verification: ofScene() }));
    expect(screen.getByTestId('verification-outcome').textContent).toBe(
      '3 nodes equal at 0-1-12345: 4 tables, 12,345 rows.',
    );
    expect(screen.getByTestId('verification-facts').textContent).toContain(
      'took 3.0 s; commits were kept back for 43 ms',
    );
  });

  it('names table, range and the odd one out, and what was not compared', async () => {
    const { bridge, ofScene } = await openHealth('three');
    const words = 'db2 differs from db1 and db3 in bank.accounts, id 1000 to 1999';
    const rows = Object.fromEntries([1, 2, 3].map((number) => [nodeName(`db${number}`), 1_000]));
    const drift = [{ table: 'bank.accounts', where: 'id 1000 to 1999', odd: [nodeName('db2')], words, rows }];
    const notCompared = [{ table: 'bank.log', why: 'it is kept in MEMORY, which has no snapshots' }];
    const nodes = bridge
      .snapshot()
      .nodes.map((node) => (node.name === 'db2' ? { ...node, needsCopy: 'its data differ' } : node));
    act(() =>
      bridge.update({
        nodes,
        verification: ofScene({ state: 'differs', words, drift, driftCount: 1, notCompared }),
      }),
    );
    const row = within(screen.getByTestId('drift')).getByRole('row', { name: /bank\.accounts/ });
    expect(
      within(row)
        .getAllByRole('cell')
        .map(({ className }) => className),
    ).toEqual(['', 'bad', '']);
    expect(screen.getByText(/bank\.log was not compared/)).toBeTruthy();
    expect(codes()).toContain('data-differ');
    expect(screen.getByTestId('mend-data-differ-db2').textContent).toBe('Take offline: db2');
  });

  it('is refused with its reason while only one node replicates, and joins may go unverified', async () => {
    const { bridge, user } = await openHealth('one');
    expect(screen.getByTestId<HTMLButtonElement>('verify-start').disabled).toBe(true);
    expect(screen.getByTestId('verify-start').title).toContain('fewer than two nodes replicate');
    await user.click(screen.getByTestId('verifies-joins'));
    expect(bridge.snapshot().verifiesJoins).toBe(false);
    expect(codes()).toContain('not-verified');
  });
});
