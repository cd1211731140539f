import { describe, expect, it } from 'vitest';
import { RingmasterError } from '../base/errors.js';
import type { ClusterSnapshot, NodeRingView, TokenView } from './cluster.js';
import { findingsOf } from './health.js';
import { nodeName } from './ids.js';
import { describeCluster } from './sentence.js';
import { nodeView, sampleOf, snapshotOf, verificationOf } from './testing/views.js';

const nowMs = 1_000_000;
const db1 = nodeView('db1');
const db2 = nodeView('db2');
const db3 = nodeView('db3');
const three = [db1, db2, db3];

const codesOf = (snapshot: ClusterSnapshot) => findingsOf(snapshot, nowMs).map(({ code }) => code);
const findingOf = (snapshot: ClusterSnapshot, code: string) =>
  findingsOf(snapshot, nowMs).find((finding) => finding.code === code);

const ring = (changes: Partial<NodeRingView> = {}): NodeRingView => ({
  words: 'member of 8.1',
  ringId: '8.1',
  holder: null,
  rotationMs: null,
  position: 100,
  safe: 100,
  sees: {},
  networks: 1,
  ...changes,
});
const token = (...names: string[]): TokenView => ({
  ringId: '8.1',
  members: names.map(nodeName),
  holder: null,
  rotationsPerSecond: 0,
  rotationMs: null,
});
const follows = (changes: object) => ({
  predecessor: nodeName('db1'),
  receiver: 'running' as const,
  applier: 'running' as const,
  changesBehind: 0,
  error: null,
  ...changes,
});

describe('a healthy lab', () => {
  it('has one calm line: everything is on this machine', () => {
    const findings = findingsOf(snapshotOf(three), nowMs);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ code: 'one-host', severity: 'note', kind: 'weak-point' });
    expect(findings[0]?.words).toMatch(/^A lab: all nodes/);
  });
});

describe('what is wrong now', () => {
  it.each<[string, ClusterSnapshot, RegExp]>([
    [
      'cluster-problem',
      snapshotOf(three, {
        problem: new RingmasterError('host.port-in-use', { port: 1, host: 'here' }).view(),
      }),
      /^Port 1/,
    ],
    [
      'no-quorum',
      snapshotOf([nodeView('db1', { ring: ring({ words: 'looks for a view', ringId: null }) })], {
        token: null,
      }),
      /nothing is committed: db1 looks for a view/,
    ],
    ['no-sessions', snapshotOf([nodeView('db1', { state: 'standby' }), db2].slice(0, 1)), /^No node takes/],
    [
      'node-failed',
      snapshotOf([db1, db2, nodeView('db3', { state: 'failed', reason: 'killed by SIGKILL' })]),
      /^db3 failed: killed by SIGKILL\.$/,
    ],
    [
      'replication-error',
      snapshotOf([db1, nodeView('db2', { replication: follows({ error: '1950: out of order' }) }), db3]),
      /on db2 stopped: 1950/,
    ],
    [
      'ring-not-closed',
      snapshotOf([db1, db2, nodeView('db3', { ring: ring({ words: 'looks for a view' }) })], {
        token: token('db1', 'db2'),
      }),
      /^db3 runs and is not in the ring/,
    ],
    [
      'disk-full',
      snapshotOf([nodeView('db1', { disk: { freeBytes: 1e9, totalBytes: 100e9 } }), db2, db3]),
      /1\.00 GB are free/,
    ],
    [
      'node-not-heard',
      snapshotOf([nodeView('db1', { ring: ring({ sees: { [db2.name]: 'down' } }) }), db2, db3], {
        token: token('db1', 'db2', 'db3'),
      }),
      /^db1 does not hear db2\.$/,
    ],
    [
      'predecessor-not-reached',
      snapshotOf([db1, nodeView('db2', { replication: follows({ receiver: 'connecting' }) }), db3]),
      /^db2 receives no changes from db1\.$/,
    ],
    [
      'far-behind',
      snapshotOf([db1, nodeView('db2', { replication: follows({ changesBehind: 9_000 }) }), db3]),
      /9,000 changes behind/,
    ],
    [
      'maintenance-overdue',
      snapshotOf([
        db1,
        db2,
        nodeView('db3', {
          state: 'maintenance',
          maintenance: {
            reason: 'new disks',
            owner: 'Ada',
            beganAtMs: 0,
            sinceMs: 0,
            untilMs: 1,
            overdue: true,
          } as never,
        }),
      ]),
      /past its end time: new disks, asked for by Ada/,
    ],
    [
      'needs-copy',
      snapshotOf([db1, db2, nodeView('db3', { needsCopy: 'it differs' })]),
      /full copy: it differs/,
    ],
  ])('%s', (code, snapshot, words) => {
    const finding = findingOf(snapshot, code);
    expect(finding?.words).toMatch(words);
    expect(finding?.kind).toBe('problem');
    expect(finding?.remedy).not.toBe('');
    expect(codesOf(snapshotOf(three))).not.toContain(code);
  });

  it('offers the state change that mends it, for a node that failed or differs', () => {
    const failed = snapshotOf([db1, db2, nodeView('db3', { state: 'failed' })]);
    expect(findingOf(failed, 'node-failed')?.command).toEqual({ node: 'db3', target: 'active' });
  });

  it('tells of nodes that differ until they have had a full copy, and once', () => {
    const words = 'db2 differs from db1 and db3 in bank.accounts, id 1000 to 1999';
    const drift = [{ table: 'bank.accounts', where: '', odd: [db2.name], words, rows: {} }];
    const verification = verificationOf({ state: 'differs', drift, driftCount: 1 });
    const marked = { needsCopy: 'its data differ' };
    const active = snapshotOf([db1, { ...db2, ...marked }, db3], { verification });
    expect(codesOf(active)).toEqual(['data-differ', 'one-host']);
    expect(findingOf(active, 'data-differ')?.command).toEqual({ node: 'db2', target: 'offline' });
    expect(describeCluster(active)).toMatchObject({ tone: 'bad', text: `${words}. db2 needs a full copy.` });
    const away = snapshotOf([db1, nodeView('db2', { state: 'offline', ...marked }), db3], { verification });
    expect(findingOf(away, 'data-differ')?.command).toEqual({ node: 'db2', target: 'active' });
    expect(codesOf(snapshotOf(three, { verification }))).toEqual(['one-host']);
  });

  it('tells the most urgent first, whatever kind it is', () => {
    const snapshot = snapshotOf([
      nodeView('db1', { disk: { freeBytes: 8e9, totalBytes: 100e9 } }),
      nodeView('db2', { state: 'failed' }),
    ]);
    const severities = findingsOf(snapshot, nowMs).map(({ severity }) => severity);
    expect(severities).toEqual(['bad', 'warning', 'warning', 'warning', 'note']);
    expect(codesOf(snapshot)[0]).toBe('node-failed');
  });

  it('says nothing of what a plan is busy with', () => {
    const alone = [nodeView('db1', { ring: ring({ words: 'looks for a view' }) })];
    expect(codesOf(snapshotOf(alone, { startingUp: 'Starting db1' }))).not.toContain('no-quorum');
  });
});

