/** A lab of three active nodes with clients for a minute: nothing is lost, doubled, out of order or different. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../base/clock.js';
import { runConsistency } from './consistency/consistency.js';
import { LabDriver } from './testing/lab-driver.js';

/** Set it for a longer or shorter look; `npm run consistency` is the same without a test. */
const seconds = Number(process.env.RINGMASTER_CONSISTENCY_SECONDS ?? 60);
let driver: LabDriver;

beforeAll(async () => {
  driver = await LabDriver.open({ nodes: 3, active: 3, port: 23_620 });
});
afterAll(() => driver?.close());

it(
  `is consistent after ${seconds} s of clients`,
  async () => {
    const { nodes, frontEnd } = await driver.snapshot();
    expect(nodes.map(({ state }) => state)).toEqual(['active', 'active', 'active']);
    if (!frontEnd) throw new Error('the lab has no address');
    const { host, port } = frontEnd;
    const { application, admin } = driver.lab.accounts;
    const report = await runConsistency({
      // The lab's address spreads its sessions; one entry for each node makes as many clients.
      addresses: nodes.map(() => ({ host, port })),
      login: application,
      nodes: nodes.map((node) => ({ name: node.name, address: { host: node.host, port: node.port } })),
      nodeLogin: admin,
      seconds,
      clients: 2,
      seed: 1,
      clock: systemClock,
    });
    process.stdout.write(`${JSON.stringify(report)}\n`);
    expect(report.problems).toEqual([]);
    expect(Object.keys(report.changesBy), 'servers that made changes').toHaveLength(nodes.length);
    for (const [name, { done, unknown }] of Object.entries(report.workloads)) {
      expect(done, name).toBeGreaterThan(seconds);
      // No node failed: every outcome is known.
      expect(unknown, name).toBe(0);
    }
  },
  seconds * 1000 + 120_000,
);
