/**
 * The coordinator's process (an Electron utility process): opens the lab and serves it to the main process. It ends
 * when told to close, and never by a signal of its own: Ctrl+C in a terminal reaches every process of the program,
 * and the main process decides what it means.
 */
import { createLog } from '../app/base/log.js';
import { openLab } from '../app/lab/lab.js';
import type { FromCoordinator, MessageLine, ToCoordinator } from './coordinator-messages.js';
import { serveCoordinator } from './coordinator-server.js';
import { coordinatorSettingsSchema } from './coordinator-settings.js';

/** Exit code of a coordinator that met a defect; the main process starts it anew. */
const exitDefect = 70;

const settings = coordinatorSettingsSchema.parse(JSON.parse(process.argv[2] ?? 'null'));
const log = createLog('coordinator', settings.logFile);

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => log.info({ signal }, 'left to the main process'));
}
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (thrown: unknown) => {
    log.fatal({ err: thrown }, event);
    process.stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
    process.exit(exitDefect);
  });
}

const line: MessageLine<FromCoordinator, ToCoordinator> = {
  post: (message) => process.parentPort.postMessage(message),
  onMessage(listener) {
    const receive = (event: Electron.MessageEvent) => listener(event.data as ToCoordinator);
    process.parentPort.on('message', receive);
    return () => void process.parentPort.off('message', receive);
  },
};

const { logFile: _logFile, ...options } = settings;
// A moment for the last message to leave: it is sent by another thread.
serveCoordinator(
  line,
  () => openLab({ ...options, log }),
  log,
  () => void setImmediate(() => process.exit(0)),
);
