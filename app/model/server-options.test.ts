import { describe, expect, it } from 'vitest';
import { optionWords, parseOptions } from './server-options.js';

describe('options that were typed', () => {
  it('are lines of a defaults file; one without a value goes back to the default', () => {
    expect(
      parseOptions('# more room\nmax-connections = 500\n\nWAIT_TIMEOUT=60\n sort_buffer_size ='),
    ).toEqual({
      options: { max_connections: '500', wait_timeout: '60', sort_buffer_size: null },
    });
  });

  it.each([
    ['', 'nothing is typed'],
    ['max_connections', '"max_connections" is not name = value'],
    ['max connections = 5', 'small letters'],
    ['init_file = "a"', 'without quotes'],
    ['a = 5 # five', 'without quotes'],
  ])('say what is wrong: %j', (text, problem) => {
    expect(parseOptions(text)).toEqual({ problem: expect.stringContaining(problem) });
  });

  it('are told in words', () => {
    expect(optionWords({ max_connections: '500', wait_timeout: null })).toBe(
      'max_connections = 500, wait_timeout as by default',
    );
  });
});
