/** Authentication after the login packet: the server may ask for another plugin, or for more. */
import { createHash, timingSafeEqual } from 'node:crypto';
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

export const nativePlugin = 'mysql_native_password';

const sha1 = (...parts: readonly Buffer[]): Buffer => {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const xor = (left: Buffer, right: Buffer): Buffer =>
  Buffer.from(left.map((byte, index) => byte ^ (right[index] as number)));

/** A challenge of mysql_native_password and what a client answered to it. */
export interface NativeProof {
  /** 20 bytes. */
  readonly scramble: Buffer;
  /** SHA1(password) XOR SHA1(scramble + SHA1(SHA1(password))): 20 bytes, or none for an empty password. */
  readonly answer: Buffer;
}

/**
 * SHA1(password), which suffices to log in again, from a proof and the hash that the server keeps for the account. It
 * is worth as much as the password itself to this plugin: keep it in memory only, and only as long as it is needed.
 * @param stored SHA1(SHA1(password)): 20 bytes
 * @returns null when the proof does not belong to that hash
 */
export function nativeSecret({ scramble, answer }: NativeProof, stored: Buffer): Buffer | null {
  if (answer.length !== 20 || stored.length !== 20) return null;
  const secret = xor(answer, sha1(scramble, stored));
  return timingSafeEqual(sha1(secret), stored) ? secret : null;
}

/** What mysql_native_password answers to a challenge. @param secret SHA1(password); null for an empty password */
export function nativeAnswer(secret: Buffer | null, scramble: Buffer): Buffer {
  if (secret === null) return Buffer.alloc(0);
  return xor(secret, sha1(scramble, sha1(secret)));
}
