import { expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { Statistics } from './statistics.js';

it('turns counts into rates by the time that really passed', () => {
  const clock = new ManualClock();
  const statistics = new Statistics(clock);
  for (let index = 0; index < 300; index++) statistics.completed(5);
  statistics.failed('the disk is full');
  clock.advance(1500);
  const sample = statistics.cut();
  expect(sample.transactionsPerSecond).toBe(200);
  expect(sample.errorsPerSecond).toBeCloseTo(1 / 1.5, 10);
  expect(sample.takenAtMs).toBe(clock.wallMs());
  expect(statistics.lastError).toBe('the disk is full');
});

it('gives percentiles within one percent of the true ones', () => {
  const statistics = new Statistics(new ManualClock());
  for (let milliseconds = 1; milliseconds <= 1000; milliseconds++) statistics.completed(milliseconds);
  const { responseMsP50, responseMsP95, responseMsP99 } = statistics.cut();
  expect(Math.abs((responseMsP50 ?? 0) / 500 - 1)).toBeLessThan(0.01);
  expect(Math.abs((responseMsP95 ?? 0) / 950 - 1)).toBeLessThan(0.01);
  expect(Math.abs((responseMsP99 ?? 0) / 990 - 1)).toBeLessThan(0.01);
});

it('starts each sample afresh, and knows no percentile of nothing', () => {
  const clock = new ManualClock();
  const statistics = new Statistics(clock);
  statistics.completed(90_000_000);
  statistics.completed(0);
  clock.advance(1000);
  expect(statistics.cut().responseMsP99).toBeCloseTo(60_000, -3);
  clock.advance(1000);
  expect(statistics.cut()).toMatchObject({
    transactionsPerSecond: 0,
    responseMsP50: null,
    responseMsP99: null,
  });
  expect(statistics.transactions).toBe(2);
});
