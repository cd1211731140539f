/** Keeper and server joined by an in-memory line: what a window sees of a coordinator that works, fails and dies. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../app/base/clock.js';
import { RingmasterError } from '../app/base/errors.js';
import { silentLog } from '../app/base/log.js';
import type { NamedPush, RequestHandlers } from '../app/contract/window.js';
import type { ClusterSnapshot } from '../app/model/cluster.js';
import { type CoordinatorProcess, keepCoordinator } from './coordinator-keeper.js';
import { type ServedCluster, serveCoordinator } from './coordinator-server.js';
import { linePair } from './testing/lines.js';

const snapshot: ClusterSnapshot = {
  version: 7,
  name: 'lab',
  kind: 'lab',
  nodes: [],
  ring: [],
  token: null,
  frontEnd: null,
  load: null,
  plan: null,
  series: null,
  recovery: { on: true, perHourMax: 3, outlook: [] },
  verification: null,
  verifiesJoins: true,
  events: [],
  processorNote: '',
  startingUp: null,
  problem: null,
};

type Push = Parameters<Parameters<ServedCluster['onPush']>[0]>;

/** A cluster that answers what these tests ask and remembers what was done to it. */
function served(handlers: Partial<RequestHandlers> = {}, close = async () => {}) {
  let push: (...args: Push) => void = () => {};
  const cluster: ServedCluster = {
    handlers: { 'cluster.open': async () => ({ snapshot, metrics: [] }), ...handlers } as RequestHandlers,
    onPush(listener) {
      push = listener as typeof push;
      return () => {};
    },
    close,
  };
  return { cluster, push: (...args: Push) => push(...args) };
}

/** A keeper whose processes live in this one. */
function kept(open: () => Promise<ServedCluster>) {
  const pushes: NamedPush[] = [];
  const processes: { die: (cause: string) => void; killed: boolean }[] = [];
  const start = (): CoordinatorProcess => {
    const pair = linePair();
    let exited: (cause: string) => void = () => {};
    const process = {
      killed: false,
      die(cause: string) {
        pair.cut();
        exited(cause);
      },
    };
    processes.push(process);
    serveCoordinator(pair.coordinator, open, silentLog(), () => process.die('exit code 0'));
    return {
      line: pair.main,
      onExit(listener) {
        exited = listener;
      },
      kill() {
        process.killed = true;
        process.die('killed');
      },
    };
  };
  const keeper = keepCoordinator({
    start,
    clock: systemClock,
    log: silentLog(),
    onPush: (push) => pushes.push(push),
  });
  const latest = () => {
    const process = processes.at(-1);
    if (!process) throw new Error('no process was started');
    return process;
  };
  return { keeper, pushes, processes, latest };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a coordinator that works', () => {
  it('answers each request with its own reply, in whatever order they end', async () => {
    let endSlow: (reply: null) => void = () => {};
    const slow = new Promise<null>((resolve) => {
      endSlow = resolve;
    });
    const { cluster } = served({ 'plan.dismiss': () => slow, 'lab.set-quota': async () => null });
    const { keeper } = kept(async () => cluster);
    const order: string[] = [];
    const first = keeper.request('plan.dismiss', { plan: 'p1' }, 'olga').then(() => order.push('slow'));
    const second = keeper.request('lab.set-quota', { cores: 1 }, 'olga').then(() => order.push('fast'));
    await second;
    endSlow(null);
    await first;
    expect(order).toEqual(['fast', 'slow']);
    expect(await keeper.request('cluster.open', {}, 'olga')).toEqual({
      ok: true,
      reply: { snapshot, metrics: [] },
    });
  });

  it('sends failures as values: code, cause, remedy', async () => {
    const { cluster } = served({
      'plan.run': async () => {
        throw new RingmasterError('plan.unknown', { planId: 'p9' });
      },
      'plan.abort': async () => {
        throw new TypeError('x is not a function');
      },
    });
    const { keeper } = kept(async () => cluster);
    expect(await keeper.request('plan.run', { plan: 'p9' }, 'olga')).toMatchObject({
      ok: false,
      error: { code: 'plan.unknown', text: 'There is no plan p9.', category: 'input' },
    });
    expect(await keeper.request('plan.abort', { plan: 'p9' }, 'olga')).toMatchObject({
      ok: false,
      error: { code: 'defect', data: { cause: 'x is not a function' } },
    });
  });

  it('passes pushes on', async () => {
    const { cluster, push } = served();
    const { keeper, pushes } = kept(async () => cluster);
    await keeper.request('cluster.open', {}, 'olga');
    push('cluster.updated', { since: 7, version: 8, changes: { name: 'Lab' } });
    await vi.waitFor(() => expect(pushes).toHaveLength(1));
    expect(pushes[0]).toEqual({
      name: 'cluster.updated',
      push: { since: 7, version: 8, changes: { name: 'Lab' } },
    });
  });

  it('closes the cluster before its process ends', async () => {
    const close = vi.fn(async () => {});
    const { keeper, processes } = kept(async () => served({}, close).cluster);
    expect(await keeper.close(1000)).toBe(true);
    expect(close).toHaveBeenCalledOnce();
    expect(processes[0]?.killed).toBe(false);
    expect(await keeper.request('cluster.open', {}, 'olga')).toMatchObject({
      error: { code: 'coordinator.closing' },
    });
  });

  it('is killed when it does not close in time', async () => {
    const { keeper, processes } = kept(async () => served({}, () => new Promise(() => {})).cluster);
    const closing = keeper.close(1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await closing).toBe(false);
    expect(processes[0]?.killed).toBe(true);
  });
});

