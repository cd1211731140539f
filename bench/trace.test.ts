import { expect, it } from 'vitest';
import { mainThreadWork, type TraceEvent } from './trace.js';

const thread = (pid: number, tid: number, name: string): TraceEvent => ({
  name: 'thread_name',
  ph: 'M',
  pid,
  tid,
  ts: 0,
  args: { name },
});
const event = (name: string, ts: number, dur: number, tid = 1): TraceEvent => ({
  name,
  ph: 'X',
  pid: 7,
  tid,
  ts,
  dur,
});

it('counts script, style and layout of each frame once, however they are nested', () => {
  const work = mainThreadWork(
    [
      thread(7, 1, 'CrRendererMain'),
      thread(7, 2, 'Compositor'),
      event('RunTask', 0, 3_000),
      event('FunctionCall', 500, 2_000),
      event('RunMicrotasks', 2_000, 400),
      event('UpdateLayoutTree', 2_600, 300),
      event('RunTask', 10_000, 2_000),
      event('Paint', 10_000, 500),
      event('Commit', 11_000, 1_000),
      event('FunctionCall', 11_000, 90_000, 2),
      event('RunTask', 20_000, 5_000),
      event('Layout', 20_000, 4_000),
      event('Commit', 24_500, 500),
      event('RunTask', 30_000, 60_000),
    ],
    'wall',
  );
  expect(work.frameMs).toEqual([2.3, 4]);
  expect(work.frameBusyMs).toEqual([5, 5]);
  expect(work.taskMs).toEqual([3, 2, 5, 60]);
  expect(work.tracedMs).toBe(90);
});

it('shares work that spans two frames between them', () => {
  const work = mainThreadWork(
    [
      thread(7, 1, 'CrRendererMain'),
      event('FunctionCall', 0, 10_000),
      event('Commit', 3_000, 1_000),
      event('Commit', 11_000, 1_000),
    ],
    'wall',
  );
  expect(work.frameMs).toEqual([4, 6]);
});

it('takes the busiest window and refuses a trace without any', () => {
  const work = mainThreadWork(
    [
      thread(8, 1, 'CrRendererMain'),
      thread(7, 1, 'CrRendererMain'),
      event('Layout', 0, 1_000),
      event('Commit', 1_000, 0),
    ],
    'wall',
  );
  expect(work.frameMs).toEqual([1]);
  expect(() => mainThreadWork([event('Layout', 0, 1)], 'wall')).toThrow('no main thread');
});

it('leaves out by the clock of the processor what other programs took', () => {
  const preempted = (name: string, ts: number, dur: number, tts: number, tdur: number): TraceEvent => ({
    ...event(name, ts, dur),
    tts,
    tdur,
  });
  const work = mainThreadWork(
    [
      thread(7, 1, 'CrRendererMain'),
      preempted('RunTask', 0, 80_000, 500, 3_000),
      preempted('FunctionCall', 1_000, 70_000, 600, 2_000),
      preempted('Commit', 75_000, 4_000, 3_000, 200),
    ],
    'processor',
  );
  expect(work.frameMs).toEqual([2]);
  expect(work.frameBusyMs).toEqual([2.7]);
  expect(work.taskMs).toEqual([3]);
});
