import { expect, it } from 'vitest';
import { verdictOf } from './sql-errors.js';

const serverError = (errno: number) => Object.assign(new Error('from the server'), { errno });
const reset = Object.assign(new Error('read ECONNRESET'), { errno: -104, code: 'ECONNRESET', fatal: true });

it('repeats on the same connection what the server rolled back', () => {
  for (const errno of [1213, 1205, 1290, 1020])
    expect(verdictOf(serverError(errno), false, false)).toBe('again');
  expect(verdictOf(serverError(1213), true, false)).toBe('again');
  expect(verdictOf(serverError(1213), true, true)).toBe('elsewhere');
});

it('goes elsewhere when the server is gone and nothing was committed', () => {
  expect(verdictOf(reset, false, true)).toBe('elsewhere');
  expect(verdictOf(serverError(1053), false, false)).toBe('elsewhere');
  expect(verdictOf(new Error('closed'), false, true)).toBe('elsewhere');
});

it('claims nothing about a COMMIT that was never answered', () => {
  expect(verdictOf(reset, true, true)).toBe('unknown');
  expect(verdictOf(serverError(1927), true, false)).toBe('unknown');
  // An interrupted COMMIT may have come through.
  expect(verdictOf(serverError(1317), true, true)).toBe('unknown');
});

it('gives up what would fail again', () => {
  expect(verdictOf(serverError(1146), false, false)).toBe('final');
  expect(verdictOf('nonsense', false, false)).toBe('final');
});
