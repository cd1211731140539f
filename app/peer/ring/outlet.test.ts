import { describe, expect, it } from 'vitest';
import { silentLog } from '../../base/log.js';
import { ManualClock } from '../../lab/testing/manual-clock.js';
import { type Durable, newDurable, type RingAction } from '../../ring/model.js';
import { Outlet } from './outlet.js';

/** A disk that writes when it is told to. */
function world() {
  const done: string[] = [];
  const disk: { durable: Durable; written: () => void; refused: () => void }[] = [];
  const clock = new ManualClock();
  const outlet = new Outlet({
    clock,
    log: silentLog(),
    write: (durable) =>
      new Promise((resolve, reject) => {
        disk.push({ durable, written: () => resolve(), refused: () => reject(new Error('disk full')) });
      }),
    perform: (action) => done.push(action.kind === 'send' ? `send ${action.to}` : action.kind),
  });
  return { outlet, done, disk, clock };
}

const send = (to: number): RingAction => ({
  kind: 'send',
  to,
  network: 0,
  message: { kind: 'want', ringId: 1 },
});
const promise = (promised: number): RingAction => ({
  kind: 'persist',
  durable: { ...newDurable(1, null), promised },
});
const deliver: RingAction = { kind: 'deliver', entry: { number: 1, from: 1, payload: 'x' } };
const turn = () => new Promise(setImmediate);

describe('the outlet', () => {
  it('sends at once what stands before a promise, and the rest when it is on disk', async () => {
    const { outlet, done, disk } = world();
    outlet.take([send(1), promise(5), send(2)]);
    outlet.take([send(3)]);
    expect(done).toEqual(['send 1']);
    disk[0]?.written();
    await turn();
    expect(done).toEqual(['send 1', 'send 2', 'send 3']);
  });

  it('stores promises with messages between them in one write, the newest', async () => {
    const { outlet, done, disk } = world();
    outlet.take([promise(5), send(1), promise(6), send(2)]);
    expect(disk.map(({ durable }) => durable.promised)).toEqual([6]);
    disk[0]?.written();
    await turn();
    expect(done).toEqual(['send 1', 'send 2']);
    expect(disk.length).toBe(1);
  });

  it('hands over to the application before it stores that it did', async () => {
    const { outlet, done, disk } = world();
    outlet.take([promise(5), deliver, promise(6), send(1)]);
    expect(disk[0]?.durable.promised).toBe(5);
    disk[0]?.written();
    await turn();
    expect(done).toEqual(['deliver']);
    expect(disk[1]?.durable.promised).toBe(6);
    disk[1]?.written();
    await turn();
    expect(done).toEqual(['deliver', 'send 1']);
  });

  it('says nothing while the disk refuses, and goes on when it takes the promise', async () => {
    const { outlet, done, disk, clock } = world();
    outlet.take([promise(5), send(1)]);
    disk[0]?.refused();
    await turn();
    expect(done).toEqual([]);
    clock.advance(1_000);
    disk[1]?.written();
    await turn();
    expect(done).toEqual(['send 1']);
  });
});
