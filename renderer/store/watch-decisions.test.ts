import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nodeName } from '../../app/model/ids.js';
import type { DecisionQuery } from '../../app/model/routing.js';
import { labSnapshot } from '../testing/cluster-parts.js';
import { answerRouting, decisionOf, type MemoryRouter } from '../testing/decisions.js';
import { createManualClock, type ManualClock } from '../testing/manual-clock.js';
import { createMemoryBridge, type MemoryBridge, refusal } from '../testing/memory-bridge.js';
import { type ConsoleStore, createConsoleStore } from './cluster-store.js';
import { decisionsShown } from './decision-list.js';
import { watchDecisions } from './watch-decisions.js';

const startMs = 1_700_000_000_000;

let clock: ManualClock;
let bridge: MemoryBridge;
let router: MemoryRouter;
let store: ConsoleStore;
let stops: (() => void)[];

const list = () => store.state.getState().decisions;
const shown = () => list()?.entries.map(({ number }) => number);
const asked = () => bridge.asked.filter(({ name }) => name === 'routing.decisions');
const askedAfter = () => asked().map(({ payload }) => (payload as DecisionQuery).after);
const decide = (number: number) => router.decisions.push(decisionOf(number, startMs));
const until = (numbers: readonly number[]) => vi.waitFor(() => expect(shown()).toEqual(numbers));

beforeEach(async () => {
  clock = createManualClock(startMs);
  bridge = createMemoryBridge(labSnapshot(startMs), []);
  router = answerRouting(bridge, [decisionOf(1, startMs), decisionOf(2, startMs)]);
  store = createConsoleStore(bridge, clock);
  stops = [store.start()];
  await vi.waitFor(() => expect(store.state.getState().connection.kind).toBe('open'));
});
afterEach(() => {
  for (const stop of stops) stop();
});

describe('the list of decisions', () => {
  it('is not asked for while nobody looks', () => {
    clock.advance(3_000);
    expect(asked()).toEqual([]);
    expect(list()).toBeNull();
  });

  it('begins with the latest, then asks once a second for what is newer, and ends', async () => {
    const stop = watchDecisions(store);
    await until([2, 1]);
    decide(3);
    clock.advance(1_000);
    await until([3, 2, 1]);
    expect(askedAfter()).toEqual([0, 2]);
    stop();
    clock.advance(5_000);
    expect(askedAfter()).toEqual([0, 2]);
  });

  it('stays the very same list while nothing new comes, so that nothing is drawn', async () => {
    stops.push(watchDecisions(store));
    await until([2, 1]);
    const before = list()?.entries;
    clock.advance(1_000);
    await vi.waitFor(() => expect(asked()).toHaveLength(2));
    expect(list()?.entries).toBe(before);
  });

  it('asks one question at a time', async () => {
    const answer = bridge.handlers['routing.decisions'];
    const answers: (() => void)[] = [];
    bridge.handlers['routing.decisions'] = (query) =>
      new Promise((resolve, reject) => {
        answers.push(() => (answer ? resolve(answer(query)) : reject(new Error('no router'))));
      });
    stops.push(watchDecisions(store));
    clock.advance(4_000);
    expect(asked()).toHaveLength(1);
    answers[0]?.();
    await until([2, 1]);
    clock.advance(1_000);
    expect(asked()).toHaveLength(2);
  });

  it('holds a bounded number', async () => {
    for (let number = 3; number <= decisionsShown + 10; number++) decide(number);
    stops.push(watchDecisions(store));
    await vi.waitFor(() => expect(shown()).toHaveLength(decisionsShown));
    decide(decisionsShown + 11);
    clock.advance(1_000);
    await vi.waitFor(() => expect(shown()?.[0]).toBe(decisionsShown + 11));
    expect(shown()).toHaveLength(decisionsShown);
  });

  it('is read anew with another filter, at once, and keeps what it shows until then', async () => {
    stops.push(watchDecisions(store));
    await until([2, 1]);
    store.state.setState({ decisionFilter: { node: nodeName('db2'), session: '45301' } });
    expect(shown()).toEqual([2, 1]);
    await until([1]);
    store.state.setState({ decisionFilter: { node: nodeName('db1'), session: '' } });
    await until([]);
  });

  it('is read anew when numbers began anew, as after a reset of the lab', async () => {
    stops.push(watchDecisions(store));
    await until([2, 1]);
    router.decisions.splice(0, 2, decisionOf(1, startMs + 500));
    router.beganAtMs = 2;
    clock.advance(1_000);
    await until([1]);
    expect(list()?.entries[0]?.atMs).toBe(startMs + 500);
  });

  it('says why it cannot be read, keeps what was known, and goes on when it can', async () => {
    stops.push(watchDecisions(store));
    await until([2, 1]);
    const answer = bridge.handlers['routing.decisions'];
    bridge.handlers['routing.decisions'] = () => {
      throw refusal('coordinator.ended', { cause: 'exit code 9' });
    };
    clock.advance(1_000);
    await vi.waitFor(() => expect(list()?.error?.code).toBe('coordinator.ended'));
    expect(shown()).toEqual([2, 1]);
    expect(store.state.getState().trouble).toBeNull();
    if (answer) bridge.handlers['routing.decisions'] = answer;
    decide(3);
    clock.advance(1_000);
    await until([3, 2, 1]);
    expect(list()?.error).toBeNull();
  });
});
