/**
 * How the control protocol (app/contract/control.ts) looks on the wire: JSON-RPC 2.0 with Content-Length headers, as
 * vscode-jsonrpc speaks it. A request carries `{params, progressToken}`; cancelling is `$/cancelRequest`, progress is
 * `$/progress` with the request's token.
 */
import type { Socket } from 'node:net';
import {
  createMessageConnection,
  type DataCallback,
  type Disposable,
  type MessageConnection,
  ProgressType,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import { z } from 'zod';
import {
  type ErrorView,
  errorTable,
  fromErrorView,
  messageOf,
  RingmasterError,
  toRingmasterError,
} from '../../base/errors.js';
import type { StepProgress } from '../../model/plan.js';

/** Error code of every answer that carries an ErrorView: in the range that JSON-RPC leaves to applications. */
const errorViewCode = -32_000;

export const progressType = new ProgressType<StepProgress>();

export const envelopeSchema = z
  .object({ params: z.unknown(), progressToken: z.number().int().nullable() })
  .strict();
export type Envelope = z.infer<typeof envelopeSchema>;

/** A reader that knows how many bytes came since the last whole message. */
class CountingReader extends StreamMessageReader {
  #bytes = 0;

  add(bytes: number): number {
    this.#bytes += bytes;
    return this.#bytes;
  }

  override listen(callback: DataCallback): Disposable {
    return super.listen((message) => {
      this.#bytes = 0;
      callback(message);
    });
  }
}

/** Bytes of one message, at most: the checksums of some hundred thousand tables. */
const messageBytesMax = 32 * 1024 * 1024;

/**
 * Makes a JSON-RPC connection over a socket. The caller registers its handlers, then calls listen(). The reader keeps
 * everything until a message is whole; `onTooLong` is called when that would be without end.
 */
export function connectionOver(socket: Socket, onTooLong: () => void): MessageConnection {
  const reader = new CountingReader(socket);
  socket.on('data', (chunk: Buffer) => {
    if (reader.add(chunk.length) > messageBytesMax) onTooLong();
  });
  return createMessageConnection(reader, new StreamMessageWriter(socket));
}

export function toResponseError(thrown: unknown): ResponseError<ErrorView> {
  const error = toRingmasterError(thrown);
  return new ResponseError(errorViewCode, error.message, error.view());
}

const viewSchema = z.object({
  code: z.enum(Object.keys(errorTable) as [keyof typeof errorTable, ...(keyof typeof errorTable)[]]),
  data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});

/** An error that came over the wire, whole again. */
export function fromResponseError(thrown: unknown): RingmasterError {
  if (thrown instanceof ResponseError) {
    const view = viewSchema.safeParse(thrown.data);
    if (view.success)
      return fromErrorView({ ...view.data, text: thrown.message, remedy: '', category: 'failure' });
  }
  return new RingmasterError('defect', { cause: messageOf(thrown) }, { cause: thrown });
}
