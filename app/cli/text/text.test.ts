/** What the command line prints, line by line. */
import { describe, expect, it } from 'vitest';
import { RingmasterError } from '../../base/errors.js';
import { nodeName } from '../../model/ids.js';
import { frontEndOf, nodeView, sampleOf, snapshotOf } from '../../model/testing/views.js';
import { leavePlan, planAt } from '../testing/fakes.js';
import { eventLine } from './events.js';
import { outcomeLines, proposalLines, runningLines, stepNews } from './plan.js';
import { nodeTableLines, statusLines, statusRecord } from './status.js';
import { cutTo, tableLines } from './table.js';

/** Half a second after the samples of the views were taken. */
const nowMs = 1_000_500;

const mixed = snapshotOf(
  [
    nodeView('db1'),
    nodeView('db2', {
      state: 'standby',
      replication: {
        predecessor: nodeName('db1'),
        receiver: 'running',
        applier: 'running',
        changesBehind: 812,
        error: null,
      },
    }),
    nodeView('db3', { state: 'failed', reason: 'killed by SIGKILL', position: null, dataBytes: null }),
  ],
  { frontEnd: frontEndOf({ sessions: 1350 }) },
);

describe('status', () => {
  it('says the sentence, the address, the quorum, and a line for each node', () => {
    expect(statusLines(mixed, nowMs)).toEqual([
      'db3 failed: killed by SIGKILL. db1 goes on alone.',
      '',
      'Front end  127.0.0.1:6033, 1,350 sessions, least connections',
      'Quorum     2 of 2 replicating nodes must stay, no failure tolerated',
      'Ring       view 8.1 of db1, db2',
      '',
      '●  db1  active   127.0.0.1:6034  100 sessions · CPU 40 %',
      '○  db2  standby  127.0.0.1:6035  812 changes behind · 100 sessions · CPU 40 %',
      '✗  db3  failed   127.0.0.1:6036  killed by SIGKILL',
      '',
      '✗  db3 failed: killed by SIGKILL.',
      '   Bring db3 online: what it lacks is copied while the others go on.',
      '▲  Two nodes replicate: no failure is tolerated, because one of two is no majority.',
      '   Bring db3 online: a third member would change that.',
      '▲  db1 alone takes sessions: when it fails, clients wait until another one does.',
      '   Make db2 active.',
    ]);
  });

  it('says how old the news of a node is once that matters, in the place of its numbers', () => {
    const lines = statusLines(mixed, nowMs + 12_000);
    expect(lines.at(-10)).toBe('●  db1  active   127.0.0.1:6034  last heard of 12 s ago');
  });

  it('names the plan that runs, and the remedy of a problem', () => {
    const plan = planAt('running', ['done', 'running']);
    expect(statusLines({ ...mixed, plan }, nowMs)).toContain(
      'Plan       Take db2 offline, 50 %, asked by command line, user olga',
    );
    const problem = new RingmasterError('host.port-in-use', { port: 6033, host: '127.0.0.1' }).view();
    expect(statusLines({ ...mixed, problem }, nowMs).slice(0, 2)).toEqual([problem.text, problem.remedy]);
  });

  it('gives programs numbers and names as they are', () => {
    expect(statusRecord(mixed, nowMs)).toMatchObject({
      sentence: 'db3 failed: killed by SIGKILL. db1 goes on alone.',
      tone: 'bad',
      exitCode: 2,
      quorum: { replicating: 2, needed: 2, failuresTolerated: 0 },
      nodes: [
        { name: 'db1', sessions: 100, sampledAt: '1970-01-01T00:16:40.000Z' },
        { name: 'db2', changesBehind: 812 },
        { name: 'db3', state: 'failed', sessions: null, sampledAt: null },
      ],
    });
  });
});

