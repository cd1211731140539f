/** What no page may do, whatever it contains: leave, open windows, embed, get permissions, reach the network. */
import type { App, Session, WebContents } from 'electron';
import type { Log } from '../app/base/log.js';
import { isOwnPage } from './page.js';

/** Schemes that a page of ours loads from. `devtools:` is the inspector's own, in development. */
const localSchemes = ['app:', 'devtools:', 'data:', 'blob:', 'chrome-extension:'];

/** Is this a request that may leave the page? The development server counts with its live-reload socket. */
export function mayLoad(url: string, developmentUrl: string | null): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, host } = new URL(url);
  if (localSchemes.includes(protocol)) return true;
  if (developmentUrl === null) return false;
  return host === new URL(developmentUrl).host && ['http:', 'ws:'].includes(protocol);
}

function hardenContents(contents: WebContents, developmentUrl: string | null, log: Log): void {
  const refuse = (event: { preventDefault(): void }, url: string, what: string) => {
    if (what === 'navigation' && isOwnPage(url, developmentUrl)) return;
    event.preventDefault();
    log.warn({ url, what }, 'refused by the window');
  };
  contents.on('will-navigate', (event) => refuse(event, event.url, 'navigation'));
  contents.on('will-frame-navigate', (event) => refuse(event, event.url, 'navigation'));
  contents.on('will-redirect', (event) => refuse(event, event.url, 'navigation'));
  contents.on('will-attach-webview', (event) => refuse(event, '', 'webview'));
  contents.setWindowOpenHandler(({ url }) => {
    log.warn({ url, what: 'new window' }, 'refused by the window');
    return { action: 'deny' };
  });
}

function hardenSession(session: Session, developmentUrl: string | null, log: Log): void {
  session.setPermissionRequestHandler((_contents, permission, answer) => {
    log.warn({ permission }, 'refused a permission');
    answer(false);
  });
  session.setPermissionCheckHandler(() => false);
  session.setDevicePermissionHandler(() => false);
  session.webRequest.onBeforeRequest((details, answer) => {
    const allowed = mayLoad(details.url, developmentUrl);
    if (!allowed) log.warn({ url: details.url }, 'refused a request to the network');
    answer({ cancel: !allowed });
  });
}

/** Hardens every page and session that this program will ever make. Call before the first window. */
export function harden(app: App, developmentUrl: string | null, log: Log): void {
  app.on('web-contents-created', (_event, contents) => hardenContents(contents, developmentUrl, log));
  app.on('session-created', (session) => hardenSession(session, developmentUrl, log));
}
