/**
 * Session tracking: what an OK packet says about changes of the session. The front end switches
 * `session_track_transaction_info=STATE` on to learn whether a transaction wrote, and takes those entries out again
 * for clients that did not ask for them.
 * Source: MariaDB "ok_packet", session state; sql/session_tracker.cc.
 */
import { ByteReader, ByteWriter } from '../../base/bytes.js';
import { type Malformed, malformed } from './capabilities.js';

export const trackType = {
  systemVariables: 0,
  schema: 1,
  stateChange: 2,
  gtids: 3,
  transactionCharacteristics: 4,
  transactionState: 5,
} as const;

export interface TrackEntry {
  readonly type: number;
  readonly data: Buffer;
}

/** Layout: entries of int<1> type | string<lenenc> data. */
export function decodeSessionState(bytes: Buffer): readonly TrackEntry[] | Malformed {
  const reader = new ByteReader(bytes);
  const entries: TrackEntry[] = [];
  while (reader.ok && reader.left > 0) entries.push({ type: reader.u8(), data: reader.lengthEncodedBytes() });
  return reader.ok ? entries : malformed('cut session tracking');
}

export function encodeSessionState(entries: readonly TrackEntry[]): Buffer {
  const writer = new ByteWriter(64);
  for (const { type, data } of entries) writer.u8(type).lengthEncodedBytes(data);
  return writer.finish();
}

/** What the eight characters of the transaction state mean. */
export interface TrackedTransaction {
  /** Position 1: `T` begun by a statement, `I` begun by itself (autocommit=0), `_` none. */
  readonly open: boolean;
  /** Position 4 `w` (a table that cannot roll back) or 5 `W`: a table was opened for writing. */
  readonly wrote: boolean;
  /** Position 8 `L`: LOCK TABLES. */
  readonly locksTables: boolean;
}

/** Layout of the data: string<lenenc> of eight characters. */
export function decodeTransactionState(data: Buffer): TrackedTransaction | Malformed {
  const reader = new ByteReader(data);
  const characters = reader.lengthEncodedBytes().toString('latin1');
  if (!reader.ok || characters.length !== 8) return malformed('a transaction state without eight characters');
  return {
    open: characters[0] !== '_',
    wrote: characters[3] === 'w' || characters[4] === 'W',
    locksTables: characters[7] === 'L',
  };
}

export function encodeTransactionState(characters: string): Buffer {
  return new ByteWriter(16).lengthEncodedBytes(Buffer.from(characters, 'latin1')).finish();
}

/** A system variable that changed: string<lenenc> name | string<lenenc> value. */
export function decodeSystemVariable(
  data: Buffer,
): { readonly name: string; readonly value: string } | Malformed {
  const reader = new ByteReader(data);
  const name = reader.lengthEncodedBytes().toString('latin1');
  const value = reader.lengthEncodedBytes().toString('utf8');
  return reader.ok ? { name, value } : malformed('a cut system variable');
}

export function encodeSystemVariable(name: string, value: string): Buffer {
  return new ByteWriter(32)
    .lengthEncodedBytes(Buffer.from(name, 'latin1'))
    .lengthEncodedBytes(Buffer.from(value, 'utf8'))
    .finish();
}
