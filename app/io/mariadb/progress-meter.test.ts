import { describe, expect, it } from 'vitest';
import type { Clock } from '../../base/clock.js';
import type { StepProgress } from '../../model/plan.js';
import { ProgressMeter } from './progress-meter.js';

/** A clock that stands still until it is told. */
function handClock() {
  let nowMs = 0;
  const never = { cancel: () => undefined };
  const clock: Clock = {
    monotonicMs: () => nowMs,
    wallMs: () => nowMs,
    after: () => never,
    every: () => never,
  };
  return {
    clock,
    pass: (milliseconds: number) => {
      nowMs += milliseconds;
    },
  };
}

describe('progress', () => {
  it('has a rate and a time left once there is something to measure', () => {
    const { clock, pass } = handClock();
    const meter = new ProgressMeter(clock, { unit: 'bytes', total: 1000, from: 0 });
    expect(meter.view()).toEqual({ done: 0, total: 1000, unit: 'bytes', perSecond: null, etaSeconds: null });
    pass(1000);
    meter.reach(200);
    expect(meter.view()).toEqual({ done: 200, total: 1000, unit: 'bytes', perSecond: 200, etaSeconds: 4 });
  });

  it('tells no time left before something worth speaking of is done', () => {
    const { clock, pass } = handClock();
    const meter = new ProgressMeter(clock, { unit: 'bytes', total: 94_700_000, from: 0 });
    pass(400);
    meter.reach(132);
    expect(meter.view()).toMatchObject({ done: 132, perSecond: 330, etaSeconds: null });
    pass(1600);
    meter.reach(9_470_000);
    expect(meter.view()).toMatchObject({ perSecond: 4_735_000, etaSeconds: 18 });
  });

  it('follows a rate that changes', () => {
    const { clock, pass } = handClock();
    const meter = new ProgressMeter(clock, { unit: 'changes', total: null, from: 500 });
    for (let second = 1; second <= 10; second++) {
      pass(1000);
      meter.reach(500 + Math.min(second, 5) * 100);
    }
    expect(meter.view()).toMatchObject({ done: 500, perSecond: 0, etaSeconds: null });
    expect(meter.stalledMs()).toBe(5000);
  });

  it('never shows more done than there is', () => {
    const { clock } = handClock();
    const meter = new ProgressMeter(clock, { unit: 'bytes', total: 10, from: 0 });
    meter.reach(12);
    expect(meter.view()).toMatchObject({ done: 12, total: 12, etaSeconds: 0 });
  });

  it('tells at most four times a second', () => {
    const { clock, pass } = handClock();
    const meter = new ProgressMeter(clock, { unit: 'bytes', total: 10, from: 0 });
    const told: StepProgress[] = [];
    for (let step = 0; step < 100; step++) {
      meter.reportTo((progress) => told.push(progress));
      pass(10);
    }
    expect(told).toHaveLength(4);
  });
});