describe('a cluster that cannot be opened', () => {
  it('is shown as a snapshot with the reason, and refuses everything else with it', async () => {
    const { keeper } = kept(async () => {
      throw new RingmasterError('lab.locked', { pid: 4711, folder: '/var/lib/lab' });
    });
    const opened = await keeper.request('cluster.open', {}, 'olga');
    expect(opened).toMatchObject({
      ok: true,
      reply: { snapshot: { nodes: [], problem: { code: 'lab.locked', data: { pid: 4711 } } } },
    });
    expect(await keeper.request('plan.dismiss', { plan: 'p1' }, 'olga')).toMatchObject({
      error: { code: 'lab.locked' },
    });
  });

  it('makes requests wait while it opens', async () => {
    let opened: (cluster: ServedCluster) => void = () => {};
    const opening = new Promise<ServedCluster>((resolve) => {
      opened = resolve;
    });
    const { keeper } = kept(() => opening);
    const reply = keeper.request('cluster.open', {}, 'olga');
    opened(served().cluster);
    expect(await reply).toMatchObject({ ok: true });
  });
});

describe('a coordinator that dies', () => {
  it('answers what was asked, tells the windows, starts anew and makes them open again', async () => {
    const never = served({ 'plan.run': () => new Promise(() => {}) });
    const { keeper, pushes, processes, latest } = kept(async () => never.cluster);
    await keeper.request('cluster.open', {}, 'olga');
    const asked = keeper.request('plan.run', { plan: 'p1' }, 'olga');
    latest().die('exit code 9');
    expect(await asked).toMatchObject({
      error: { code: 'coordinator.ended', data: { cause: 'exit code 9' } },
    });
    expect(await keeper.request('cluster.open', {}, 'olga')).toMatchObject({
      error: { code: 'coordinator.ended' },
    });
    expect(pushes).toEqual([
      {
        name: 'cluster.updated',
        push: {
          since: 7,
          version: 8,
          changes: {
            problem: expect.objectContaining({ code: 'coordinator.ended' }),
            startingUp: 'The coordinator is being started again.',
          },
        },
      },
    ]);
    await vi.advanceTimersByTimeAsync(500);
    expect(processes).toHaveLength(2);
    const again = pushes[1];
    expect(again?.name === 'cluster.updated' && again.push.since).toBeGreaterThan(8);
    expect(await keeper.request('cluster.open', {}, 'olga')).toMatchObject({ ok: true });
  });

  it('is given up after the fourth death within a minute, and says so', async () => {
    const { keeper, pushes, processes, latest } = kept(async () => served().cluster);
    for (const delayMs of [500, 2000, 5000]) {
      latest().die('exit code 9');
      await vi.advanceTimersByTimeAsync(delayMs);
    }
    expect(processes).toHaveLength(4);
    latest().die('exit code 9');
    await vi.advanceTimersByTimeAsync(120_000);
    expect(processes).toHaveLength(4);
    expect(await keeper.request('cluster.open', {}, 'olga')).toMatchObject({
      error: { code: 'coordinator.gone', data: { deaths: 4 } },
    });
    expect(pushes.at(-1)).toMatchObject({
      push: { changes: { problem: { code: 'coordinator.gone' }, startingUp: null } },
    });
  });

  it('is forgiven deaths that lie more than a minute apart', async () => {
    const { keeper, processes, latest } = kept(async () => served().cluster);
    for (let death = 0; death < 6; death++) {
      latest().die('exit code 9');
      await vi.advanceTimersByTimeAsync(61_000);
    }
    expect(processes).toHaveLength(7);
    expect(await keeper.request('cluster.open', {}, 'olga')).toMatchObject({ ok: true });
  });

  it('is not started again when the program closes meanwhile', async () => {
    const { keeper, processes, latest } = kept(async () => served().cluster);
    latest().die('exit code 9');
    await keeper.close(1000);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(processes).toHaveLength(1);
  });
});
