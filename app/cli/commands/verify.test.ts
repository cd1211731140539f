import { describe, expect, it, vi } from 'vitest';
import { ManualClock } from '../../lab/testing/manual-clock.js';
import { nodeName } from '../../model/ids.js';
import { nodeView, snapshotOf, verificationOf } from '../../model/testing/views.js';
import { exitCodes } from '../exit-codes.js';
import { MemoryConsole, MemoryTerminal } from '../testing/fakes.js';
import { verify } from './verify.js';

function stage(json = false) {
  const terminal = new MemoryTerminal();
  const running = verificationOf({ state: 'running', words: null, activity: 'reads all nodes' });
  const console: MemoryConsole = new MemoryConsole(
    snapshotOf([nodeView('db1'), nodeView('db2'), nodeView('db3')]),
    {
      'verification.start': () => {
        console.change({ verification: running });
        return running;
      },
      'verification.stop': () =>
        console.change({ verification: verificationOf({ state: 'stopped', words: 'Stopped by you' }) }),
    },
  );
  const context = { client: console.client, terminal, clock: new ManualClock(), json };
  return { console, terminal, ended: verify(context, { load: 25 }) };
}

const followed = (console: MemoryConsole) => vi.waitFor(() => expect(console.isFollowed).toBe(true));

describe('verify', () => {
  it('tells what it does and that all are equal', async () => {
    const { console, terminal, ended } = stage();
    await followed(console);
    console.change({ verification: verificationOf() });
    expect(await ended).toBe(exitCodes.good);
    expect(console.asked[0]).toEqual({
      name: 'verification.start',
      payload: { loadPercent: 25 },
      confirmed: true,
    });
    expect(terminal.said).toEqual([
      '▸  reads all nodes',
      '✓  3 nodes equal at 0-1-12345: 4 tables, 12,345 rows',
      '   took 3.0 s, commits were kept back for 43 ms',
    ]);
  });

  it('ends with its own code when nodes differ, and names the place', async () => {
    const { console, terminal, ended } = stage();
    await followed(console);
    const words = 'db2 differs from db1 and db3 in bank.accounts, id 1000 to 1999';
    const [where, table] = ['id 1000 to 1999', 'bank.accounts'];
    const drift = [{ table, where, odd: [nodeName('db2')], words, rows: {} }];
    console.change({ verification: verificationOf({ state: 'differs', words, drift, driftCount: 1 }) });
    expect(await ended).toBe(exitCodes.differs);
    expect(terminal.complaints).toContain(`   ${words}`);
  });

  it('never says good when a node of the ring or a table was left out', async () => {
    for (const part of [
      { nodes: [{ name: nodeName('db3'), progress: null, leftOut: 'it was lost', expected: true }] },
      { notCompared: [{ table: 'bank.a', why: 'it was changed' }] },
    ]) {
      const { console, ended } = stage(true);
      await followed(console);
      console.change({ verification: verificationOf(part) });
      expect(await ended).toBe(exitCodes.unknown);
    }
  });

  it('stops at Ctrl-C', async () => {
    const { console, terminal, ended } = stage();
    await followed(console);
    terminal.interrupt();
    expect(await ended).toBe(exitCodes.aborted);
  });
});
