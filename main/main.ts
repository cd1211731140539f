/** Electron's main process: the composition root. Everything with a decision in it lives in the files beside it. */

import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import {
  app,
  BrowserWindow,
  dialog,
  ipcMain,
  Menu,
  Notification,
  nativeTheme,
  protocol,
  shell,
} from 'electron';
import { systemClock } from '../app/base/clock.js';
import { messageOf, RingmasterError } from '../app/base/errors.js';
import { createLog, type Log } from '../app/base/log.js';
import type { NamedPush, SnapshotUpdate } from '../app/contract/window.js';
import { auditFile, auditRun, createAudit } from '../app/coordinator/gate/audit.js';
import { createRequestGate, type RequestGate } from '../app/coordinator/gate/request-gate.js';
import { defaultLabFolder, labNames } from '../app/lab/folders.js';
import { type CommandLineDoor, openToCommandLine } from './command-line.js';
import { forkCoordinator } from './coordinator-fork.js';
import { type CoordinatorKeeper, keepCoordinator } from './coordinator-keeper.js';
import { harden } from './hardening.js';
import { menuTemplate, shortcutText, type Theme } from './menu.js';
import { NewsDesk } from './news.js';
import { type ConsoleOptions, ownArguments, parseOptions } from './options.js';
import { developmentPage, isOwnPage, pageScheme, servePageFile } from './page.js';
import { type Preferences, readPreferences, writePreferences } from './preferences.js';
import { pushChannel, requestChannel } from './preload-channels.js';
import { createQuitter, type Quitter } from './quit.js';
import { openWindow } from './window.js';

/** How long the servers may take to stop when the program ends. */
const closeBoundMs = 30_000;

/** Everything that is decided before Electron is ready. */
interface Setting {
  readonly options: ConsoleOptions;
  readonly labFolder: string;
  readonly developmentUrl: string | null;
  /** Folder of the built bundles. */
  readonly out: string;
  readonly logs: string;
  readonly auditPath: string;
  readonly preferencesPath: string;
  readonly log: Log;
}

/** Each lab has a console of its own: its lock, its audit log, its window. The default lab's needs no subfolder. */
function chooseUserData(labFolder: string): void {
  if (labFolder === defaultLabFolder(labNames.console)) return;
  const name = createHash('sha256').update(labFolder).digest('hex').slice(0, 12);
  app.setPath('userData', join(app.getPath('userData'), 'labs', name));
}

/** @throws RingmasterError when the command line or the environment cannot be understood */
function decide(): Setting {
  const options = parseOptions(ownArguments(process.argv, !app.isPackaged), process.env);
  const developmentUrl = developmentPage(process.env.RINGMASTER_RENDERER_URL, app.isPackaged);
  const labFolder =
    options.labFolder === null ? defaultLabFolder(labNames.console) : resolve(options.labFolder);
  chooseUserData(labFolder);
  const userData = app.getPath('userData');
  const logs = join(userData, 'logs');
  mkdirSync(logs, { recursive: true });
  return {
    options,
    labFolder,
    developmentUrl,
    out: join(app.getAppPath(), 'out'),
    logs,
    auditPath: join(userData, 'audit.log'),
    preferencesPath: join(userData, 'preferences.json'),
    log: createLog('console', join(logs, 'console.log')),
  };
}

function startCoordinator(
  { options, labFolder, out, logs, log }: Setting,
  onPush: (push: NamedPush) => void,
): CoordinatorKeeper {
  const script = join(out, 'main', 'coordinator.cjs');
  const settings = {
    folder: labFolder,
    nodes: options.nodes,
    active: options.active,
    port: options.port,
    connections: options.connections,
    recovery: options.recovery,
    programs: { peer: join(out, 'peer', 'peer.cjs'), load: join(out, 'load', 'load.cjs') },
    logFile: join(logs, 'coordinator.log'),
  };
  return keepCoordinator({
    start: () => forkCoordinator(script, settings),
    clock: systemClock,
    log,
    onPush,
  });
}

/** Says by the system what happened while no window of ours is in front; a click brings the window back. */
function tellNews(desk: NewsDesk, update: SnapshotUpdate): void {
  const news = desk.read(update, app.getName());
  if (BrowserWindow.getFocusedWindow() || !Notification.isSupported()) return;
  for (const { title, body } of news) {
    const notification = new Notification({ title, body, silent: false });
    notification.on('click', () => BrowserWindow.getAllWindows()[0]?.focus());
    notification.show();
  }
}

