import { describe, expect, it } from 'vitest';
import { chooseJoin } from './join.js';

const source = {
  serverId: 1,
  binlog: '0-1-1000',
  applied: '0-2-900',
  binlogState: '0-1-1000,0-2-900',
  oldestBinlog: '0-1-400',
};
const joiner = (binlog: string, binlogState = binlog, applied = '') => ({
  serverId: 2,
  binlog,
  binlogState,
  applied,
});

describe('how a node gets what it lacks', () => {
  it('is incremental when the histories agree and the binlog reaches back', () => {
    expect(chooseJoin(joiner('0-2-900', '0-1-890,0-2-900'), source)).toMatchObject({
      method: 'incremental',
      missing: 100,
    });
  });

  it('is a full copy when the binlog does not reach back', () => {
    expect(chooseJoin(joiner('0-1-300', '0-1-300,0-2-900'), source).method).toBe('snapshot');
    expect(chooseJoin(joiner('0-1-399', '0-1-399,0-2-900'), source)).toMatchObject({
      why: expect.stringContaining('begins at 400'),
    });
  });

  it('is a full copy when the joiner has a change that the ring never received, even with a lower number', () => {
    const choice = chooseJoin(joiner('0-2-901', '0-1-890,0-2-901'), source);
    expect(choice).toMatchObject({ method: 'snapshot', diverged: '0-2-901' });
  });

  it('is incremental when a crash took the last changes of a writer: its server takes them back', () => {
    expect(chooseJoin(joiner('0-2-890', '0-1-880,0-2-890'), source)).toMatchObject({
      method: 'incremental',
      missing: 110,
    });
  });

  it('is a full copy when the joiner lost own changes before others: it would drop them as its own', () => {
    expect(chooseJoin(joiner('0-1-890', '0-1-890,0-2-880'), source)).toMatchObject({
      method: 'snapshot',
      why: 'it lost the tail of its own changes',
    });
  });
});
