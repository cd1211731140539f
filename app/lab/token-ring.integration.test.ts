/** The token ring of a lab: it follows what the operator does with the nodes, beside real servers under load. */
import { afterEach, expect, it } from 'vitest';
import type { NodeName } from '../model/ids.js';
import { LabDriver } from './testing/lab-driver.js';

let driver: LabDriver | undefined;
afterEach(async () => {
  await driver?.close();
});

it('agrees on the nodes that replicate: joined, taken offline, and back', async () => {
  const lab = await LabDriver.open({ port: 22_870, connections: 10 });
  driver = lab;
  const agreed = async (...names: string[]) =>
    await lab.until(
      `the ring is ${names.join(' ')}`,
      ({ token }) => token?.members.join() === names.join(),
      20_000,
    );

  await agreed('db1');
  await lab.move('db2', 'active');
  await agreed('db1', 'db2');
  await lab.move('db3', 'active');
  const three = await agreed('db1', 'db2', 'db3');
  expect(three.events.some(({ text }) => text.endsWith(': db1, db2 and db3'))).toBe(true);

  const seen = await lab.until('all see each other', ({ nodes, token }) =>
    nodes.every(
      ({ ring }) =>
        ring?.ringId === token?.ringId && Object.values(ring?.sees ?? {}).every((sight) => sight === 'up'),
    ),
  );
  expect(Object.keys(seen.nodes[0]?.ring?.sees ?? {})).toEqual(['db2', 'db3'] as NodeName[]);
  expect(seen.nodes[0]?.ring?.position).toBeGreaterThan(0);

  await lab.move('db2', 'offline');
  const two = await agreed('db1', 'db3');
  expect(two.nodes[1]?.ring?.words).toBe('left on purpose');
  await lab.move('db2', 'active');
  await agreed('db1', 'db2', 'db3');
}, 180_000);
