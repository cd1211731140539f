/** What a peer that goes before other programs starts does not go before them. */
import { constants, getPriority, setPriority } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../base/clock.js';
import { LocalHost } from './local-host.js';

const { PRIORITY_ABOVE_NORMAL: above, PRIORITY_NORMAL: usual } = constants.priority;

function mayGoBefore(): boolean {
  try {
    setPriority(process.pid, above);
    return true;
  } catch {
    return false;
  }
}

afterEach(() => {
  if (getPriority() < usual) setPriority(process.pid, usual);
});

test('programs that a peer starts have the usual priority', async ({ skip }) => {
  skip(!mayGoBefore(), 'this user may not raise a priority');
  expect(getPriority()).toBe(above);
  // `nice` without a command tells its own priority; the shell gives time for the change behind the start.
  const { stdout } = await new LocalHost(systemClock).run(['sh', '-c', 'read line; nice'], {
    runAs: null,
  });
  expect(stdout.trim()).toBe('0');
});
