import { expect, it } from 'vitest';
import { parseProcessStat } from './sampler.js';

it('reads processor ticks and memory of a process, whatever its name', () => {
  const rest = `S 1 1 1 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 12 0 999 500000000 25000 18446744073709551615`;
  expect(parseProcessStat(`4711 (maria) db (x) ${rest}`)).toEqual({ ticks: 300, memoryBytes: 102_400_000 });
  expect(parseProcessStat('4711 (mariadbd)')).toBeNull();
});
