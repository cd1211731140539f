/**
 * The connection from a session to its node. What arrives is read into one buffer that all of them share, and only what
 * is there is copied out of it: by itself, Node takes 64 KB from the system for every read and gives most of it back.
 */
import { connect, type Socket } from 'node:net';

const readBytesMax = 0x1_0000;
const shared = Buffer.allocUnsafeSlow(readBytesMax);

/** Connects. The socket behaves as any other: `data` events, pausing, and the end. */
export function connectToNode(address: { readonly host: string; readonly port: number }): Socket {
  const socket = connect({
    ...address,
    noDelay: true,
    keepAlive: true,
    onread: {
      buffer: shared,
      callback(count) {
        socket.emit('data', Buffer.from(shared.subarray(0, count)));
        return true;
      },
    },
  });
  return socket;
}
