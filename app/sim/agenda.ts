/** Virtual time: what happens when. A binary heap; events of the same time come in the order they were added. */

/** Something that will happen. */
export interface Appointment {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export interface Agenda {
  /** Virtual milliseconds. */
  readonly nowMs: number;
  /** Calls `run` after `delayMs`. */
  after(delayMs: number, run: () => void): void;
  /** Runs everything up to `untilMs`, then stands there. Stops early when `stopped` says so. */
  runUntil(untilMs: number, stopped: () => boolean): void;
  /** How many events have run. */
  readonly count: number;
}

const before = (one: Appointment, other: Appointment): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);

export function createAgenda(): Agenda {
  const heap: Appointment[] = [];
  let nowMs = 0;
  let order = 0;
  let count = 0;

  const push = (item: Appointment): void => {
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Appointment;
      if (!before(item, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = item;
  };

  const pop = (): Appointment => {
    const top = heap[0] as Appointment;
    const last = heap.pop() as Appointment;
    const size = heap.length;
    if (size === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1] as Appointment, heap[child] as Appointment)) child++;
      const below = heap[child] as Appointment;
      if (!before(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return top;
  };

  return {
    get nowMs() {
      return nowMs;
    },
    get count() {
      return count;
    },
    after(delayMs, run) {
      push({ atMs: nowMs + Math.max(0, delayMs), order: order++, run });
    },
    runUntil(untilMs, stopped) {
      while (heap.length > 0 && (heap[0] as Appointment).atMs <= untilMs) {
        if (stopped()) return;
        const next = pop();
        nowMs = next.atMs;
        count++;
        next.run();
      }
      nowMs = untilMs;
    },
  };
}