/** Answers the windows' requests through the gate. */
function answerWindows({ developmentUrl }: Setting, gate: RequestGate): void {
  const by = userInfo().username;
  ipcMain.handle(requestChannel, (event, name: unknown, payload: unknown, userActivated: unknown) => {
    const frame = event.senderFrame;
    const fromOwner =
      frame !== null &&
      frame === event.sender.mainFrame &&
      BrowserWindow.fromWebContents(event.sender) !== null &&
      isOwnPage(frame.url, developmentUrl);
    return gate({ fromOwner, by, name, payload, confirmed: userActivated });
  });
}

const serverWords = [
  'no server stops',
  'one server stops',
  'two servers stop',
  'three servers stop',
] as const;

/** The question at the end. Tests and scripts that cannot answer say so in the environment. */
async function askAboutQuitting(nodes: number): Promise<boolean> {
  if (process.env.RINGMASTER_QUIT_WITHOUT_ASKING === '1') return true;
  const options = {
    type: 'question' as const,
    buttons: ['Quit and Stop Servers', 'Keep Working'],
    defaultId: 1,
    cancelId: 1,
    message: 'Quit Ringmaster?',
    detail: `The lab's ${serverWords[nodes] ?? `${nodes} servers stop`} too. Their data is kept.`,
  };
  const window = BrowserWindow.getAllWindows()[0];
  const answer = await (window ? dialog.showMessageBox(window, options) : dialog.showMessageBox(options));
  return answer.response === 0;
}

const closingText = "Stopping the lab's servers…";

/** Covers the window with one sentence while the servers stop, so that nobody clicks what cannot answer any more. */
function showClosing(log: Log): void {
  const style = `body::after { content: ${JSON.stringify(closingText)}; position: fixed; inset: 0; z-index: 2147483647;
    display: grid; place-items: center; font: 600 20px system-ui, sans-serif;
    color: light-dark(#11151a, #f1f3f5); background: light-dark(rgb(246 247 249 / 0.9), rgb(17 21 26 / 0.9)); }
    :root { color-scheme: ${nativeTheme.shouldUseDarkColors ? 'dark' : 'light'}; }`;
  for (const window of BrowserWindow.getAllWindows()) {
    window.setTitle(`Ringmaster: ${closingText}`);
    window.setProgressBar(2);
    window.webContents.insertCSS(style).catch((thrown: unknown) => {
      log.warn({ cause: messageOf(thrown) }, 'the window could not say that it closes');
    });
  }
}

/** Follows every way to quit: menu, window, signals, a defect. */
function followQuitting(
  { options, log }: Setting,
  coordinator: CoordinatorKeeper,
  commandLine: CommandLineDoor,
): Quitter {
  let exitCode = 0;
  const quitter = createQuitter({
    ask: () => askAboutQuitting(options.nodes),
    showClosing: () => showClosing(log),
    close: async () => {
      await commandLine.close();
      const clean = await coordinator.close(closeBoundMs);
      log.info({ clean }, 'closed');
    },
    exit: () => app.exit(exitCode),
    log,
  });
  app.on('before-quit', (event) => {
    if (quitter.holdQuit()) event.preventDefault();
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      log.info({ signal }, 'told to end');
      quitter.quitNow();
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (thrown: unknown) => {
      log.fatal({ err: thrown }, event);
      process.stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
      exitCode = 1;
      quitter.quitNow();
    });
  }
  return quitter;
}

/** What the console remembers, in memory and on disk. */
function rememberIn(path: string, log: Log) {
  let preferences = readPreferences(path);
  return {
    current: () => preferences,
    change(change: Partial<Preferences>) {
      preferences = { ...preferences, ...change };
      try {
        writePreferences(path, preferences);
      } catch (thrown) {
        log.warn({ path, cause: messageOf(thrown) }, 'preferences could not be written');
      }
    },
  };
}

