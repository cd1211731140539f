import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { everyNetwork } from './mesh.js';
import type { MemberAddresses } from './options.js';
import {
  closeAll,
  connectByHand,
  endpointsOf,
  helloFrame,
  hosts,
  startMember,
  type TestMember,
  until,
  Wire,
} from './testing/members.js';

const root = resolve(import.meta.dirname, '../../..');
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await closeAll();
});

const trio: readonly MemberAddresses[] = [
  { name: 'db1', addresses: endpointsOf(22_701) },
  { name: 'db2', addresses: endpointsOf(22_702) },
  { name: 'db3', addresses: endpointsOf(22_703) },
];

const losses = (member: TestMember) => member.heard.flatMap((one) => (one.kind === 'lost' ? [one] : []));
const notes = (member: TestMember) => member.heard.flatMap((one) => (one.kind === 'message' ? [one] : []));

test('three members hear each other on both networks, in the order in which they speak', async () => {
  const started = await Promise.all(
    trio.map(({ name }, index) => startMember({ name, port: 22_701 + index, members: trio })),
  );
  const names = trio.map(({ name }) => name);
  const pairs = started.flatMap((from, index) =>
    names.filter((name) => name !== names[index]).map((to) => ({ from, to })),
  );
  await until('everybody is connected twice', () =>
    pairs.every(({ from, to }) => from.transport.networksTo(to).length === 2),
  );
  const count = 200;
  for (let number = 0; number < count; number += 1) {
    // Now and then a long one, which comes in many pieces.
    const text = 'x'.repeat(number % 50 === 0 ? 100_000 : number);
    for (const { from, to } of pairs)
      expect(from.transport.send(to, number % 2, { number, text })).toBe(true);
  }
  await until('all notes came', () => started.every((one) => notes(one).length === 2 * count));
  for (const [index, member] of started.entries())
    for (const from of names.filter((name) => name !== names[index]))
      for (const network of [0, 1]) {
        const heard = notes(member).filter((one) => one.member.name === from && one.network === network);
        expect(heard.map(({ note }) => note.number)).toEqual(
          Array.from({ length: count / 2 }, (_, at) => 2 * at + network),
        );
        expect(
          heard.every(({ note }) => note.text.length === (note.number % 50 ? note.number : 100_000)),
        ).toBe(true);
      }
  expect(started[0]?.transport.send('db2', everyNetwork, { number: -1, text: '' })).toBe(true);
  await until('it came on both', () => (started[1] ? notes(started[1]).length === 2 * count + 2 : false));
  expect(started.flatMap(losses)).toEqual([]);
  expect(started.flatMap((one) => one.transport.refusals())).toEqual([]);
  expect(started[0]?.transport.send('db9', 0, { number: 0, text: '' })).toBe(false);
});

test('a cut connection is told at once on both sides and comes back', async () => {
  const wire = new Wire({ host: hosts[0], port: 22_712 }, { host: hosts[0], port: 22_702 });
  await wire.join();
  const [db1, db2] = await startPair(wire);
  const cutMs = performance.now();
  wire.shake();
  await until('both know', () => losses(db1).length === 1 && losses(db2).length === 1);
  expect(performance.now() - cutMs).toBeLessThan(500);
  expect(losses(db1)).toMatchObject([{ network: 0, member: { name: 'db2', life: 22_702, boot: 1 } }]);
  await until('both networks again', () => db1.transport.networksTo('db2').length === 2);
  await until('for both', () => db2.transport.networksTo('db1').length === 2);
  expect(db1.transport.send('db2', 0, { number: 1, text: 'again' })).toBe(true);
  await until('it came', () => notes(db2).some(({ note }) => note.text === 'again'));
});

test('one network that is cut leaves the other, and comes back when it heals', async () => {
  const wire = new Wire({ host: hosts[0], port: 22_712 }, { host: hosts[0], port: 22_702 });
  await wire.join();
  const [db1, db2] = await startPair(wire);
  await wire.close();
  await until('both lost it', () => losses(db1).length === 1 && losses(db2).length === 1);
  expect(db1.transport.networksTo('db2')).toEqual([1]);
  expect(db2.transport.networksTo('db1')).toEqual([1]);
  expect(db1.transport.send('db2', 0, { number: 1, text: 'nowhere' })).toBe(false);
  expect(db1.transport.send('db2', everyNetwork, { number: 2, text: 'around' })).toBe(true);
  await until('it came', () => notes(db2).length === 1);
  expect(notes(db2)).toMatchObject([{ network: 1, note: { text: 'around' } }]);
  await wire.join();
  await until('healed', () => db1.transport.networksTo('db2').length === 2);
  expect(losses(db1)).toHaveLength(1);
});

/** db1 reaches network 0 of db2 through the wire. */
async function startPair(wire: Wire): Promise<[TestMember, TestMember]> {
  const [, ...secondary] = endpointsOf(22_702);
  const seenByDb1 = [{ name: 'db2', addresses: [wire.at, ...secondary] }];
  const db1 = await startMember({ name: 'db1', port: 22_701, members: seenByDb1 });
  const db2 = await startMember({ name: 'db2', port: 22_702, members: trio.slice(0, 2) });
  await until('connected', () =>
    [db1.transport.networksTo('db2'), db2.transport.networksTo('db1')].every((list) => list.length === 2),
  );
  return [db1, db2];
}