it('nodes: a table, in which what is not known is a dash', () => {
  const nodes = [...mixed.nodes, nodeView('db4', { sample: sampleOf({ transactionsPerSecond: null }) })];
  expect(nodeTableLines(nodes, nowMs)).toEqual([
    'NODE  STATE    ADDRESS         SESSIONS  TX/S   CPU  BEHIND  POSITION     DATA',
    'db1   active   127.0.0.1:6034       100   200  40 %       -  0-1-1000  1.28 GB',
    'db2   standby  127.0.0.1:6035       100   200  40 %     812  0-1-1000  1.28 GB  812 changes behind',
    'db3   failed   127.0.0.1:6036         -     -     -       -  -               -  killed by SIGKILL',
    'db4   active   127.0.0.1:6037       100     -  40 %       -  0-1-1000  1.28 GB',
  ]);
});

describe('a plan', () => {
  it('is proposed with effects, steps and warnings', () => {
    expect(proposalLines(leavePlan({ expectedSeconds: 5 }))).toEqual([
      'Take db2 offline',
      '',
      '  db2                active → offline',
      '  Active nodes       3 → 2',
      '  Replicating nodes  3',
      '  Sessions moved     117',
      '  Expected time      5.0 s',
      '',
      '  1.  Move the sessions of db2  Each continues on another node.',
      '  2.  Stop db2                  A clean shutdown.',
      '',
      '! No failure is tolerated afterwards.',
    ]);
  });

  it('is painted with the progress of its running step', () => {
    const plan = planAt('running', ['running']);
    const [first, ...others] = plan.steps;
    if (!first) throw new Error('a plan has steps');
    const progress = { done: 80, total: 117, unit: 'sessions', perSecond: 40, etaSeconds: 1 } as const;
    const moving = { ...plan, steps: [{ ...first, startedAtMs: 1_000, progress }, ...others] };
    expect(runningLines(moving, 3_000)).toEqual([
      'Take db2 offline: running, 34 %',
      '  ▸  Move the sessions of db2  80 of 117 sessions, 40 sessions/s, 68 %, 1.0 s left  (2.0 s)',
      '  ·  Stop db2',
    ]);
  });

  it('is told by its news where nothing can be painted', () => {
    const running = planAt('running', ['running']);
    const later = planAt('running', ['done', 'running']);
    expect(stepNews(null, running, 0)).toEqual(['▸  Move the sessions of db2']);
    expect(stepNews(running, running, 0)).toEqual([]);
    expect(stepNews(running, later, 0)).toEqual(['✓  Move the sessions of db2', '▸  Stop db2']);
  });

  it('ends with what came of it, and with the remedy when it did not succeed', () => {
    expect(outcomeLines(leavePlan({ state: 'done', endedAtMs: 3_500 }))).toEqual([
      'db2 is offline after 2.5 s.',
    ]);
    const error = new RingmasterError('plan.aborted', { by: 'command line, user olga' }).view();
    expect(outcomeLines(leavePlan({ state: 'aborted', endedAtMs: 3_500, error }))).toEqual([
      'Take db2 offline: stopped after 2.5 s.',
      'Stopped by command line, user olga.',
      'Nothing was lost; start again whenever you like.',
    ]);
  });
});

it('an event: when, how serious, which node, what, by whom', () => {
  const line = eventLine({
    id: 1,
    atMs: nowMs,
    kind: 'state',
    severity: 'good',
    node: nodeName('db2'),
    planId: null,
    text: 'db2 active after 38 s',
    by: 'olga',
    mark: true,
  });
  expect(line).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}✓ db2 {5}db2 active after 38 s \(olga\)$/);
});

it('columns: as wide as needed, nothing behind the last cell, and lines that do not fit are cut', () => {
  expect(
    tableLines(
      [
        ['a', '1', 'x'],
        ['long', '22', ''],
      ],
      new Set([1]),
    ),
  ).toEqual(['a      1  x', 'long  22']);
  expect([cutTo('seven', 5), cutTo('sevens', 5)]).toEqual(['seven', 'seve…']);
});
