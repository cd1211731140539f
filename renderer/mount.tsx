/** Puts the console on a page, whatever bridge it is given. */
import './styles/index.css';
import { createRoot } from 'react-dom/client';
import { invariant } from '../app/base/errors.js';
import type { WindowBridge } from '../app/contract/window.js';
import { createConsoleStore } from './store/cluster-store.js';
import { ConsoleProvider } from './store/console-context.js';
import type { WallClock } from './store/wall-clock.js';
import { App } from './views/app.js';

export function mountConsole(bridge: WindowBridge, clock: WallClock): void {
  const place = document.getElementById('root');
  invariant(place, 'the page has a place for the window');
  const store = createConsoleStore(bridge, clock);
  store.start();
  createRoot(place).render(
    <ConsoleProvider store={store}>
      <App />
    </ConsoleProvider>,
  );
}
