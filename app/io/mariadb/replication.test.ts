import { describe, expect, it } from 'vitest';
import { followOf, reachedSequence } from './replication.js';

const position = (binlog: string, applied: string, binlogState = binlog) => ({
  binlog,
  applied,
  binlogState,
  oldestBinlog: '',
});

describe('how far a node is on its way to a position', () => {
  it('is what its applier finished, for changes of others', () => {
    expect(reachedSequence(position('0-2-50', '0-2-50'), 1, '0-2-60')).toBe(50);
    expect(reachedSequence(position('0-1-70', '0-2-50', '0-1-70,0-2-50'), 1, '0-2-60')).toBe(50);
  });

  it('is its binlog, for its own changes: they are applied long before they come round', () => {
    expect(reachedSequence(position('0-1-70', '0-2-50', '0-1-70,0-2-50'), 1, '0-1-70')).toBe(70);
  });

  it('is nothing for an empty position', () => {
    expect(reachedSequence(position('', ''), 1, '')).toBe(0);
  });
});

describe('how a node follows', () => {
  const row = {
    Master_Host: '127.0.0.1',
    Master_Port: 42_001,
    Slave_IO_Running: 'Yes',
    Slave_SQL_Running: 'Yes',
    Last_IO_Errno: 0,
    Last_SQL_Errno: 0,
    Gtid_IO_Pos: '0-1-9',
    Seconds_Behind_Master: null,
  };

  it('tells a frozen applier from one that gave up', () => {
    expect(followOf(row).applier).toBe('running');
    expect(followOf({ ...row, Slave_SQL_Running: 'No' }).applier).toBe('frozen');
    expect(followOf({ ...row, Slave_SQL_Running: 'No', Slave_IO_Running: 'No' }).applier).toBe('stopped');
    const gaveUp = followOf({
      ...row,
      Slave_SQL_Running: 'No',
      Last_SQL_Errno: 1950,
      Last_SQL_Error: 'out of order',
      Last_IO_Errno: 2003,
      Last_IO_Error: 'no connection',
    });
    expect(gaveUp).toMatchObject({ applier: 'stopped', errorNumber: 1950, errorText: 'out of order' });
  });

  it('tells a receiver on its way from a connected one', () => {
    expect(followOf({ ...row, Slave_IO_Running: 'Connecting' }).receiver).toBe('connecting');
  });
});
