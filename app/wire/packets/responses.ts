/**
 * What a server answers: OK, ERR, EOF, LOCAL INFILE, the head of a result set, and the answer to PREPARE.
 * Only these are ever decoded; column definitions and rows are relayed as bytes.
 */
import { ByteReader, ByteWriter, type WireInteger } from '../../base/bytes.js';
import { headerBytes, physicalBytesMax } from '../framer.js';
import { capability, type Malformed, malformed, statusFlag, withoutBits } from './capabilities.js';

/** Puts the 4 header bytes before a payload below 16 MB. */
export function framed(payload: Buffer, sequence: number): Buffer {
  const raw = Buffer.allocUnsafe(headerBytes + payload.length);
  raw.writeUIntLE(payload.length, 0, 3);
  raw[3] = sequence & 0xff;
  payload.copy(raw, headerBytes);
  return raw;
}

export interface Ok {
  /** 0x00, or 0xFE where an OK ends a result set (CLIENT_DEPRECATE_EOF). */
  readonly header: number;
  readonly affectedRows: WireInteger;
  readonly lastInsertId: WireInteger;
  readonly status: number;
  readonly warnings: number;
  /** A sentence for people: "Rows matched: 1  Changed: 1  Warnings: 0". */
  readonly info: Buffer;
  /** What changed in the session: entries as they came, see session-track.ts. Empty when nothing did. */
  readonly sessionState: Buffer;
}

/**
 * Layout (MariaDB "ok_packet"):
 *   int<1> 0x00 or 0xFE | int<lenenc> affected rows | int<lenenc> last insert id | int<2> status | int<2> warnings
 *   string<lenenc> info, when anything follows | string<lenenc> session state, with SESSION_TRACK and SESSION_STATE_CHANGED
 * The manual says string<EOF> for info without SESSION_TRACK; the server writes, and clients read, a length there too
 * (sql/protocol.cc net_send_ok).
 */
export function decodeOk(payload: Buffer, capabilities: number): Ok | Malformed {
  const reader = new ByteReader(payload);
  const header = reader.u8();
  if (header !== 0x00 && header !== 0xfe) return malformed('no OK packet');
  const affectedRows = reader.lengthEncoded();
  const lastInsertId = reader.lengthEncoded();
  const status = reader.u16();
  const warnings = reader.u16();
  const changed =
    (capabilities & capability.sessionTrack) !== 0 && (status & statusFlag.sessionStateChanged) !== 0;
  const nothing = payload.subarray(payload.length);
  const info = changed || reader.left > 0 ? reader.lengthEncodedBytes() : nothing;
  const sessionState = changed ? reader.lengthEncodedBytes() : nothing;
  if (!reader.ok || reader.left > 0) return malformed('a cut OK packet');
  return { header, affectedRows, lastInsertId, status, warnings, info, sessionState };
}

export function encodeOk(ok: Ok, capabilities: number): Buffer {
  const tracks = (capabilities & capability.sessionTrack) !== 0;
  const changed = tracks && ok.sessionState.length > 0;
  const status = changed
    ? ok.status | statusFlag.sessionStateChanged
    : withoutBits(ok.status, statusFlag.sessionStateChanged);
  const writer = new ByteWriter(16 + ok.info.length + ok.sessionState.length)
    .u8(ok.header)
    .lengthEncoded(ok.affectedRows)
    .lengthEncoded(ok.lastInsertId)
    .u16(status)
    .u16(ok.warnings);
  if (ok.info.length > 0 || changed) writer.lengthEncodedBytes(ok.info);
  if (changed) writer.lengthEncodedBytes(ok.sessionState);
  return writer.finish();
}

export interface ErrorPacket {
  readonly errorNumber: number;
  /** Five characters; HY000 where the packet had none. */
  readonly sqlState: string;
  readonly message: string;
}

/**
 * Layout (MariaDB "err_packet"): int<1> 0xFF | int<2> number | string<1> '#' | string<5> SQL state | string<EOF> message.
 * Before the login is over the state may be missing. Number 0xFFFF would be a progress report: that capability is masked.
 */
