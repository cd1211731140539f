/** The server's first packet, and the two forms of the client's answer. */
import { ByteReader, ByteWriter } from '../../base/bytes.js';
import { capability, type Malformed, malformed, withoutBits } from './capabilities.js';

/** Initial handshake packet, protocol version 10. */
export interface Greeting {
  readonly serverVersion: string;
  readonly connectionId: number;
  /** The challenge, without the zero byte that ends it: 20 bytes for mysql_native_password, 32 for ed25519. */
  readonly scramble: Buffer;
  readonly capabilities: number;
  /** MariaDB's own bits; 0 when the server says that it is MySQL. */
  readonly extendedCapabilities: number;
  readonly collation: number;
  readonly status: number;
  readonly authPlugin: string;
}

/**
 * Layout (MariaDB "connection", Initial Handshake Packet):
 *   int<1> 10 | string<NUL> server version | int<4> connection id | string<8> scramble, first part | int<1> 0
 *   int<2> capabilities, lower half | int<1> collation | int<2> status | int<2> capabilities, upper half
 *   int<1> length of the whole scramble, 0 without PLUGIN_AUTH | string<6> filler
 *   int<4> MariaDB's extended capabilities, filler when CLIENT_MYSQL is set
 *   string<max(12, length - 9)> scramble, second part | int<1> 0 | string<NUL> plugin name, with PLUGIN_AUTH
 */
export function decodeGreeting(payload: Buffer): Greeting | Malformed {
  const reader = new ByteReader(payload);
  const version = reader.u8();
  if (version !== 10) return malformed(`a greeting of protocol version ${version}`);
  const serverVersion = reader.untilNul().toString('latin1');
  const connectionId = reader.u32();
  const firstPart = reader.take(8);
  reader.take(1);
  const lower = reader.u16();
  const collation = reader.u8();
  const status = reader.u16();
  const capabilities = (lower | (reader.u16() << 16)) >>> 0;
  const scrambleLength = reader.u8();
  reader.take(6);
  const extended = reader.u32();
  const secondPart = reader.take(Math.max(12, scrambleLength - 9));
  reader.take(1);
  const plugged = (capabilities & capability.pluginAuth) !== 0;
  const authPlugin = plugged ? reader.untilNul().toString('latin1') : 'mysql_native_password';
  if (!reader.ok) return malformed('a cut greeting');
  return {
    serverVersion,
    connectionId,
    scramble: Buffer.concat([firstPart, secondPart]),
    capabilities,
    extendedCapabilities: (capabilities & capability.clientMysql) === 0 ? extended : 0,
    collation,
    status,
    authPlugin,
  };
}

export function encodeGreeting(greeting: Greeting): Buffer {
  const { capabilities, scramble } = greeting;
  const plugged = (capabilities & capability.pluginAuth) !== 0;
  const writer = new ByteWriter(128)
    .u8(10)
    .nulEnded(Buffer.from(greeting.serverVersion, 'latin1'))
    .u32(greeting.connectionId)
    .raw(scramble.subarray(0, 8))
    .u8(0)
    .u16(capabilities & 0xffff)
    .u8(greeting.collation)
    .u16(greeting.status)
    .u16(capabilities >>> 16)
    .u8(plugged ? scramble.length + 1 : 0)
    .zeros(6)
    .u32((capabilities & capability.clientMysql) === 0 ? greeting.extendedCapabilities : 0)
    .raw(scramble.subarray(8))
    .zeros(Math.max(0, 12 - (scramble.length - 8)) + 1);
  if (plugged) writer.nulEnded(Buffer.from(greeting.authPlugin, 'latin1'));
  return writer.finish();
}

/** The client's answer: its capabilities, and behind `fixedBytes` what only the server needs to understand. */
export interface Login {
  readonly capabilities: number;
  readonly maxPacketBytes: number;
  readonly collation: number;
  readonly extendedCapabilities: number;
  readonly user: string;
  /** The answer to the challenge; meaningful to the plugin only. */
  readonly authResponse: Buffer;
  readonly database: string | null;
  readonly authPlugin: string | null;
  /** Connection attributes as they came, with their length; empty without CONNECT_ATTRS. */
  readonly attributes: Buffer;
}

/** Bytes of the part that SSLRequest and HandshakeResponse41 have in common. */
const loginFixedBytes = 32;

