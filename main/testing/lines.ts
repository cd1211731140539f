/** An in-memory line between the two processes: messages cross as structured clones, in order, each in a turn of its own. */
import type { FromCoordinator, MessageLine, ToCoordinator } from '../coordinator-messages.js';

function end<Out, In>(): {
  line: MessageLine<Out, In>;
  deliver: (message: In) => void;
  out: (sink: (message: Out) => void) => void;
} {
  const listeners = new Set<(message: In) => void>();
  const early: In[] = [];
  let sink: (message: Out) => void = () => {};
  return {
    line: {
      post: (message) => {
        const copy = structuredClone(message);
        queueMicrotask(() => sink(copy));
      },
      onMessage(listener) {
        listeners.add(listener);
        for (const message of early.splice(0)) listener(message);
        return () => void listeners.delete(listener);
      },
    },
    deliver(message) {
      if (listeners.size === 0) early.push(message);
      for (const listener of listeners) listener(message);
    },
    out(next) {
      sink = next;
    },
  };
}

/** The two ends, and a knife. */
export interface LinePair {
  readonly main: MessageLine<ToCoordinator, FromCoordinator>;
  readonly coordinator: MessageLine<FromCoordinator, ToCoordinator>;
  /** Nothing crosses any more. */
  cut(): void;
}

export function linePair(): LinePair {
  const main = end<ToCoordinator, FromCoordinator>();
  const coordinator = end<FromCoordinator, ToCoordinator>();
  main.out(coordinator.deliver);
  coordinator.out(main.deliver);
  return {
    main: main.line,
    coordinator: coordinator.line,
    cut() {
      main.out(() => {});
      coordinator.out(() => {});
    },
  };
}
