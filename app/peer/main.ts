/**
 * The peer process: `node peer.cjs <settings>`, where settings are PeerSettings as JSON text or a file that holds it (a
 * file keeps passwords out of the list of processes). Runs until `peer.end`, SIGTERM or SIGINT; the server goes on. With
 * `endsWithParent` it also ends, and its server with it, when the process that forked it goes away.
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

async function main(argument: string | undefined): Promise<void> {
  if (argument === undefined) throw new Error('usage: peer <settings as JSON, or a file that holds them>');
  const text = argument.trimStart().startsWith('{') ? argument : await readFile(argument, 'utf8');
  const settings = peerSettingsSchema.parse(JSON.parse(text));
  const log = createLog(`peer.${settings.node}`, settings.logFile);
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
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  if (settings.endsWithParent)
    process.on('disconnect', () => {
      log.info('the process that forked this peer went away');
      void peer
        .exclusively(() => stopServerCleanly(peer))
        .catch((thrown: unknown) => log.error({ cause: messageOf(thrown) }, 'the server was not stopped'))
        .finally(() => end('its parent went away'));
    });
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
