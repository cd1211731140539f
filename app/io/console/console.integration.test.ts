/** Both ends of the console's socket: who may open it, what is left behind, and what happens when an end goes away. */
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../base/clock.js';
import { RingmasterError } from '../../base/errors.js';
import { silentLog } from '../../base/log.js';
import type { CommandLineCall } from '../../contract/command-line.js';
import type { ReplyEnvelope } from '../../contract/window.js';
import { ManualClock } from '../../lab/testing/manual-clock.js';
import { type ConsoleClient, connectToConsole } from './client.js';
import { ConsoleServer } from './server.js';

let folder = '';
let path = '';
const ends: { close(): void }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringmaster-console-'));
  path = join(folder, 'control', 'console.sock');
});
afterEach(() => {
  for (const end of ends.splice(0)) end.close();
  rmSync(folder, { recursive: true });
});

type Answer = (name: string, call: CommandLineCall) => ReplyEnvelope<unknown> | Promise<never>;

/** A console that answers everything alike, unless told otherwise. */
async function listen(answer: Answer = () => ({ ok: true, reply: null })): Promise<ConsoleServer> {
  const server = await ConsoleServer.listen(path, async (name, call) => answer(name, call), silentLog());
  ends.push(server);
  return server;
}

async function attach(user = 'olga', clock = systemClock): Promise<ConsoleClient> {
  const client = await connectToConsole(path, { user, clock });
  if (!client) throw new Error('nobody listens');
  ends.push(client);
  return client;
}

it('is open to its owner only: socket and folder', async () => {
  await listen();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'control')).mode & 0o777).toBe(0o700);
});

it('carries the name, the payload, the user and the confirmation, and answers with the reply', async () => {
  const calls: unknown[] = [];
  await listen((name, call) => {
    calls.push([name, call]);
    return { ok: true, reply: { id: 'plan-1' } };
  });
  const client = await attach();
  expect(await client.request('plan.run', { plan: 'plan-1', maintenance: null }, true)).toEqual({
    id: 'plan-1',
  });
  expect(calls).toEqual([
    ['plan.run', { payload: { plan: 'plan-1', maintenance: null }, user: 'olga', confirmed: true }],
  ]);
});

it('throws refusals as the errors that they are', async () => {
  const error = new RingmasterError('plan.busy', { title: 'Bring db3 online' });
  await listen(() => ({ ok: false, error: error.view() }));
  const client = await attach();
  await expect(client.request('plan.run', { plan: 'p', maintenance: null }, true)).rejects.toMatchObject({
    code: 'plan.busy',
    message: error.message,
  });
});

it('refuses calls that are none, before anybody is asked', async () => {
  await listen(() => {
    throw new Error('was asked');
  });
  const client = await attach('olga\nroot');
  await expect(client.request('cluster.open', {})).rejects.toMatchObject({ code: 'request.invalid' });
});

it('pushes to those who opened the cluster, and to nobody else', async () => {
  const server = await listen();
  const [follower, other] = [await attach(), await attach()];
  const heard: string[] = [];
  follower.onPush('cluster.updated', ({ version }) => heard.push(`follower ${version}`));
  other.onPush('cluster.updated', ({ version }) => heard.push(`other ${version}`));
  await follower.request('cluster.open', {});
  server.push({ name: 'cluster.updated', push: { since: 1, version: 2, changes: {} } });
  await other.request('plan.dismiss', { plan: 'p' });
  await vi.waitFor(() => expect(heard).toEqual(['follower 2']));
});

it('finds nobody where no console runs', async () => {
  expect(await connectToConsole(path, { user: 'olga', clock: systemClock })).toBeUndefined();
});

it('takes the place of a console that was killed', async () => {
  // Closing removes the name that a socket was bound to; under another name it stays, as that of a killed process does.
  const killed = createServer();
  killed.listen(join(folder, 'bound'));
  await once(killed, 'listening');
  mkdirSync(join(folder, 'control'));
  renameSync(join(folder, 'bound'), path);
  await new Promise<void>((resolve) => killed.close(() => resolve()));
  expect(statSync(path).isSocket()).toBe(true);
  expect(await connectToConsole(path, { user: 'olga', clock: systemClock })).toBeUndefined();
  await listen();
  expect(await (await attach()).request('plan.dismiss', { plan: 'p' })).toBeNull();
});

it('refuses to be the second console of a lab, and leaves the first alone', async () => {
  await listen();
  await expect(listen()).rejects.toMatchObject({ code: 'console.taken', data: { path } });
  expect(await (await attach()).request('plan.dismiss', { plan: 'p' })).toBeNull();
});

it('says why when there is no place for the socket', async () => {
  writeFileSync(join(folder, 'control'), '');
  await expect(listen()).rejects.toMatchObject({ code: 'host.path-denied' });
  path = join(folder, 'x'.repeat(100), 'console.sock');
  await expect(listen()).rejects.toThrow('the path of a local socket has');
});

it('ends what is under way when the console goes, and leaves no socket', async () => {
  const server = await listen(() => new Promise<never>(() => {}));
  const client = await attach();
  const lost: RingmasterError[] = [];
  client.onLost((error) => lost.push(error));
  const asked = expect(client.request('cluster.open', {})).rejects.toMatchObject({ code: 'console.lost' });
  await vi.waitFor(() => expect(existsSync(path)).toBe(true));
  server.close();
  await asked;
  expect(lost.map(({ code }) => code)).toEqual(['console.lost']);
  expect(existsSync(path)).toBe(false);
  await expect(client.request('cluster.open', {})).rejects.toMatchObject({ code: 'console.lost' });
});

it('does not wait for ever for an answer', async () => {
  await listen(() => new Promise<never>(() => {}));
  const clock = new ManualClock();
  const client = await attach('olga', clock);
  const asked = expect(client.request('cluster.open', {})).rejects.toMatchObject({
    code: 'coordinator.silent',
  });
  clock.advance(15_000);
  await asked;
});

it('drops who speaks something else, and who does not read; the others go on', async () => {
  const server = await listen();
  const nonsense = connect(path);
  await once(nonsense, 'connect');
  nonsense.resume();
  const refused = once(nonsense, 'close');
  nonsense.write('GET / HTTP/1.1\r\n\r\n');
  await refused;
  const silent = connect(path);
  await once(silent, 'connect');
  const open = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'cluster.open',
    params: { payload: {}, user: 'olga', confirmed: false },
  });
  silent.pause();
  silent.write(`Content-Length: ${open.length}\r\n\r\n${open}`);
  const reader = await attach();
  await reader.request('cluster.open', {});
  let heard = 0;
  reader.onPush('cluster.updated', () => heard++);
  const text = 'x'.repeat(64 * 1024);
  const gone = once(silent, 'close');
  for (let version = 2; version < 600; version++) {
    server.push({
      name: 'cluster.updated',
      push: { since: version - 1, version, changes: { processorNote: text } },
    });
    if (version % 50 === 0) await vi.waitFor(() => expect(heard).toBeGreaterThan(version - 100));
  }
  silent.resume();
  await gone;
  await vi.waitFor(() => expect(heard).toBe(598), { timeout: 10_000 });
});
