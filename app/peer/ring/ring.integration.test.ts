/** Peers as processes: they agree, lose one, wait for one, and come back, with real connections, clocks and disks. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock, waitFor } from '../../base/clock.js';
import { randomHex } from '../../base/random.js';
import { onLoopback, RingPeers } from './testing/ring-peers.js';

const ring = new RingPeers({ members: 3, addresses: onLoopback(22_800) });
const all = [1, 2, 3];
const without = (gone: number) => all.filter((member) => member !== gone);
const median = (values: readonly number[]) =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

beforeAll(() => ring.startAll());
afterAll(() => ring.end());

test('three peers agree on one view', async () => {
  const { view } = await ring.agreed(all, 20_000);
  expect(view.members.map(({ node }) => node)).toEqual(['db1', 'db2', 'db3']);
  for (const member of all) {
    const { others, words } = await ring.ring(member);
    expect(words).toBe(`member of ${view.name}`);
    expect(others.map(({ sees, networks }) => ({ sees, networks }))).toEqual([
      { sees: 'up', networks: [0, 1] },
      { sees: 'up', networks: [0, 1] },
    ]);
  }
});

test('a token that rests tells everybody what is safe', async () => {
  const known = await waitFor(
    systemClock,
    async () => {
      const marks = await Promise.all(all.map(async (member) => (await ring.ring(member)).safe));
      return marks.every((safe) => safe === 0) ? true : undefined;
    },
    { timeoutMs: 5_000 },
  );
  expect(known).toBe(true);
});

test('control messages come to everybody in one order', async () => {
  for (let number = 1; number <= 20; number++)
    await Promise.all(
      all.map((member) =>
        ring.peer(member).control.call('ring.submit', { payload: `${member} says ${number}` }),
      ),
    );
  const done = await waitFor(
    systemClock,
    () => (all.every((member) => ring.peer(member).delivered.length === 60) ? true : undefined),
    { timeoutMs: 20_000 },
  );
  expect(done).toBe(true);
  const [first, ...others] = all.map((member) => ring.peer(member).delivered);
  for (const other of others) expect(other).toEqual(first);
  expect((await ring.ring(1)).passes).toBeGreaterThan(3);
});

test('the loss of the holder opens a new view in less than 100 ms', async () => {
  const took: number[] = [];
  for (let round = 1; round <= 7; round++) {
    await ring.agreed(all, 20_000);
    const holder = await ring.holder(all);
    const survivors = without(holder);
    const killedMs = systemClock.monotonicMs();
    ring.signal(holder, 'SIGKILL');
    const { atMs } = await ring.agreed(survivors, 10_000);
    took.push(atMs - killedMs);
    await ring.kill(holder);
    await ring.start(holder);
  }
  console.log(`new view after the holder's death, ms: ${took.map((ms) => ms.toFixed(0)).join(' ')}`);
  expect(median(took)).toBeLessThan(100);
});

test('a peer that was stopped for two seconds notices it and comes back without harm', async () => {
  const { view } = await ring.agreed(all, 20_000);
  const stopped = (await ring.holder(all)) === 2 ? 3 : 2;
  ring.signal(stopped, 'SIGSTOP');
  const stoppedMs = systemClock.monotonicMs();
  const without2 = await ring.agreed(without(stopped), 1_500);
  expect(without2.view.ringId).toBeGreaterThan(view.ringId);
  await ring.peer(1).control.call('ring.submit', { payload: 'while one sleeps' });
  await waitFor(systemClock, () => (systemClock.monotonicMs() - stoppedMs > 2_000 ? true : undefined), {
    timeoutMs: 3_000,
  });
  ring.signal(stopped, 'SIGCONT');
  const again = await ring.agreed(all, 10_000);
  expect(again.view.ringId).toBeGreaterThan(without2.view.ringId);
  const { stalls } = await ring.ring(stopped);
  expect(stalls.longestMs).toBeGreaterThan(1_500);
  const heard = await waitFor(
    systemClock,
    () => (ring.peer(stopped).delivered.at(-1) === 'while one sleeps' ? true : undefined),
    { timeoutMs: 5_000 },
  );
  expect(heard, 'it learns what was said while it slept').toBe(true);
});

test('all of them come back with their stores', async () => {
  const { view } = await ring.agreed(all, 20_000);
  await Promise.all(all.map((member) => ring.kill(member)));
  await Promise.all(all.map((member) => ring.start(member)));
  const { view: next } = await ring.agreed(all, 20_000);
  expect(next.ringId).toBeGreaterThan(view.ringId);
});

test('a peer with another key never enters', async () => {
  await ring.agreed(all, 20_000);
  await ring.kill(3);
  const { view } = await ring.agreed([1, 2], 10_000);
  await ring.start(3, { key: randomHex(32) });
  const refused = await waitFor(
    systemClock,
    async () => (/ring.key-differs/.test((await ring.log(1)) + (await ring.log(3))) ? true : undefined),
    { timeoutMs: 10_000 },
  );
  expect(refused).toBe(true);
  expect((await ring.ring(1)).view?.ringId).toBe(view.ringId);
  expect((await ring.ring(3)).view).toBe(null);
  await ring.kill(3);
  await ring.start(3);
  await ring.agreed(all, 20_000);
});

test('who leaves is not counted, and comes back when it is told to', async () => {
  await ring.agreed(all, 20_000);
  expect(await ring.peer(3).control.call('ring.leave', {})).toEqual({ agreed: true });
  await ring.agreed([1, 2], 10_000);
  expect((await ring.ring(3)).words).toBe('left on purpose');
  await ring.peer(3).control.call('ring.rejoin', {});
  await ring.agreed(all, 10_000);
});
