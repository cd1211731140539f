/**
 * The peer process: `node peer.cjs <settings>`, where settings are PeerSettings as JSON text or a file that holds it (a
 * file keeps passwords out of the list of processes). Runs until `peer.end`, SIGTERM or SIGINT; the server goes on. With
 * `endsWithParent` it leaves Ctrl-C to its parent, and its server ends with it, on SIGTERM or when the parent goes away.
 */
import { readFile } from 'node:fs/promises';
import { systemClock } from '../base/clock.js';
import { messageOf, toRingmasterError } from '../base/errors.js';
import { createLog } from '../base/log.js';
import { peerSettingsSchema } from '../contract/control.js';
import { ControlServer } from '../io/control/server.js';
import { LocalHost } from '../io/local-host.js';
import { peerHandlers, stopServerCleanly } from './handlers.js';
import { Peer } from './peer.js';
import { raisePriority } from './priority.js';

async function main(argument: string | undefined): Promise<void> {
  if (argument === undefined) throw new Error('usage: peer <settings as JSON, or a file that holds them>');
  const text = argument.trimStart().startsWith('{') ? argument : await readFile(argument, 'utf8');
  const settings = peerSettingsSchema.parse(JSON.parse(text));
  const log = createLog(`peer.${settings.node}`, settings.logFile);
  raisePriority(log);
  let control: ControlServer | undefined;
  const peer = new Peer(settings, {
    host: new LocalHost(systemClock),
    clock: systemClock,
    log,
    notify: (name, notice) => control?.notify(name, notice),
  });
  let ending = false;
  const end = (why: string) => {
    if (ending) return;
    ending = true;
    log.info({ why }, 'the peer ends');
    // The answer to peer.end leaves first.
    systemClock.after(50, () => {
      void peer
        .end()
        .then(() => control?.close())
        .finally(() => process.exit(0));
    });
  };
  const endWithServer = (why: string) => {
    log.info({ why }, 'the server stops too');
    void peer
      .exclusively(() => stopServerCleanly(peer))
      .catch((thrown: unknown) => log.error({ cause: messageOf(thrown) }, 'the server was not stopped'))
      .finally(() => end(why));
  };
  if (settings.endsWithParent) {
    // Ctrl-C reaches the whole process group: whoever forked this peer stops the cluster in order, and asks us.
    for (const signal of ['SIGINT', 'SIGHUP'] as const)
      process.on(signal, () => log.info({ signal }, 'left to the parent'));
    process.on('SIGTERM', () => endWithServer('SIGTERM'));
    process.on('disconnect', () => endWithServer('its parent went away'));
  } else {
    process.on('SIGTERM', () => end('SIGTERM'));
    process.on('SIGINT', () => end('SIGINT'));
  }
  process.on('uncaughtException', (error) =>
    log.error({ cause: messageOf(error), stack: error.stack }, 'defect'),
  );
  process.on('unhandledRejection', (reason) => log.error({ cause: messageOf(reason) }, 'defect'));
  await peer.begin();
  control = await ControlServer.listen(
    settings.controlSocket,
    peerHandlers(peer, () => end('asked to')),
    log,
  );
  log.info({ controlSocket: settings.controlSocket }, 'the peer listens');
}

main(process.argv[2]).catch((thrown: unknown) => {
  const error = toRingmasterError(thrown);
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
