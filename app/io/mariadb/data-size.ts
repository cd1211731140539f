/** How large a database is: about what a copy of it will carry. */
import { join } from 'node:path';
import type { Host } from '../../model/ports.js';

/** Not part of a copy: binlogs, relay logs, the redo log and what the server makes anew. */
const leftOut = /^(binlog\.|relay\.|ib_logfile|ibtmp|aria_log\.|master\.info|relay-log\.info|.*\.err$)/;

/** Bytes of the data folder that a physical copy would carry; null when there is none. */
export async function dataBytes(host: Host, folder: string): Promise<number | null> {
  if (!(await host.stat(folder))) return null;
  let bytes = 0;
  for (const name of await host.list(folder)) {
    if (leftOut.test(name)) continue;
    const path = join(folder, name);
    const found = await host.stat(path);
    // A file can go between list and stat: a table was dropped.
    if (found?.kind === 'file') bytes += found.bytes;
    else if (found?.kind === 'folder') bytes += (await dataBytes(host, path)) ?? 0;
  }
  return bytes;
}
