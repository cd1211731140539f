import { expect, it } from 'vitest';
import { nodeView, snapshotOf } from '../model/testing/views.js';
import { applyUpdate } from './apply-update.js';

const snapshot = { ...snapshotOf([nodeView('db1')]), version: 7 };

it('takes the changes of an update that builds on the snapshot', () => {
  const next = applyUpdate(snapshot, { since: 7, version: 8, changes: { startingUp: 'Connecting' } });
  expect(next).toEqual({ ...snapshot, version: 8, startingUp: 'Connecting' });
});

it('leaves the snapshot as it is when the update is older', () => {
  expect(applyUpdate(snapshot, { since: 6, version: 7, changes: { startingUp: 'old' } })).toBe(snapshot);
});

it('asks to open again when an update was missed, and when the coordinator began anew', () => {
  expect(applyUpdate(snapshot, { since: 8, version: 9, changes: {} })).toBeNull();
  expect(applyUpdate(snapshot, { since: -1, version: 1, changes: {} })).toBeNull();
});
