/** Conflicts are told as one event for each minute that had some. */
import { expect, it } from 'vitest';
import { nodeName } from '../model/ids.js';
import { Cluster } from './cluster.js';
import { ConflictTally } from './conflict-tally.js';
import { HurriedClock } from './testing/model-cluster.js';

const db2 = nodeName('db2');

it('counts a minute from the first conflict on, and says nothing of quiet ones', () => {
  const clock = new HurriedClock();
  const nodes = [
    {
      name: db2,
      serverId: 2,
      address: { host: '127.0.0.1', port: 1 },
      frontEnd: { host: '127.0.0.1', port: 2 },
    },
  ];
  const cluster = new Cluster({ name: 'model', nodes, clock });
  const tally = new ConflictTally(cluster);
  const said = () => cluster.snapshot().events.map(({ text }) => text);
  const second = (conflicts: number) => {
    clock.advance(1000);
    tally.sampled(db2, conflicts);
  };
  for (let index = 0; index < 100; index++) second(0);
  expect(said()).toEqual([]);
  second(3);
  second(2);
  for (let index = 0; index < 58; index++) second(0);
  expect(said()).toEqual([]);
  second(1);
  expect(said()).toEqual([
    'db2 rolled back 6 transactions in a minute: changes ordered first needed their locks (error 1213)',
  ]);
  for (let index = 0; index < 100; index++) second(0);
  expect(said()).toHaveLength(1);
});
