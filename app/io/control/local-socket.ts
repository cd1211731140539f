/** Local sockets that only our own user can open. */
import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import type { Server } from 'node:net';

/** Bytes of a path that the operating system has place for. What is longer would be cut off without a word. */
const pathBytesMax = process.platform === 'darwin' ? 103 : 107;

/**
 * Listens at `path`, where nothing may be. The socket is made before this returns and closed to others soon after:
 * until then its folder, or the caller's umask, must keep them away.
 */
export async function listenForOwner(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > pathBytesMax)
    throw new Error(`the path of a local socket has ${pathBytesMax} bytes at most, and ${path} is longer`);
  const listening = once(server, 'listening');
  server.listen(path);
  await listening;
  await chmod(path, 0o600);
}
