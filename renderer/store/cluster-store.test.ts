import { beforeEach, describe, expect, it, vi } from 'vitest';
import { planId } from '../../app/model/ids.js';
import { joinPlan, labSnapshot, runningPlan } from '../testing/cluster-parts.js';
import { createManualClock, type ManualClock } from '../testing/manual-clock.js';
import { createMemoryBridge, type MemoryBridge, refusal } from '../testing/memory-bridge.js';
import { historyOf, metricsAt } from '../testing/metrics.js';
import { type ConsoleStore, createConsoleStore } from './cluster-store.js';

const startMs = 1_700_000_000_000;

let clock: ManualClock;
let bridge: MemoryBridge;
let store: ConsoleStore;
let stop: () => void;

const opens = () => bridge.asked.filter((request) => request.name === 'cluster.open').length;
const opened = () => vi.waitFor(() => expect(store.state.getState().connection.kind).toBe('open'));

beforeEach(async () => {
  clock = createManualClock(startMs);
  const snapshot = labSnapshot(startMs);
  bridge = createMemoryBridge(snapshot, historyOf(snapshot, startMs));
  store = createConsoleStore(bridge, clock);
  stop = store.start();
  await opened();
});

describe('updates', () => {
  it('opens with the snapshot and five minutes of metrics', () => {
    expect(store.state.getState().snapshot).toEqual(bridge.snapshot());
    expect(store.metrics.points()).toHaveLength(300);
  });

  it('applies what follows, and keeps what did not change', () => {
    const before = store.state.getState().snapshot;
    bridge.update({ nodes: structuredClone(bridge.snapshot().nodes), processorNote: 'new' });
    const after = store.state.getState().snapshot;
    expect(after?.version).toBe(2);
    expect(after?.processorNote).toBe('new');
    expect(after?.nodes).toBe(before?.nodes);
    expect(opens()).toBe(1);
  });

  it('opens again after a gap, and has lost nothing', async () => {
    bridge.updateUnheard({ processorNote: 'missed' });
    bridge.update({ startingUp: 'seen' });
    expect(opens()).toBe(2);
    await vi.waitFor(() => expect(store.state.getState().snapshot?.version).toBe(3));
    expect(store.state.getState().snapshot).toMatchObject({ processorNote: 'missed', startingUp: 'seen' });
  });

  it('applies updates that overtake the snapshot', async () => {
    let answer = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const first = bridge.snapshot();
    bridge.handlers['cluster.open'] = async () => {
      await late;
      return { snapshot: first, metrics: [] };
    };
    const other = createConsoleStore(bridge, clock);
    const stopOther = other.start();
    bridge.update({ processorNote: 'early' });
    answer();
    await vi.waitFor(() => expect(other.state.getState().snapshot?.processorNote).toBe('early'));
    stopOther();
  });

  it('appends metrics without touching the state', () => {
    const before = store.state.getState();
    bridge.append(metricsAt(bridge.snapshot(), startMs, startMs + 1_000));
    expect(store.metrics.latest()?.atMs).toBe(startMs + 1_000);
    expect(store.state.getState()).toBe(before);
  });
});

describe('the connection', () => {
  it('is asked for after silence, and lost when nobody answers', async () => {
    bridge.handlers['cluster.open'] = () => new Promise(() => undefined);
    clock.advance(5_000);
    expect(opens()).toBe(2);
    expect(store.state.getState().connection.kind).toBe('open');
    clock.advance(5_000);
    expect(store.state.getState().connection).toMatchObject({
      kind: 'lost',
      error: { code: 'coordinator.silent', data: { seconds: 10 } },
    });
    // What is known stays on screen.
    expect(store.state.getState().snapshot?.nodes).toHaveLength(3);
    delete bridge.handlers['cluster.open'];
    clock.advance(5_000);
    await opened();
  });

  it('is not asked for while pushes come', () => {
    for (let second = 1; second <= 20; second++) {
      clock.advance(1_000);
      bridge.append(metricsAt(bridge.snapshot(), startMs, startMs + second * 1_000));
    }
    expect(opens()).toBe(1);
  });

  it('shows why opening was refused, and tries again', async () => {
    bridge.handlers['cluster.open'] = () => {
      throw refusal('peer.ended', { node: 'db1', cause: 'test', logFile: '/log' });
    };
    clock.advance(5_000);
    await vi.waitFor(() =>
      expect(store.state.getState().connection).toMatchObject({
        kind: 'lost',
        error: { code: 'peer.ended' },
      }),
    );
    delete bridge.handlers['cluster.open'];
    clock.advance(1_000);
    await opened();
  });

  it('leaves nothing behind when it stops', () => {
    stop();
    expect(bridge.listeners()).toBe(0);
    clock.advance(60_000);
    expect(opens()).toBe(1);
  });
});

describe('what is on the card', () => {
  it('turns to a plan that appears, and away from one that goes', () => {
    bridge.update({ plan: runningPlan(startMs) });
    expect(store.state.getState().panel).toBe('plan');
    bridge.update({ plan: null });
    expect(store.state.getState().panel).toBe('load');
  });

  it('gives a proposal up for the same plan running', () => {
    store.state.setState({ proposal: joinPlan(startMs), panel: 'plan' });
    bridge.update({ plan: runningPlan(startMs) });
    expect(store.state.getState().proposal).toBeNull();
  });

  it('keeps a proposal while an ended plan is put away elsewhere', () => {
    bridge.update({ plan: { ...runningPlan(startMs), id: planId('old'), state: 'done' } });
    store.state.setState({ proposal: joinPlan(startMs), panel: 'plan' });
    bridge.update({ plan: null });
    expect(store.state.getState()).toMatchObject({ panel: 'plan', proposal: { title: 'Bring db3 online' } });
  });

  it('forgets a node that left the cluster', () => {
    const [one, two] = bridge.snapshot().nodes;
    if (!one || !two) throw new Error('the scene has nodes');
    store.state.setState({ selected: two.name, menuOf: two.name });
    bridge.update({ nodes: [one] });
    expect(store.state.getState()).toMatchObject({ selected: null, menuOf: null });
  });
});
