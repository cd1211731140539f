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
  const stored: number[] = [];
  /** What is no longer wanted: news of changes below this. */
  const validFrom = { sequence: 0 };
  const outlet = new Outlet({
    self: 2,
    current: (action) => action.kind !== 'safe' || action.upTo >= validFrom.sequence,
    clock,
    log: silentLog(),
    write: (durable) =>
      new Promise((resolve, reject) => {
        disk.push({ durable, written: () => resolve(), refused: () => reject(new Error('disk full')) });
      }),
    perform: (action) =>
      done.push(action.kind === 'send' ? `${action.message.kind} ${action.to}` : action.kind),
    stored: (number) => stored.push(number),
  });
  return { outlet, done, disk, clock, stored, validFrom };
}

const attest = (to: number): RingAction => ({
  kind: 'send',
  to,
  network: 0,
  message: { kind: 'attest', ringId: 1 },
});
const want = (to: number): RingAction => ({
  kind: 'send',
  to,
  network: 0,
  message: { kind: 'want', ringId: 1 },
});
const founders = [1, 2].map((id) => ({ id, life: 1, arbiter: false }));
const promise = (promised: number): RingAction => ({
  kind: 'persist',
  number: promised,
  durable: { ...newDurable(1, founders), promised },
});
const deliver: RingAction = { kind: 'deliver', entry: { number: 1, from: 1, payload: 'x' } };
const turn = () => new Promise(setImmediate);

describe('the outlet', () => {
  it('sends at once what stands before a promise, and the rest when it is on disk', async () => {
    const { outlet, done, disk } = world();
    outlet.take([attest(1), promise(5), attest(2)]);
    outlet.take([attest(3)]);
    expect(done).toEqual(['attest 1']);
    disk[0]?.written();
    await turn();
    expect(done).toEqual(['attest 1', 'attest 2', 'attest 3']);
  });

  it('stores promises with messages between them in one write, the newest', async () => {
    const { outlet, done, disk } = world();
    outlet.take([promise(5), attest(1), promise(6), attest(2)]);
    expect(disk.map(({ durable }) => durable.promised)).toEqual([6]);
    disk[0]?.written();
    await turn();
    expect(done).toEqual(['attest 1', 'attest 2']);
    expect(disk.length).toBe(1);
  });

  it('hands over to the application before it stores that it did', async () => {
    const { outlet, done, disk } = world();
    outlet.take([promise(5), deliver, promise(6), attest(1)]);
    expect(disk[0]?.durable.promised).toBe(5);
    disk[0]?.written();
    await turn();
    expect(done).toEqual(['deliver']);
    expect(disk[1]?.durable.promised).toBe(6);
    disk[1]?.written();
    await turn();
    expect(done).toEqual(['deliver', 'attest 1']);
  });

  it('tells which promises are on disk, and how long the slowest write took', async () => {
    const { outlet, disk, clock, stored } = world();
    outlet.take([promise(5), promise(6), deliver, promise(7)]);
    clock.advance(400);
    expect(outlet.writes).toEqual({ count: 0, longestMs: 400 });
    disk[0]?.written();
    await turn();
    expect(stored).toEqual([6]);
    disk[1]?.written();
    await turn();
    expect(stored).toEqual([6, 7]);
    expect(outlet.writes).toEqual({ count: 2, longestMs: 400 });
  });

  it('lets signs of life overtake a slow disk that knows their ring already', async () => {
    const { outlet, done, disk } = world();
    outlet.take([promise(5), want(1)]);
    expect(done, 'nothing is on disk yet').toEqual([]);
    disk[0]?.written();
    await turn();
    outlet.take([promise(6), attest(2), want(3)]);
    outlet.take([want(1)]);
    expect(done).toEqual(['want 1', 'want 3', 'want 1']);
    disk[1]?.written();
    await turn();
    expect(done.at(-1)).toBe('attest 2');
  });

  it('makes no promise while the disk refuses, and goes on when it takes the promise', async () => {
    const { outlet, done, disk, clock } = world();
    outlet.take([promise(5), attest(1)]);
    disk[0]?.refused();
    await turn();
    expect(done).toEqual([]);
    clock.advance(1_000);
    disk[1]?.written();
    await turn();
    expect(done).toEqual(['attest 1']);
  });

  it('drops what means nothing any more when its turn comes', async () => {
    const { outlet, done, disk, validFrom } = world();
    outlet.take([promise(1), { kind: 'safe', upTo: 3 }, attest(2)]);
    validFrom.sequence = 4;
    disk[0]?.written();
    await turn();
    expect(done).toEqual(['attest 2']);
  });
});