export function decodeError(payload: Buffer): ErrorPacket | Malformed {
  const reader = new ByteReader(payload);
  if (reader.u8() !== 0xff) return malformed('no ERR packet');
  const errorNumber = reader.u16();
  const stated = reader.left >= 6 && payload[reader.at] === 0x23;
  const sqlState = stated ? reader.take(6).subarray(1).toString('latin1') : 'HY000';
  const message = reader.rest().toString('utf8');
  return reader.ok ? { errorNumber, sqlState, message } : malformed('a cut ERR packet');
}

export function encodeError({ errorNumber, sqlState, message }: ErrorPacket): Buffer {
  return new ByteWriter(64).u8(0xff).u16(errorNumber).text('#').text(sqlState).text(message).finish();
}

export interface Eof {
  readonly warnings: number;
  readonly status: number;
}

/** Layout (MariaDB "eof_packet"): int<1> 0xFE | int<2> warnings | int<2> status. */
export function decodeEof(payload: Buffer): Eof | Malformed {
  const reader = new ByteReader(payload);
  if (reader.u8() !== 0xfe) return malformed('no EOF packet');
  const warnings = reader.u16();
  const status = reader.u16();
  return reader.ok ? { warnings, status } : malformed('a cut EOF packet');
}

export function encodeEof({ warnings, status }: Eof): Buffer {
  return new ByteWriter(16).u8(0xfe).u16(warnings).u16(status).finish();
}

/**
 * Does this packet end a result set (or its column definitions)? A row may begin with 0xFE too, but only when its
 * first column is longer than 16 MB (MariaDB "result-set-packets").
 * @param length payload bytes of its first physical packet
 */
export function endsResultSet(length: number, first: number, capabilities: number): boolean {
  if (first !== 0xfe) return false;
  return capabilities & capability.deprecateEof ? length < physicalBytesMax : length < 9;
}

/** Layout (MariaDB "packet_local_infile"): int<1> 0xFB | string<EOF> file name. */
export function decodeLocalInfile(payload: Buffer): { readonly fileName: string } | Malformed {
  if (payload[0] !== 0xfb) return malformed('no LOCAL INFILE request');
  return { fileName: payload.subarray(1).toString('utf8') };
}

export function encodeLocalInfile(fileName: string): Buffer {
  return new ByteWriter(64).u8(0xfb).text(fileName).finish();
}

export interface ResultSetHead {
  readonly columns: number;
  /** False when the client has the definitions already (CACHE_METADATA). */
  readonly definitionsFollow: boolean;
}

/** Layout (MariaDB "result-set-packets"): int<lenenc> columns | int<1> definitions follow, with CACHE_METADATA. */
export function decodeResultSetHead(payload: Buffer, cachesMetadata: boolean): ResultSetHead | Malformed {
  const reader = new ByteReader(payload);
  const columns = reader.lengthEncoded();
  const definitionsFollow = cachesMetadata ? reader.u8() !== 0 : true;
  if (!reader.ok || reader.left > 0 || typeof columns !== 'number' || columns > 0xffff) {
    return malformed('a result set without a number of columns');
  }
  return { columns, definitionsFollow };
}

export function encodeResultSetHead(head: ResultSetHead, cachesMetadata: boolean): Buffer {
  const writer = new ByteWriter(16).lengthEncoded(head.columns);
  if (cachesMetadata) writer.u8(head.definitionsFollow ? 1 : 0);
  return writer.finish();
}

export interface PrepareOk {
  readonly statementId: number;
  readonly columns: number;
  readonly parameters: number;
  readonly warnings: number;
}

/**
 * Layout (MariaDB "com_stmt_prepare"): int<1> 0x00 | int<4> statement id | int<2> columns | int<2> parameters
 *   | string<1> filler | int<2> warnings. Begins like an OK packet and is none: it has no status flags.
 */
export function decodePrepareOk(payload: Buffer): PrepareOk | Malformed {
  const reader = new ByteReader(payload);
  if (reader.u8() !== 0x00) return malformed('no answer to PREPARE');
  const statementId = reader.u32();
  const columns = reader.u16();
  const parameters = reader.u16();
  reader.take(1);
  const warnings = reader.u16();
  return reader.ok ? { statementId, columns, parameters, warnings } : malformed('a cut answer to PREPARE');
}

export function encodePrepareOk(answer: PrepareOk): Buffer {
  return new ByteWriter(16)
    .u8(0)
    .u32(answer.statementId)
    .u16(answer.columns)
    .u16(answer.parameters)
    .u8(0)
    .u16(answer.warnings)
    .finish();
}
