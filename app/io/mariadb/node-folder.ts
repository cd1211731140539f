/** Where everything of one node lives below its folder. */
import { join } from 'node:path';
import { RingmasterError } from '../../base/errors.js';

export interface NodeFolder {
  readonly root: string;
  /** The database, its binlogs and relay logs: they belong together and are swapped together. */
  readonly data: string;
  /** The data before a swap, until the copy is accepted. */
  readonly oldData: string;
  /** A copy that arrives or is prepared. */
  readonly copy: string;
  /** What is being erased; renamed first, because renaming is one step and erasing is many. */
  readonly trash: string;
  readonly run: string;
  readonly temporary: string;
  readonly log: string;
  readonly socket: string;
  readonly pidFile: string;
  /** Exists while somebody wants the server to run: tells a stop on purpose from a loss across a restart of the peer. */
  readonly wantedFile: string;
  readonly configuration: string;
  /** Options that the operator gave the server. */
  readonly ownOptions: string;
  /** Login of mariabackup, readable by the server's user only: command lines can be seen by everybody. */
  readonly backupConfiguration: string;
  readonly serverLog: string;
}

/** Linux gives a socket address 108 bytes with the closing zero; macOS 104. */
const socketPathBytesMax = 103;

/** @throws RingmasterError host.path-denied when the folder's name is too long for a socket in it. */
export function nodeFolder(root: string): NodeFolder {
  const run = join(root, 'run');
  const socket = join(run, 'mariadb.sock');
  if (Buffer.byteLength(socket) > socketPathBytesMax)
    throw new RingmasterError('host.path-denied', {
      path: root,
      host: 'this machine',
      cause: `its name is too long for a socket in it (${socketPathBytesMax} bytes)`,
    });
  return {
    root,
    data: join(root, 'data'),
    oldData: join(root, 'data.old'),
    copy: join(root, 'copy'),
    trash: join(root, 'trash'),
    run,
    temporary: join(root, 'tmp'),
    log: join(root, 'log'),
    socket,
    pidFile: join(run, 'mariadb.pid'),
    wantedFile: join(run, 'wanted'),
    configuration: join(run, 'server.cnf'),
    ownOptions: join(root, 'options.json'),
    backupConfiguration: join(run, 'backup.cnf'),
    serverLog: join(root, 'log', 'mariadb.log'),
  };
}