function showMenu(setting: Setting, memory: ReturnType<typeof rememberIn>): void {
  const openPath = (path: string) => {
    shell.openPath(path).then(
      (problem) => problem !== '' && setting.log.warn({ path, problem }, 'could not be shown'),
      (thrown: unknown) => setting.log.warn({ path, cause: messageOf(thrown) }, 'could not be shown'),
    );
  };
  const say = (message: string, detail: string) => {
    const window = BrowserWindow.getFocusedWindow() ?? BrowserWindow.getAllWindows()[0];
    const options = { type: 'info' as const, message, detail, buttons: ['Close'] };
    void (window ? dialog.showMessageBox(window, options) : dialog.showMessageBox(options));
  };
  const chooseTheme = (theme: Theme) => {
    nativeTheme.themeSource = theme;
    memory.change({ theme });
  };
  const template = menuTemplate(
    {
      isMac: process.platform === 'darwin',
      isPackaged: app.isPackaged,
      theme: nativeTheme.themeSource,
    },
    {
      chooseTheme,
      showAuditLog: () => shell.showItemInFolder(setting.auditPath),
      showLabFolder: () => openPath(setting.labFolder),
      showLogs: () => openPath(setting.logs),
      showShortcuts: () => say('Keyboard shortcuts', shortcutText),
      showAbout: () =>
        say(
          `Ringmaster ${app.getVersion()}`,
          `A console for clusters of MariaDB servers, with the coordinator built in.\nElectron ${process.versions.electron}, Chromium ${process.versions.chrome}, Node.js ${process.versions.node}.`,
        ),
    },
  );
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}

function openConsole(setting: Setting, memory: ReturnType<typeof rememberIn>, quitter: Quitter): void {
  const window = openWindow({
    clock: systemClock,
    log: setting.log,
    preloadScript: join(setting.out, 'main', 'preload.cjs'),
    developmentUrl: setting.developmentUrl,
    version: app.getVersion(),
    preferences: memory.current(),
    isPackaged: app.isPackaged,
    remember: memory.change,
  });
  window.on('close', (event) => {
    if (quitter.mayCloseWindows()) return;
    event.preventDefault();
    app.quit();
  });
}

/** Nothing here makes garbage quickly: a small nursery keeps a process some 20 MB smaller. */
const smallNursery = '--max-semi-space-size=2';

function run(setting: Setting): void {
  const { log, options, out, developmentUrl, preferencesPath } = setting;
  app.commandLine.appendSwitch('js-flags', smallNursery);
  harden(app, developmentUrl, log);
  protocol.registerSchemesAsPrivileged([
    {
      scheme: pageScheme,
      privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
    },
  ]);
  app.on('second-instance', () => {
    const window = BrowserWindow.getAllWindows()[0];
    if (window?.isMinimized()) window.restore();
    window?.focus();
  });
  app.once('ready', () => {
    const renderer = join(out, 'renderer');
    protocol.handle(pageScheme, (request) => servePageFile(request, renderer));
    const memory = rememberIn(preferencesPath, log);
    nativeTheme.themeSource = options.theme ?? memory.current().theme;
    const newsDesk = new NewsDesk();
    const coordinator = startCoordinator(setting, (push) => {
      for (const window of BrowserWindow.getAllWindows())
        window.webContents.send(pushChannel, push.name, push.push);
      commandLine.tell(push);
      if (push.name === 'cluster.updated') tellNews(newsDesk, push.push);
    });
    const audit = createAudit(systemClock, auditRun(systemClock), auditFile(setting.auditPath));
    const gate = createRequestGate(coordinator, audit, log);
    answerWindows(setting, gate);
    const commandLine = openToCommandLine(setting.labFolder, gate, log);
    const quitter = followQuitting(setting, coordinator, commandLine);
    showMenu(setting, memory);
    openConsole(setting, memory, quitter);
  });
}

function refuse(thrown: unknown): void {
  const text = thrown instanceof RingmasterError ? `${thrown.message}\n${thrown.remedy}` : messageOf(thrown);
  process.stderr.write(`ringmaster: ${text}\n`);
  if (app.isPackaged && process.platform !== 'linux') dialog.showErrorBox('Ringmaster', text);
  app.exit(2);
}

try {
  const setting = decide();
  if (app.requestSingleInstanceLock()) run(setting);
  else {
    process.stderr.write(`ringmaster: a console for ${setting.labFolder} is open already and is shown\n`);
    app.exit(0);
  }
} catch (thrown) {
  refuse(thrown);
}
