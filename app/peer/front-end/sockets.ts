/**
 * Sockets of sessions. What arrives is read into one buffer that all of them share, and only what is there is copied out
 * of it: by itself, Node takes 64 KB from the system for every read, gives most of it back, and has the rest collected.
 */
import { connect, type OnReadOpts, Socket } from 'node:net';

const readBytesMax = 0x1_0000;
const shared = Buffer.allocUnsafeSlow(readBytesMax);

/** Reads of the socket become `data` events as they would without this. */
const sharedReads = (socketOf: () => Socket): OnReadOpts => ({
  buffer: shared,
  callback(count) {
    socketOf().emit('data', Buffer.from(shared.subarray(0, count)));
    return true;
  },
});

/** Connects a session to its node. */
export function connectToNode(address: { readonly host: string; readonly port: number }): Socket {
  const onread = sharedReads(() => socket);
  const socket: Socket = connect({ ...address, noDelay: true, keepAlive: true, onread });
  return socket;
}

/**
 * A socket in the place of one that a server accepted and has not read from (`pauseOnConnect`). Servers have no option for
 * this, so the connection moves to a new socket as it does when one process hands it to another. The server does not
 * count it any more.
 */
export function acceptClient(accepted: Socket): Socket {
  const before = accepted as unknown as { _handle: object | null };
  const handle = before._handle;
  if (handle === null) return accepted;
  before._handle = null;
  accepted.destroy();
  const onread = sharedReads(() => socket);
  const socket: Socket = new Socket({ handle, allowHalfOpen: true, onread } as object);
  return socket;
}
