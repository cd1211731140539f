import { describe, expect, it } from 'vitest';
import {
  binlogStateAt,
  firstUnknownChange,
  lastChange,
  lostOwnTail,
  parseGtidList,
  sequenceOf,
} from './gtid.js';

describe('positions', () => {
  it('reads what MariaDB prints', () => {
    expect(parseGtidList('0-1-42, 0-2-40')).toEqual([
      { domainId: 0, serverId: 1, sequence: 42 },
      { domainId: 0, serverId: 2, sequence: 40 },
    ]);
    expect(parseGtidList('')).toEqual([]);
    expect(() => parseGtidList('0-1')).toThrow('not a GTID: 0-1');
  });

  it('knows the last change, whoever made it', () => {
    expect(sequenceOf('0-1-42,0-2-43')).toBe(43);
    expect(lastChange('0-1-42,0-2-43')).toEqual({ domainId: 0, serverId: 2, sequence: 43 });
    expect(sequenceOf('')).toBe(0);
    expect(lastChange('')).toBeUndefined();
  });
});

describe('divergence', () => {
  it('is seen when two servers gave the same number to different changes', () => {
    expect(firstUnknownChange('0-1-42', '0-1-41,0-2-42')).toEqual({ domainId: 0, serverId: 1, sequence: 42 });
    expect(firstUnknownChange('0-1-41,0-2-42', '0-1-41,0-2-50')).toBeUndefined();
  });

  it('shows a server that lost the tail of its own changes', () => {
    expect(lostOwnTail(1, '0-1-40', '0-1-42')).toBe(true);
    expect(lostOwnTail(1, '0-1-42', '0-1-42,0-2-50')).toBe(false);
  });
});

describe('the binlog state of a copy', () => {
  it('is cut at the position of the copy', () => {
    expect(binlogStateAt('0-1-40,0-2-55', '0-2-50')).toBe('0-1-40,0-2-50');
    expect(binlogStateAt('0-3-49,0-1-60,0-2-50', '0-2-50')).toBe('0-3-49,0-2-50');
    expect(binlogStateAt('0-1-40', '')).toBe('');
  });
});
