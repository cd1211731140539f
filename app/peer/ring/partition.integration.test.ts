/** Five peers on five addresses with two networks each: partitions that drop packets, and a network that dies. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock, waitFor } from '../../base/clock.js';
import { Namespaces, networks } from './testing/namespaces.js';
import { RingPeers } from './testing/ring-peers.js';

const all = [1, 2, 3, 4, 5];
const port = 22_830;
const obstacle = await Namespaces.obstacle();
const title = `five peers in five network namespaces${obstacle === null ? '' : ` (skipped: ${obstacle})`}`;

describe.skipIf(obstacle !== null)(title, () => {
  let spaces: Namespaces;
  let ring: RingPeers;

  beforeAll(async () => {
    spaces = await Namespaces.make(all);
    ring = new RingPeers({
      members: all.length,
      addresses: (member) => [
        { host: spaces.host(member, 0), port },
        { host: spaces.host(member, 1), port },
      ],
      prefix: (member) => spaces.prefix(member),
    });
    await ring.startAll();
  });
  afterAll(async () => {
    await ring?.end();
    await spaces?.remove();
  });

  /** Members whose connections are exactly on these networks. */
  const connectedOn = (wanted: readonly number[]) =>
    waitFor(
      systemClock,
      async () => {
        const rings = await Promise.all(all.map((member) => ring.ring(member)));
        const same = rings.every(({ others }) =>
          others.every((each) => each.networks.join() === wanted.join()),
        );
        return same ? true : undefined;
      },
      { timeoutMs: 20_000 },
    );

  const heardByAll = (payload: string) =>
    waitFor(
      systemClock,
      () => (all.every((member) => ring.peer(member).delivered.at(-1) === payload) ? true : undefined),
      { everyMs: 5, timeoutMs: 10_000 },
    );

  test('agree', async () => {
    const { view } = await ring.agreed(all, 20_000);
    expect(view.members.map(({ member }) => member)).toEqual(all);
    expect(await connectedOn(networks)).toBe(true);
  });

  test('two against three: three go on, two stop, and all five come together again', async () => {
    const before = await ring.agreed(all, 20_000);
    await spaces.separate([1, 2]);
    const { view } = await ring.agreed([3, 4, 5], 10_000);
    expect(view.ringId).toBeGreaterThan(before.view.ringId);
    for (const member of [1, 2]) {
      const words = await waitFor(
        systemClock,
        async () => {
          const status = await ring.ring(member);
          return status.view === null && status.state === 'gather' ? status.words : undefined;
        },
        { timeoutMs: 10_000 },
      );
      expect(words).toContain('looks for a view, because');
      const lost = await waitFor(
        systemClock,
        async () => {
          const { others } = await ring.ring(member);
          const missed = others.filter(({ sees }) => sees !== 'up').map((each) => each.member);
          return missed.join() === '3,4,5' ? missed : undefined;
        },
        { timeoutMs: 5_000 },
      );
      expect(lost, `${member} misses the other three`).toEqual([3, 4, 5]);
    }
    // The first of the two leads them, and knows what is missing.
    expect((await ring.ring(1)).words).toContain('fewer than half of the last agreed membership are here');
    await ring.peer(4).control.call('ring.submit', { payload: 'three are enough' });
    await waitFor(
      systemClock,
      () => ([3, 4, 5].every((member) => ring.peer(member).delivered.length > 0) ? true : undefined),
      { timeoutMs: 5_000 },
    );
    expect(ring.peer(1).delivered).toEqual([]);

    await spaces.heal();
    const healedMs = systemClock.monotonicMs();
    const { view: healed, atMs } = await ring.agreed(all, 20_000);
    console.log(`five again ${((atMs - healedMs) / 1_000).toFixed(1)} s after the partition healed`);
    expect(healed.ringId).toBeGreaterThan(view.ringId);
    expect(await heardByAll('three are enough')).toBe(true);
  });

  test('the loss of the first network costs no view', async () => {
    const { view } = await ring.agreed(all, 20_000);
    expect(await connectedOn(networks)).toBe(true);
    await spaces.setNetwork(0, false);
    await ring.peer(2).control.call('ring.submit', { payload: 'by the second network' });
    expect(await heardByAll('by the second network')).toBe(true);
    expect(await connectedOn([1])).toBe(true);
    await spaces.setNetwork(0, true);
    expect(await connectedOn(networks)).toBe(true);
    await ring.peer(5).control.call('ring.submit', { payload: 'by both again' });
    expect(await heardByAll('by both again')).toBe(true);
    for (const member of all) expect((await ring.ring(member)).view?.ringId).toBe(view.ringId);
  });
});
