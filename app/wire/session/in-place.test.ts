import { describe, expect, it } from 'vitest';
import { statusFlag } from '../packets/capabilities.js';
import { encodeEof, framed } from '../packets/responses.js';
import { Stage } from './testing/stage.js';

/** A result set of two rows for a client that knows EOF packets, as one server writes it: in one piece. */
const answer = (status: number): Buffer =>
  Buffer.concat([
    framed(Buffer.from([1]), 1),
    framed(Buffer.from('\x03def-definition', 'latin1'), 2),
    framed(encodeEof({ warnings: 0, status }), 3),
    framed(Buffer.from('\x03one', 'latin1'), 4),
    framed(Buffer.from('\x03two', 'latin1'), 5),
    framed(encodeEof({ warnings: 0, status }), 6),
  ]);

/** What the client gets when the node's bytes come in two pieces. */
function relayed(play: Stage, bytes: Buffer, split: number): Buffer[] {
  const chunks = [bytes.subarray(0, split), bytes.subarray(split)].filter((chunk) => chunk.length > 0);
  return chunks.flatMap((chunk) =>
    play.machine
      .step({ kind: 'backendBytes', bytes: chunk })
      .flatMap((action) => (action.kind === 'toClient' ? action.bytes : [])),
  );
}

describe('a result set', () => {
  it('goes to the client in one piece, as it came', () => {
    const play = new Stage({ old: true }).logIn().query('SELECT 1');
    const bytes = answer(statusFlag.autocommit);
    const slices = relayed(play, bytes, bytes.length);
    expect(slices).toHaveLength(1);
    expect(slices[0]).toEqual(bytes);
    expect(play.machine.idle).toBe(true);
  });

  it('is the same wherever a chunk ends', () => {
    const bytes = answer(statusFlag.autocommit);
    for (let split = 1; split < bytes.length; split++) {
      const play = new Stage({ old: true }).logIn().query('SELECT 1');
      expect(Buffer.concat(relayed(play, bytes, split)), `split at ${split}`).toEqual(bytes);
      expect(play.machine.idle).toBe(true);
    }
  });

  it('in a transaction leaves open whether it wrote, so that COMMIT asks the node first', () => {
    const play = new Stage({ old: true }).logIn().query('BEGIN').ok({ open: true, transaction: 'T_______' });
    play.query('SELECT f()');
    const bytes = answer(statusFlag.autocommit | statusFlag.inTransaction);
    relayed(play, bytes, bytes.length);
    play.tell();
    expect(play.query('COMMIT').tell()).toEqual(['node 0: DO UUID()']);
  });

  it('of a text with more of them ends with the last', () => {
    const play = new Stage({ old: true, multiStatements: true }).logIn().query('SELECT 1; SELECT 2');
    relayed(play, answer(statusFlag.autocommit | statusFlag.moreResults), 0);
    expect(play.machine.idle).toBe(false);
    play.node(Buffer.from([1]), 7);
    expect(play.machine.idle).toBe(false);
  });
});
