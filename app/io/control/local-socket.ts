/** Local sockets that only our own user can open. */
import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import type { Server } from 'node:net';

/** Bytes of a path that the operating system has place for. What is longer would be cut off without a word. */
const pathBytesMax = process.platform === 'darwin' ? 103 : 107;

/** Listens at `path`, where nothing may be. Nobody else may open the socket, not even between listen and chmod. */
export async function listenForOwner(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > pathBytesMax)
    throw new Error(`the path of a local socket has ${pathBytesMax} bytes at most, and ${path} is longer`);
  const listening = once(server, 'listening');
  // The socket is made within this call, so that no file of anybody else is made under this mask.
  const umask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(umask);
  }
  await listening;
  await chmod(path, 0o600);
}
