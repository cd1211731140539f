/** The console's window: sandboxed, isolated, shown when it has something to show, where it was left. */
import { BrowserWindow, nativeTheme, screen } from 'electron';
import type { Clock, Timer } from '../app/base/clock.js';
import type { Log } from '../app/base/log.js';
import { pageUrl } from './page.js';
import { openingBounds, type Preferences, windowSizeMin } from './preferences.js';
import { versionArgument } from './preload-channels.js';

/** Colour of the empty window in either theme, equal to the page's background, so that nothing flashes. */
const backgrounds = { light: '#f6f7f9', dark: '#11151a' } as const;
const rememberDelayMs = 500;
/** A page that crashed is loaded again, but not more often than this. */
const reloadEveryMs = 10_000;

export interface WindowDependencies {
  readonly clock: Clock;
  readonly log: Log;
  readonly preloadScript: string;
  readonly developmentUrl: string | null;
  readonly version: string;
  readonly preferences: Preferences;
  readonly isPackaged: boolean;
  /** Called when bounds changed, some time after the last change. */
  readonly remember: (change: Pick<Preferences, 'bounds' | 'maximized'>) => void;
}

const background = (): string => (nativeTheme.shouldUseDarkColors ? backgrounds.dark : backgrounds.light);

/** Keeps `remember` informed about where the window is. */
function followBounds(window: BrowserWindow, { clock, remember }: WindowDependencies): void {
  let timer: Timer | null = null;
  const note = () => {
    timer?.cancel();
    timer = null;
    if (!window.isDestroyed()) {
      remember({ bounds: window.getNormalBounds(), maximized: window.isMaximized() });
    }
  };
  const later = () => {
    timer?.cancel();
    timer = clock.after(rememberDelayMs, note);
  };
  for (const event of ['resize', 'move', 'maximize', 'unmaximize'] as const) {
    // One overload for each name; all take a listener without arguments.
    window.on(event as 'resize', later);
  }
  window.on('close', note);
  window.on('closed', () => timer?.cancel());
}

/** Loads the page again when its process crashed; the coordinator and the servers are not touched by it. */
function surviveCrashes(window: BrowserWindow, { clock, log }: WindowDependencies): void {
  let lastMs = Number.NEGATIVE_INFINITY;
  window.webContents.on('render-process-gone', (_event, details) => {
    log.error({ reason: details.reason, exitCode: details.exitCode }, 'the window crashed');
    if (details.reason === 'clean-exit' || clock.monotonicMs() - lastMs < reloadEveryMs) return;
    lastMs = clock.monotonicMs();
    window.webContents.reload();
  });
}

/** Opens the window; it shows itself when its first frame is ready. */
export function openWindow(dependencies: WindowDependencies): BrowserWindow {
  const { preferences, preloadScript, developmentUrl, version, isPackaged, log } = dependencies;
  const areas = screen.getAllDisplays().map((display) => display.workArea);
  const window = new BrowserWindow({
    ...openingBounds(preferences.bounds, areas),
    minWidth: windowSizeMin.width,
    minHeight: windowSizeMin.height,
    title: 'Ringmaster',
    show: false,
    backgroundColor: background(),
    webPreferences: {
      preload: preloadScript,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
      devTools: !isPackaged,
      // Charts go on while another window covers this one: an operator looks at both.
      backgroundThrottling: false,
      additionalArguments: [`${versionArgument}${version}`],
    },
  });
  const repaint = () => window.setBackgroundColor(background());
  nativeTheme.on('updated', repaint);
  window.on('closed', () => nativeTheme.off('updated', repaint));
  window.once('ready-to-show', () => {
    if (preferences.maximized) window.maximize();
    window.show();
  });
  // The page's own title would replace ours, which tells what is going on at the end.
  window.on('page-title-updated', (event) => event.preventDefault());
  followBounds(window, dependencies);
  surviveCrashes(window, dependencies);
  window.loadURL(developmentUrl ?? pageUrl).catch((thrown: unknown) => {
    log.error({ err: thrown }, 'the page could not be loaded');
  });
  return window;
}
