import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../base/clock.js';
import { silentLog } from '../base/log.js';
import type { RequestGate } from '../coordinator/gate/request-gate.js';
import type { ConsoleServer } from '../io/console/server.js';
import { answerCommandLine } from '../lab/command-line.js';
import { attach } from './attach.js';

let parent = '';
const servers: ConsoleServer[] = [];
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'ringmaster-attach-'));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(parent, { recursive: true });
});

const folderOf = (name: string): string => join(parent, name);
const options = { user: 'olga', clock: systemClock };

/** A console in the folder of this name; its gate answers who asked. */
async function open(name: string): Promise<void> {
  const gate: RequestGate = async ({ by, fromOwner, confirmed }) => ({
    ok: true,
    reply: [name, by, fromOwner, confirmed],
  });
  servers.push(await answerCommandLine(folderOf(name), gate, silentLog()));
}

it('attaches to the one console that runs, through its gate, under the name of the user', async () => {
  await open('second');
  const client = await attach([folderOf('first'), folderOf('second')], options);
  expect(await client.request('plan.run', { plan: 'p', maintenance: null }, true)).toEqual([
    'second',
    'command line, user olga',
    true,
    true,
  ]);
  client.close();
});

it('names the folders when none runs, and when more than one does', async () => {
  const folders = [folderOf('first'), folderOf('second')];
  await expect(attach(folders, options)).rejects.toMatchObject({
    code: 'console.none',
    data: { folders: folders.join(' or ') },
  });
  await open('first');
  await open('second');
  await expect(attach(folders, options)).rejects.toMatchObject({
    code: 'console.several',
    data: { folders: folders.join(' and ') },
  });
});

it('says why when the socket cannot be reached', async () => {
  symlinkSync('circle', folderOf('circle'));
  await expect(attach([folderOf('circle')], options)).rejects.toMatchObject({
    code: 'console.denied',
  });
});
