/** The built command beside a real lab, as scripts and operators run it. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { consoleSocketPath } from '../lab/folders.js';
import { LabProcess, labFolder, runCommand, startCommand } from './testing/lab-processes.js';

const port = 23_900;
let lab: LabProcess;

const ringmaster = (...args: readonly string[]) => runCommand(lab.folder, ...args);
const who = `command line, user ${userInfo().username}`;

/** The audit log, a request a line. */
const audited = (): { who: string; request: string; outcome: string }[] =>
  readFileSync(join(lab.folder, 'audit.log'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

beforeAll(async () => {
  lab = await LabProcess.start(await labFolder(), port, 3, 2);
});
afterAll(async () => {
  await lab?.erase();
});

it('names cause and remedy, and ends with 3, when no console runs', async () => {
  const folder = await labFolder();
  const run = await runCommand(folder, 'status');
  expect(run).toMatchObject({ exitCode: 3, out: '' });
  expect(run.err).toContain(`No Ringmaster console runs here: none answers in ${folder}.`);
  expect(run.err).toContain('npm run lab');
  const json = await runCommand(folder, 'status', '--json');
  expect(json).toMatchObject({ exitCode: 3, err: '' });
  expect(JSON.parse(json.out)).toMatchObject({ error: { code: 'console.none', data: { folders: folder } } });
  await rm(folder, { recursive: true });
});

it('ends with 3 when the command line cannot be understood', async () => {
  for (const args of [['set-state', 'db1', 'failed'], ['plan', 'DB 1', 'active'], ['frobnicate'], []])
    expect(await ringmaster(...args)).toMatchObject({ exitCode: 3, out: '' });
});

it('offers a socket that only its owner can open', () => {
  const path = consoleSocketPath(lab.folder);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
});

it('tells how the cluster is, by words and by its exit code', async () => {
  const run = await ringmaster('status');
  // Two replicating nodes tolerate no failure.
  expect(run).toMatchObject({ exitCode: 1, err: '' });
  expect(run.out).toContain('db3 is offline: no failure tolerated.');
  expect(run.out).toContain(`Front end  127.0.0.1:${port}`);
  expect(run.out).toMatch(/● {2}db1 {2}active {2}/);
  const json = await ringmaster('--json', 'status');
  expect(JSON.parse(json.out)).toMatchObject({
    tone: 'warning',
    exitCode: 1,
    quorum: { replicating: 2, needed: 2, failuresTolerated: 0 },
    nodes: [
      { name: 'db1', state: 'active' },
      { name: 'db2', state: 'active' },
      { name: 'db3', state: 'offline' },
    ],
  });
  const table = await ringmaster('nodes');
  expect(table).toMatchObject({ exitCode: 0 });
  expect(table.out.split('\n')).toHaveLength(5);
});

it('shows the plan of a state change and changes nothing', async () => {
  const run = await ringmaster('plan', 'db2', 'standby');
  expect(run).toMatchObject({ exitCode: 0, err: '' });
  expect(run.out).toMatch(/^Put db2 on standby\n/);
  expect(run.out).toContain('active → standby');
  const refused = await ringmaster('set-state', 'db2', 'standby');
  expect(refused.exitCode).toBe(4);
  expect(refused.err).toContain('Put db2 on standby was not confirmed, and nothing was changed.');
  expect((await ringmaster('nodes')).out).toMatch(/db2 +active/);
  expect(existsSync(join(lab.folder, 'audit.log'))).toBe(false);
});

it('moves a node, shows how, and leaves who asked in events and audit', async () => {
  const standby = await ringmaster('set-state', 'db2', 'standby', '--yes');
  expect(standby).toMatchObject({ exitCode: 0, err: '' });
  expect(standby.out).toMatch(/✓ {2}Move the sessions of db2/);
  expect(standby.out).toMatch(/db2 is standby after .*\n$/);
  const active = await ringmaster('set-state', 'db2', 'active', '--yes', '--json');
  expect(active).toMatchObject({ exitCode: 0, err: '' });
  expect(JSON.parse(active.out)).toMatchObject({ node: 'db2', state: 'done', askedBy: who });
  const events = await ringmaster('events', '--last', '50');
  expect(events).toMatchObject({ exitCode: 0 });
  expect(events.out).toContain(`Put db2 on standby: started (${who})`);
  expect(events.out).toMatch(/✓ db2 .*db2 active after/);
  expect(audited().map((line) => [line.who, line.request, line.outcome])).toEqual([
    [who, 'plan.run', 'asked'],
    [who, 'plan.run', 'done'],
    [who, 'plan.run', 'asked'],
    [who, 'plan.run', 'done'],
  ]);
});

it('compares all nodes that replicate, and tells so by words, JSON and exit code', async () => {
  const run = await ringmaster('verify', '--load', '100');
  expect(run).toMatchObject({ exitCode: 0, err: '' });
  // A lab without load has no tables of applications.
  expect(run.out).toContain('✓  2 nodes equal at the beginning: no tables, no rows');
  expect(run.out).toContain('db3 was not compared: it is not in the ring (offline)');
  const json = await ringmaster('--json', 'verify');
  expect(JSON.parse(json.out)).toMatchObject({ state: 'equal', tables: 0, drift: [] });
  expect(audited().at(-1)).toMatchObject({ who, request: 'verification.start', outcome: 'done' });
});

it('ends with 4, cause and remedy when the cluster refuses', async () => {
  const already = await ringmaster('set-state', 'db2', 'active', '--yes');
  expect(already).toMatchObject({ exitCode: 4, out: '' });
  expect(already.err).toBe(
    'db2 cannot go from active to active: db2 is active already\nNothing needs to be done.\n',
  );
  const donor = await ringmaster('plan', 'db9', 'active', '--json');
  expect(donor.exitCode).toBe(4);
  expect(JSON.parse(donor.out)).toMatchObject({ error: { code: 'transition.refused' } });
});

it('tells news while they happen, until it is interrupted', async () => {
  const watch = startCommand(lab.folder, 'watch');
  const follow = startCommand(lab.folder, 'events', '--follow', '--last', '0');
  const firstNews = new Promise((resolve) => watch.process.stdout?.once('data', resolve));
  await firstNews;
  await ringmaster('set-state', 'db2', 'offline', '--yes');
  await expect.poll(async () => (await ringmaster('status')).out).toContain('db2 and db3 are offline');
  watch.process.kill('SIGINT');
  follow.process.kill('SIGINT');
  const [watched, followed] = await Promise.all([watch.ended, follow.ended]);
  expect(watched).toMatchObject({ exitCode: 0, err: '' });
  expect(watched.out).toMatch(
    /db3 is offline: .*\n(.*\n)*.*db2 is going offline.*\n(.*\n)*.*db2 and db3 are offline/,
  );
  expect(followed).toMatchObject({ exitCode: 0, err: '' });
  expect(followed.out).toContain(`Take db2 offline: started (${who})`);
});

it('stops the plan on Ctrl-C, and ends with 6', async () => {
  // A full copy takes some seconds.
  const run = startCommand(lab.folder, 'set-state', 'db3', 'active', '--yes');
  await new Promise<void>((resolve) => {
    run.process.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.includes('▸')) resolve();
    });
  });
  run.process.kill('SIGINT');
  const ended = await run.ended;
  expect(ended.exitCode).toBe(6);
  expect(ended.err).toContain('Bring db3 online: stopped');
  expect(ended.err).toContain(`Stopped by ${who}.`);
  expect((await ringmaster('nodes')).out).toMatch(/db3 +offline/);
  expect(audited().at(-1)).toMatchObject({ who, request: 'plan.abort', outcome: 'done' });
});

it('says that the console went, and ends with 3, when its lab is stopped; and finds none afterwards', async () => {
  const follow = startCommand(lab.folder, 'watch');
  await new Promise((resolve) => follow.process.stdout?.once('data', resolve));
  await lab.stop();
  const ended = await follow.ended;
  expect(ended.exitCode).toBe(3);
  expect(ended.err).toContain('The connection to the console was lost.');
  expect(existsSync(consoleSocketPath(lab.folder))).toBe(false);
  expect(await ringmaster('status')).toMatchObject({ exitCode: 3 });
});
