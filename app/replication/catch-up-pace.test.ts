import { describe, expect, it } from 'vitest';
import { catchUpSeconds, catchUpWords } from './catch-up-pace.js';

describe('a node that catches up', () => {
  it('is there when what it gains on the writes makes up for what is missing', () => {
    const round = { seconds: 2, applied: 1_000, arrived: 200, missing: 1_600 };
    expect(catchUpSeconds(round)).toBe(4);
    expect(catchUpWords(round)).toBe('catching up, 1,600 changes behind, 4.0 s left');
  });

  it('is there at once when nothing is missing', () => {
    expect(catchUpSeconds({ seconds: 1, applied: 5, arrived: 9, missing: 0 })).toBe(0);
  });

  it('never is when more arrives than it applies, and says both rates', () => {
    const round = { seconds: 2, applied: 600, arrived: 800, missing: 1_200 };
    expect(catchUpSeconds(round)).toBeNull();
    expect(catchUpWords(round)).toBe(
      'catching up, 1,200 changes behind: will not catch up at this write rate (applies 300, gets 400 per second)',
    );
  });
});
