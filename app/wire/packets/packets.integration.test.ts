/** The captured bytes that the unit tests use are still what a real server says. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RealServer, startRealServer } from '../testing/real-server.js';
import { isMalformed } from './capabilities.js';
import { decodeGreeting, encodeGreeting } from './greeting.js';
import { type Captured, captureConversations, payloadsOf } from './testing/capture.js';

let server: RealServer;
beforeAll(async () => {
  server = await startRealServer(22311, 'packets');
});
afterAll(() => server?.stop());

/** Bytes that differ from run to run: challenges, answers to them, ids, statistics. */
const varies = /greeting|login$|statistics|switch/;

it('says the same as when the bytes were captured', async () => {
  const now = await captureConversations(server.port);
  const then = JSON.parse(
    readFileSync(join(import.meta.dirname, 'testing/captured.json'), 'utf8'),
  ) as Captured[];
  expect(now.map(({ name }) => name)).toEqual(then.map(({ name }) => name));
  for (const [index, one] of now.entries()) {
    if (!varies.test(one.name)) expect(one).toEqual(then[index]);
  }
  const greeting = payloadsOf(Buffer.from(now[0]?.hex ?? '', 'hex'))?.[0] ?? Buffer.alloc(0);
  const decoded = decodeGreeting(greeting);
  expect(isMalformed(decoded)).toBe(false);
  if (!isMalformed(decoded)) expect(encodeGreeting(decoded)).toEqual(greeting);
});
