/**
 * Reads a Chromium trace: what the window's main thread did for each frame, and its longest task.
 * Format: "Trace Event Format" (Chromium project); times in microseconds.
 */

/** The fields of a trace event that are looked at. */
export interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  /** Processor time of the thread when the event began, and how much of it the event took. */
  readonly tts?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/**
 * By which clock: the wall clock is what a person meets, other programs' share of the processor included; the
 * processor's is what the window itself needs.
 */
export type TraceClock = 'wall' | 'processor';

/** What the main thread did, in milliseconds. */
export interface MainThreadWork {
  /** Script, style and layout for each frame that the main thread made. */
  readonly frameMs: readonly number[];
  /** All work of the main thread for each frame. */
  readonly frameBusyMs: readonly number[];
  /** Every task, in order of time. */
  readonly taskMs: readonly number[];
  readonly tracedMs: number;
}

const script = [
  'FunctionCall',
  'EvaluateScript',
  'v8.callFunction',
  'v8.run',
  'v8.compile',
  'V8.Execute',
  'RunMicrotasks',
  'V8.RunMicrotasks',
  'FireAnimationFrame',
  'FireIdleCallback',
  'TimerFire',
  'EventDispatch',
  'HandlePostMessage',
  'MinorGC',
  'MajorGC',
];
const styleAndLayout = ['UpdateLayoutTree', 'RecalculateStyles', 'Layout'];
const counted = new Set([...script, ...styleAndLayout]);

interface Interval {
  readonly from: number;
  readonly to: number;
}

/**
 * The renderer's main thread: the one named CrRendererMain that did most.
 * @throws Error when the trace has none
 */
function mainThread(events: readonly TraceEvent[]): { pid: number; tid: number } {
  const named = events.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain');
  const busiest = named
    .map(({ pid, tid }) => ({ pid, tid, count: events.filter((e) => e.pid === pid && e.tid === tid).length }))
    .sort((left, right) => right.count - left.count)[0];
  if (!busiest) throw new Error('the trace has no main thread of a window');
  return busiest;
}

/** Nested and overlapping intervals as few that do not overlap, in order. */
function merged(intervals: readonly Interval[]): Interval[] {
  const result: { from: number; to: number }[] = [];
  for (const { from, to } of [...intervals].sort((left, right) => left.from - right.from)) {
    const last = result[result.length - 1];
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
}

/** Milliseconds of `work` between consecutive `borders`. `work` is merged; both are in order. */
function perFrame(work: readonly Interval[], borders: readonly number[]): number[] {
  const frames: number[] = [];
  let next = 0;
  for (let frame = 1; frame < borders.length; frame++) {
    const from = borders[frame - 1] as number;
    const to = borders[frame] as number;
    let sum = 0;
    while (next < work.length && (work[next] as Interval).to <= from) next++;
    for (let index = next; index < work.length && (work[index] as Interval).from < to; index++) {
      const { from: begin, to: end } = work[index] as Interval;
      sum += Math.min(end, to) - Math.max(begin, from);
    }
    frames.push(sum / 1000);
  }
  return frames;
}

/**
 * A frame's work is everything since the frame before was handed over (`Commit`), so that the message that caused it
 * counts too. Frames of the compositor alone cost the main thread nothing and are not among them.
 */
export function mainThreadWork(events: readonly TraceEvent[], clock: TraceClock): MainThreadWork {
  const { pid, tid } = mainThread(events);
  const own = events.filter((event) => event.pid === pid && event.tid === tid && event.ph === 'X');
  const interval = ({ ts, dur = 0, tts = 0, tdur = 0 }: TraceEvent): Interval =>
    clock === 'wall' ? { from: ts, to: ts + dur } : { from: tts, to: tts + tdur };
  const tasks = own.filter(({ name }) => name === 'RunTask' || name === 'ThreadControllerImpl::RunTask');
  const begin = own.reduce((least, event) => Math.min(least, interval(event).from), Number.POSITIVE_INFINITY);
  const end = own.reduce((most, event) => Math.max(most, interval(event).to), 0);
  const commits = own
    .filter(({ name }) => name === 'Commit')
    .map((event) => interval(event).to)
    .sort((left, right) => left - right);
  const borders = [begin, ...commits];
  return {
    frameMs: perFrame(merged(own.filter(({ name }) => counted.has(name)).map(interval)), borders),
    frameBusyMs: perFrame(merged(tasks.map(interval)), borders),
    taskMs: tasks
      .map(interval)
      .sort((left, right) => left.from - right.from)
      .map(({ from, to }) => (to - from) / 1000),
    tracedMs: own.length === 0 ? 0 : (end - begin) / 1000,
  };
}
