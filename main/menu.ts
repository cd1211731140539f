/** The application menu. Every entry does something; what the window itself offers is not repeated here. */
import type { MenuItemConstructorOptions } from 'electron';
import type { Preferences } from './preferences.js';

export type Theme = Preferences['theme'];

/** What the menu's own entries do. */
export interface MenuActions {
  readonly chooseTheme: (theme: Theme) => void;
  readonly showAuditLog: () => void;
  readonly showLabFolder: () => void;
  readonly showLogs: () => void;
  readonly showShortcuts: () => void;
  readonly showAbout: () => void;
}

export interface MenuFacts {
  readonly isMac: boolean;
  readonly isPackaged: boolean;
  readonly theme: Theme;
}

const themeNames: Readonly<Record<Theme, string>> = {
  system: 'Follow the &System',
  light: '&Light',
  dark: '&Dark',
};

const separator: MenuItemConstructorOptions = { type: 'separator' };

const themeMenu = (theme: Theme, choose: MenuActions['chooseTheme']): MenuItemConstructorOptions => ({
  label: '&Theme',
  submenu: (['system', 'light', 'dark'] as const).map((name) => ({
    label: themeNames[name],
    type: 'radio',
    checked: name === theme,
    click: () => choose(name),
  })),
});

/** The menu as data, for Menu.buildFromTemplate. */
export function menuTemplate(facts: MenuFacts, actions: MenuActions): MenuItemConstructorOptions[] {
  const { isMac, isPackaged, theme } = facts;
  const about: MenuItemConstructorOptions = { label: 'About Ringmaster', click: actions.showAbout };
  const appMenu: MenuItemConstructorOptions = {
    label: 'Ringmaster',
    submenu: [
      about,
      separator,
      { role: 'hide' },
      { role: 'hideOthers' },
      { role: 'unhide' },
      separator,
      { role: 'quit' },
    ],
  };
  return [
    ...(isMac ? [appMenu] : []),
    {
      label: '&File',
      submenu: [
        { label: 'Show &Audit Log', accelerator: 'CmdOrCtrl+Shift+A', click: actions.showAuditLog },
        { label: 'Show &Lab Folder', click: actions.showLabFolder },
        separator,
        isMac ? { role: 'close' } : { role: 'quit', label: '&Quit', accelerator: 'Ctrl+Q' },
      ],
    },
    {
      label: '&Edit',
      submenu: [
        { role: 'undo' },
        { role: 'redo' },
        separator,
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'selectAll' },
      ],
    },
    {
      label: '&View',
      submenu: [
        themeMenu(theme, actions.chooseTheme),
        separator,
        { role: 'resetZoom', label: 'Actual Si&ze' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        separator,
        { role: 'togglefullscreen' },
        ...(isPackaged ? [] : [separator, { role: 'reload' } as const, { role: 'toggleDevTools' } as const]),
      ],
    },
    {
      label: '&Window',
      submenu: [{ role: 'minimize' }, ...(isMac ? [{ role: 'zoom' } as const] : []), { role: 'close' }],
    },
    {
      label: '&Help',
      submenu: [
        { label: '&Keyboard Shortcuts', accelerator: 'CmdOrCtrl+/', click: actions.showShortcuts },
        { label: 'Show Log &Files', click: actions.showLogs },
        ...(isMac ? [] : [separator, about]),
      ],
    },
  ];
}

/** What Help says about the keyboard; the window's own keys first. */
export const shortcutText = [
  'Tab and arrow keys: move between nodes',
  'Enter or Shift+F10: open the menu of a node',
  'Ctrl+click or right click: open the menu of a node',
  'Escape: close a menu or a dialog',
  'Ctrl+Shift+A: show the audit log',
  'Ctrl+plus, Ctrl+minus, Ctrl+0: larger, smaller, actual size',
  'F11: full screen',
  'Ctrl+Q: quit',
].join('\n');