test('a member that does not read is cut before it costs memory', async () => {
  const db0 = { name: 'db0', addresses: endpointsOf(22_700) };
  const sendQueueBytesMax = 512 * 1024;
  const db1 = await startMember({
    name: 'db1',
    port: 22_701,
    members: [db0],
    limits: { sendQueueBytesMax, silentMs: 60_000 },
  });
  const deaf = await connectByHand({ host: hosts[0], port: 22_701 }, Buffer.alloc(32, 'ring'));
  deaf.socket.write(helloFrame('db1'));
  await until('connected', () => db1.transport.networksTo('db0').length === 1);
  deaf.socket.pause();
  const text = 'x'.repeat(64 * 1024);
  let accepted = 0;
  // Turns of the loop in between, so that the kernel takes what it can.
  while (db1.transport.send('db0', 0, { number: accepted, text })) {
    accepted += 1;
    await new Promise(setImmediate);
    // Both kernel buffers of a loopback connection hold some megabytes; a queue without a bound holds all.
    expect(accepted * text.length).toBeLessThan(64 * 1024 * 1024);
  }
  expect(accepted * text.length).toBeGreaterThan(sendQueueBytesMax / 2);
  await until('told', () => losses(db1).length === 1);
  expect(losses(db1)).toMatchObject([{ reason: 'not-reading', network: 0 }]);
  expect(db1.transport.send('db0', 0, { number: 0, text })).toBe(false);
});

test('a member that stands still is cut after its time, and is back when it goes on', async () => {
  const limits = { heartbeatMs: 100, silentMs: 600, backoffMaxMs: 200, greetingMs: 1_000 };
  const pair = trio.slice(0, 2);
  const arguments_ = JSON.stringify({ name: 'db2', port: 22_702, members: pair, limits });
  const program = join(import.meta.dirname, 'testing/member-process.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program, arguments_], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const db1 = await startMember({ name: 'db1', port: 22_701, members: pair, limits });
  await until(
    'the process answers',
    () => said.includes('ready') && db1.transport.networksTo('db2').length === 2,
  );
  // It answers, on the network on which it was asked.
  db1.transport.send('db2', 1, { number: 1, text: 'hello' });
  await until('echo', () => notes(db1).some(({ network, note }) => network === 1 && note.text === 'hello'));
  child.kill('SIGSTOP');
  await until('both links are cut', () => losses(db1).length === 2);
  expect(losses(db1).map(({ reason }) => reason)).toEqual(['silent', 'silent']);
  child.kill('SIGCONT');
  await until('it is back', () => db1.transport.networksTo('db2').length === 2);
  db1.transport.send('db2', 0, { number: 2, text: 'again' });
  await until('echo', () => notes(db1).some(({ note }) => note.text === 'again'));
  // A dead process is told by the kernel, not by a timer.
  const killedMs = performance.now();
  child.kill('SIGKILL');
  await until('both links are cut again', () => losses(db1).length === 4);
  expect(performance.now() - killedMs).toBeLessThan(limits.silentMs);
});

test('an idle link lives by its heartbeats', async () => {
  const limits = { heartbeatMs: 30, silentMs: 400 };
  const pair = trio.slice(0, 2);
  const db1 = await startMember({ name: 'db1', port: 22_701, members: pair, limits });
  const db2 = await startMember({ name: 'db2', port: 22_702, members: pair, limits });
  await until('connected', () => db2.transport.networksTo('db1').length === 2);
  const sinceMs = performance.now();
  await until('three times the patience has passed', () => performance.now() - sinceMs > 3 * limits.silentMs);
  expect([...losses(db1), ...losses(db2)]).toEqual([]);
});

test('a restarted process takes the place of the old one, and members come and go', async () => {
  const pair = trio.slice(0, 2);
  const db2 = await startMember({ name: 'db2', port: 22_702, members: pair });
  const db1 = await startMember({ name: 'db1', port: 22_701, members: pair });
  await until('connected', () => db2.transport.networksTo('db1').length === 2);
  await db1.transport.close();
  await until('lost', () => losses(db2).length === 2);
  const again = await startMember({ name: 'db1', port: 22_701, members: pair, boot: 2 });
  await until('back', () => db2.transport.networksTo('db1').length === 2);
  expect(db2.heard.filter((one) => one.kind === 'connected').map(({ member }) => member.boot)).toEqual([
    1, 1, 2, 2,
  ]);
  await until('for both', () => again.transport.networksTo('db2').length === 2);
  again.transport.setMembers([]);
  await until('removed', () => losses(again).length === 2);
  expect(losses(again).map(({ reason }) => reason)).toEqual(['removed', 'removed']);
  again.transport.setMembers(pair);
  await until('taken back', () => again.transport.networksTo('db2').length === 2);
});
