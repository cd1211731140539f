/** Authentication after the login packet: the server may ask for another plugin, or for more. */
import { ByteReader, ByteWriter } from '../../base/bytes.js';
import { type Malformed, malformed } from './capabilities.js';

/** "Prove it in another way": a plugin and its challenge. */
export interface AuthSwitch {
  readonly plugin: string;
  /** The challenge as the plugin wants it, usually with a zero byte at its end. */
  readonly data: Buffer;
}

/** Layout (MariaDB "connection", Authentication Switch Request): int<1> 0xFE | string<NUL> plugin | bytes to the end. */
export function decodeAuthSwitch(payload: Buffer): AuthSwitch | Malformed {
  const reader = new ByteReader(payload);
  if (reader.u8() !== 0xfe) return malformed('no authentication switch');
  // 0xFE alone asks for the password hash of before MySQL 4.1.
  if (reader.left === 0) return { plugin: 'mysql_old_password', data: Buffer.alloc(0) };
  const plugin = reader.untilNul().toString('latin1');
  const data = reader.rest();
  return reader.ok ? { plugin, data } : malformed('a cut authentication switch');
}

export function encodeAuthSwitch({ plugin, data }: AuthSwitch): Buffer {
  return new ByteWriter(64).u8(0xfe).nulEnded(Buffer.from(plugin, 'latin1')).raw(data).finish();
}

/** What a packet of the server means while a client is being authenticated. */
export type AuthAnswer = 'accepted' | 'refused' | 'switch' | 'more';

/** Tells packets of the authentication apart by their first byte; undefined when it is none of them. */
export function authAnswer(first: number): AuthAnswer | undefined {
  if (first === 0x00) return 'accepted';
  if (first === 0xff) return 'refused';
  if (first === 0xfe) return 'switch';
  if (first === 0x01) return 'more';
  return undefined;
}
