/**
 * Runs in the window's isolated world before the page: puts the bridge's named verbs on `window.ringmaster` and
 * nothing else. The page never sees ipcRenderer, and what it sends is judged in the main process, not here.
 */
import { contextBridge, ipcRenderer } from 'electron';
import type { PushName, WindowBridge, WindowPushes } from '../app/contract/window.js';
import { pushChannel, requestChannel, versionArgument } from './preload-channels.js';

type AnyListener = (push: WindowPushes[PushName]) => void;

const listeners = new Map<string, Set<AnyListener>>();

ipcRenderer.on(pushChannel, (_event, name: string, push: WindowPushes[PushName]) => {
  for (const listener of listeners.get(name) ?? []) listener(push);
});

const version = process.argv.find((argument) => argument.startsWith(versionArgument));

const bridge: WindowBridge = {
  // The page cannot reach this world's navigator, so it cannot claim a click that nobody made.
  request: (name, payload) =>
    ipcRenderer.invoke(requestChannel, name, payload, navigator.userActivation.isActive),
  onPush(name, listener) {
    const mine = listeners.get(name) ?? new Set<AnyListener>();
    listeners.set(name, mine);
    const entry: AnyListener = (push) => listener(push as Parameters<typeof listener>[0]);
    mine.add(entry);
    return () => void mine.delete(entry);
  },
  platform: {
    isMac: process.platform === 'darwin',
    version: version?.slice(versionArgument.length) ?? '',
  },
};

contextBridge.exposeInMainWorld('ringmaster', bridge);
