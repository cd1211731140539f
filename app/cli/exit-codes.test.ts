import { describe, expect, it } from 'vitest';
import { type ErrorCode, RingmasterError } from '../base/errors.js';
import { nodeView, snapshotOf } from '../model/testing/views.js';
import { errorExitCode, planExitCode, statusExitCode } from './exit-codes.js';
import { planAt } from './testing/fakes.js';

const three = (third: Parameters<typeof nodeView>[1]) =>
  snapshotOf([nodeView('db1'), nodeView('db2'), nodeView('db3', third)]);

describe('status', () => {
  it.each([
    [0, 'all are active', three({})],
    [1, 'no failure is tolerated', three({ state: 'offline' })],
    [2, 'a node failed', three({ state: 'failed' })],
    [1, 'the cluster is starting', { ...three({}), startingUp: 'Connecting to the peers' }],
    [2, 'there is a problem', { ...three({}), problem: new RingmasterError('lab.locked').view() }],
  ])('%i when %s', (code, _when, snapshot) => {
    expect(statusExitCode(snapshot)).toBe(code);
  });

  it('does not change because a plan runs', () => {
    const plan = planAt('running', ['running']);
    expect(statusExitCode({ ...three({}), plan })).toBe(0);
    expect(statusExitCode({ ...three({ state: 'offline' }), plan })).toBe(1);
  });
});

it.each([
  ['done', 0],
  ['failed', 5],
  ['aborted', 6],
] as const)('a plan that is %s ends with %i', (state, code) => {
  expect(planExitCode(state)).toBe(code);
});

it.each<[ErrorCode, number]>([
  ['console.none', 3],
  ['console.several', 3],
  ['console.lost', 3],
  ['coordinator.silent', 3],
  ['coordinator.gone', 3],
  ['transition.refused', 4],
  ['plan.busy', 4],
  ['plan.outdated', 4],
  ['plan.not-confirmed', 4],
  ['request.invalid', 4],
  ['plan.aborted', 6],
  ['server.not-running', 4],
  ['peer.unreachable', 5],
  ['audit.unwritable', 5],
  ['defect', 3],
])('%s ends with %i', (error, code) => {
  expect(errorExitCode(new RingmasterError(error))).toBe(code);
});