/** Is this the 32-byte SSLRequest that comes before the login when the client wants TLS? */
export function isSslRequest(payload: Buffer): boolean {
  return payload.length === loginFixedBytes && (payload.readUInt32LE(0) & capability.ssl) !== 0;
}

/**
 * Layout (MariaDB "connection", SSLRequest):
 *   int<4> capabilities | int<4> max packet | int<1> collation | string<19> filler | int<4> extended capabilities
 */
export function encodeSslRequest(
  login: Pick<Login, 'capabilities' | 'maxPacketBytes' | 'collation' | 'extendedCapabilities'>,
): Buffer {
  return new ByteWriter(loginFixedBytes)
    .u32(login.capabilities)
    .u32(login.maxPacketBytes)
    .u8(login.collation)
    .zeros(19)
    .u32(login.extendedCapabilities)
    .finish();
}

/**
 * Layout (MariaDB "connection", Handshake Response Packet):
 *   the 32 bytes of SSLRequest | string<NUL> user
 *   auth response: string<lenenc> with PLUGIN_AUTH_LENENC, else int<1> length + bytes with SECURE_CONNECTION, else string<NUL>
 *   string<NUL> database with CONNECT_WITH_DB | string<NUL> plugin with PLUGIN_AUTH | attributes with CONNECT_ATTRS
 */
export function decodeLogin(payload: Buffer): Login | Malformed {
  const reader = new ByteReader(payload);
  const capabilities = reader.u32();
  if (!reader.ok || (capabilities & capability.protocol41) === 0) {
    return malformed('a login in the form of before MySQL 4.1');
  }
  const maxPacketBytes = reader.u32();
  const collation = reader.u8();
  reader.take(19);
  const extended = reader.u32();
  const user = reader.untilNul().toString('utf8');
  let authResponse: Buffer;
  if (capabilities & capability.pluginAuthLengthEncoded) authResponse = reader.lengthEncodedBytes();
  else if (capabilities & capability.secureConnection) authResponse = reader.take(reader.u8());
  else authResponse = reader.untilNul();
  // Clients that set the bit and send nothing exist: the server takes that for "none".
  const named = capabilities & capability.connectWithDb && reader.left > 0;
  const database = named ? reader.untilNul().toString('utf8') : null;
  const plugged = capabilities & capability.pluginAuth && reader.left > 0;
  const authPlugin = plugged ? reader.untilNul().toString('latin1') : null;
  const attributes = capabilities & capability.connectAttributes ? reader.rest() : Buffer.alloc(0);
  if (!reader.ok) return malformed('a cut login');
  return {
    capabilities,
    maxPacketBytes,
    collation,
    extendedCapabilities: (capabilities & capability.clientMysql) === 0 ? extended : 0,
    user,
    authResponse,
    database,
    authPlugin,
    attributes,
  };
}

export function encodeLogin(login: Login): Buffer {
  const { capabilities } = login;
  const writer = new ByteWriter(256).raw(encodeSslRequest(login)).nulEnded(Buffer.from(login.user, 'utf8'));
  if (capabilities & capability.pluginAuthLengthEncoded) writer.lengthEncodedBytes(login.authResponse);
  else if (capabilities & capability.secureConnection)
    writer.u8(login.authResponse.length).raw(login.authResponse);
  else writer.nulEnded(login.authResponse);
  if (capabilities & capability.connectWithDb && login.database !== null)
    writer.nulEnded(Buffer.from(login.database, 'utf8'));
  if (capabilities & capability.pluginAuth && login.authPlugin !== null)
    writer.nulEnded(Buffer.from(login.authPlugin, 'latin1'));
  return writer.raw(login.attributes).finish();
}

/**
 * The same login with other capability bits: only their eight bytes change, everything that concerns the
 * authentication stays as the client sent it. `clear` and `set` must not touch bits that change the layout.
 */
export function patchLogin(payload: Buffer, set: number, clear: number, clearExtended: number): Buffer {
  const copy = Buffer.from(payload);
  const capabilities = withoutBits(copy.readUInt32LE(0), clear);
  copy.writeUInt32LE((capabilities | set) >>> 0, 0);
  if ((capabilities & capability.clientMysql) === 0)
    copy.writeUInt32LE(withoutBits(copy.readUInt32LE(28), clearExtended), 28);
  return copy;
}