describe('what one failure would break', () => {
  it('says of two nodes that a third would change it, and which', () => {
    const two = findingOf(snapshotOf([db1, db2]), 'no-failure-tolerated');
    expect(two?.words).toBe(
      'Two nodes replicate: no failure is tolerated, because one of two is no majority.',
    );
    expect(two?.remedy).toBe('Add a node, or an arbiter that only votes: a third member would change that.');
    const offline = findingOf(
      snapshotOf([db1, db2, nodeView('db3', { state: 'offline' })]),
      'no-failure-tolerated',
    );
    expect(offline?.command).toEqual({ node: 'db3', target: 'active' });
  });

  it.each<[string, ClusterSnapshot, RegExp]>([
    [
      'one-active',
      snapshotOf([db1, nodeView('db2', { state: 'standby' }), nodeView('db3', { state: 'standby' })]),
      /^db1 alone/,
    ],
    [
      'disk-low',
      snapshotOf([nodeView('db1', { disk: { freeBytes: 1.2e9, totalBytes: 12e9 } }), db2, db3]),
      /less than a copy of the data needs/,
    ],
    [
      'clocks-differ',
      snapshotOf([nodeView('db1', { sample: sampleOf({ takenAtMs: nowMs + 5_000 }) }), db2, db3]),
      /^The clock of db1 is 5\.0 s ahead/,
    ],
    ['not-verified', snapshotOf(three, { verifiesJoins: false }), /not compared/],
  ])('%s', (code, snapshot, words) => {
    expect(findingOf(snapshot, code)).toMatchObject({
      kind: 'weak-point',
      words: expect.stringMatching(words),
    });
    expect(codesOf(snapshotOf(three))).not.toContain(code);
  });

  it('is told of hosts, networks and addresses where it is no lab', () => {
    const real = snapshotOf(
      three.map((node) => ({ ...node, ring: ring() })),
      {
        kind: 'cluster' as never,
        token: token('db1', 'db2', 'db3'),
      },
    );
    expect(codesOf(real)).toEqual(['one-host', 'one-network', 'one-address']);
    const apart = {
      ...real,
      nodes: real.nodes.map((node, index) => ({
        ...node,
        host: `10.0.0.${index}`,
        ring: ring({ networks: 2 }),
      })),
    };
    expect(codesOf(apart)).toEqual(['one-address']);
  });
});
