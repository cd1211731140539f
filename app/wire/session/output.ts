/** Collects the actions of one step, in order; neighbouring bytes for the same side become one action. */
import type { SessionAction } from './protocol.js';

export class Output {
  private actions: SessionAction[] = [];
  private bytes: Buffer[] = [];
  private side: 'toClient' | 'toBackend' = 'toClient';
  /** The client is gone: nothing is written to it any more. */
  clientGone = false;

  toClient(bytes: Buffer): void {
    if (!this.clientGone) this.write('toClient', bytes);
  }

  toBackend(bytes: Buffer): void {
    this.write('toBackend', bytes);
  }

  do(action: SessionAction): void {
    this.flush();
    this.actions.push(action);
  }

  /** Everything since the last call. */
  take(): SessionAction[] {
    this.flush();
    const { actions } = this;
    this.actions = [];
    return actions;
  }

  private write(side: 'toClient' | 'toBackend', bytes: Buffer): void {
    if (side !== this.side) this.flush();
    this.side = side;
    const last = this.bytes.length - 1;
    const joined = last < 0 ? undefined : joinNeighbours(this.bytes[last] as Buffer, bytes);
    if (joined) this.bytes[last] = joined;
    else this.bytes.push(bytes);
  }

  private flush(): void {
    if (this.bytes.length === 0) return;
    this.actions.push({ kind: this.side, bytes: this.bytes });
    this.bytes = [];
  }
}

/** One slice for two that lie behind each other in the same memory: an answer that is cut into packets is written as one. */
function joinNeighbours(left: Buffer, right: Buffer): Buffer | undefined {
  if (left.buffer !== right.buffer || left.byteOffset + left.length !== right.byteOffset) return undefined;
  return Buffer.from(left.buffer, left.byteOffset, left.length + right.length);
}
