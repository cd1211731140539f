/** The whole console in jsdom, on a bridge in memory and time that stands still. */
import { configure, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { onTestFinished } from 'vitest';
import type { ClusterSnapshot } from '../../app/model/cluster.js';
import { createConsoleStore } from '../store/cluster-store.js';
import { ConsoleProvider } from '../store/console-context.js';
import { App } from '../views/app.js';
import { createManualClock } from './manual-clock.js';
import { createMemoryBridge } from './memory-bridge.js';
import { historyOf } from './metrics.js';
import { scenes } from './scenes.js';

// A busy machine may take its time; a test that waits in vain still ends.
configure({ asyncUtilTimeout: 10_000 });

export const nowMs = 1_700_000_000_000;

/** jsdom lays nothing out: it is told that everything is as large as a window, and never changes. */
function giveSizes(): void {
  const size = (property: string, value: number): void => {
    Object.defineProperty(HTMLElement.prototype, property, { configurable: true, get: () => value });
  };
  size('clientWidth', 900);
  size('clientHeight', 420);
  globalThis.ResizeObserver = class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
  // What the menus' library asks of a browser and jsdom lacks.
  HTMLElement.prototype.scrollIntoView ??= () => undefined;
  HTMLElement.prototype.hasPointerCapture ??= () => false;
}

export type RenderedConsole = Awaited<ReturnType<typeof renderConsole>>;

/** Renders the scene of this name. */
export function openScene(name: string): Promise<RenderedConsole> {
  const scene = scenes[name];
  if (!scene) throw new RangeError(name);
  return renderConsole(scene);
}

/** Renders one scene and waits until it stands. It ends with the test, or by `end`. */
export async function renderConsole(scene: (nowMs: number) => ClusterSnapshot) {
  giveSizes();
  const clock = createManualClock(nowMs);
  const snapshot = scene(nowMs);
  const bridge = createMemoryBridge(snapshot, historyOf(snapshot, nowMs));
  const store = createConsoleStore(bridge, clock);
  const stop = store.start();
  const view = render(
    <ConsoleProvider store={store}>
      <App />
    </ConsoleProvider>,
  );
  if (snapshot.nodes[0]) await screen.findByTestId(`node-${snapshot.nodes[0].name}`);
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    view.unmount();
    stop();
  };
  onTestFinished(end);
  return { bridge, clock, store, user: userEvent.setup(), end };
}
