/** The window's composition root: the bridge that the preload script put there, and the browser's clock. */
import type { WindowBridge } from '../app/contract/window.js';
import { mountConsole } from './mount.js';
import { browserClock } from './store/wall-clock.js';

declare global {
  interface Window {
    readonly ringmaster: WindowBridge;
  }
}

mountConsole(window.ringmaster, browserClock);
