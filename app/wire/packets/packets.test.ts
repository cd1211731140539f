/** Encoders beside decoders: round trips, captured bytes of a MariaDB 10.11 server, and every packet cut at every byte. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '../../base/bytes.js';
import { authAnswer, decodeAuthSwitch, encodeAuthSwitch } from './auth.js';
import { capability, isMalformed, type Malformed, statusFlag, withoutBits } from './capabilities.js';
import { decodeCommand, encodeQuery, encodeStatementCommand } from './commands.js';
import {
  decodeGreeting,
  decodeLogin,
  encodeGreeting,
  encodeLogin,
  encodeSslRequest,
  isSslRequest,
  patchLogin,
} from './greeting.js';
import * as response from './responses.js';
import * as track from './session-track.js';
import { type Captured, payloadsOf } from './testing/capture.js';

const captured = JSON.parse(
  readFileSync(join(import.meta.dirname, 'testing/captured.json'), 'utf8'),
) as Captured[];

const packet = (name: string, index = 0): { payload: Buffer; capabilities: number } => {
  const found = captured.find((one) => one.name === name);
  const payload = payloadsOf(Buffer.from(found?.hex ?? '', 'hex'))?.at(index);
  if (!found || !payload) throw new Error(`${name} was not captured`);
  return { payload, capabilities: found.capabilities };
};

const sound = <T extends object>(value: T | Malformed): T => {
  if (isMalformed(value)) throw new Error(value.malformed);
  return value as T;
};

/** A decoder and its encoder over captured bytes. */
interface Pair {
  readonly what: string;
  readonly payload: Buffer;
  readonly decode: (payload: Buffer) => object;
  readonly encode: (value: never) => Buffer;
  /** Cuts here give a shorter packet that is whole as well: a text that goes on to the end. */
  readonly openEndFrom?: number;
}

const pair = <T extends object>(
  what: string,
  { payload }: { payload: Buffer },
  decode: (payload: Buffer) => T | Malformed,
  encode: (value: T) => Buffer,
  openEndFrom?: number,
): Pair => ({
  what,
  payload,
  decode,
  encode: encode as never,
  ...(openEndFrom !== undefined && { openEndFrom }),
});

const pairs: Pair[] = ['old', 'new'].flatMap((label) => {
  const { capabilities } = packet(`${label} ok`);
  const ok = (name: string, index?: number) =>
    pair(
      `${label} ${name}`,
      packet(`${label} ${name}`, index),
      (payload) => response.decodeOk(payload, capabilities),
      (value: response.Ok) => response.encodeOk(value, capabilities),
    );
  return [
    pair(`${label} greeting`, packet(`${label} greeting`), decodeGreeting, encodeGreeting),
    pair(`${label} login`, packet(`${label} login`), decodeLogin, encodeLogin),
    pair(`${label} switch`, packet(`${label} switch`), decodeAuthSwitch, encodeAuthSwitch, 23),
    pair(`${label} error`, packet(`${label} error`), response.decodeError, response.encodeError, 3),
    pair(
      `${label} infile`,
      packet(`${label} local infile`),
      response.decodeLocalInfile,
      ({ fileName }) => response.encodeLocalInfile(fileName),
      1,
    ),
    pair(`${label} prepare`, packet(`${label} prepare`), response.decodePrepareOk, response.encodePrepareOk),
    pair(
      `${label} head`,
      packet(`${label} rows`),
      (payload) => response.decodeResultSetHead(payload, false),
      (head) => response.encodeResultSetHead(head, false),
    ),
    ...['login answered', 'ok', 'track', 'begin', 'insert', 'commit', 'local infile loaded', 'ping'].map(
      (name) => ok(name),
    ),
  ];
});
pairs.push(
  pair('an end of rows', packet('old rows', -1), response.decodeEof, response.encodeEof),
  pair(
    'an OK that ends rows',
    packet('new rows', -1),
    (payload) => response.decodeOk(payload, packet('new rows').capabilities),
    (value) => response.encodeOk(value, packet('new rows').capabilities),
  ),
);

describe.each(pairs.map((one) => [one.what, one] as const))(
  '%s',
  (_, { payload, decode, encode, openEndFrom }) => {
    it('comes out of decode and encode as the server or the client sent it', () => {
      expect(encode(sound(decode(payload)) as never)).toEqual(payload);
    });

    it('is malformed, and no more than that, wherever it is cut', () => {
      for (let length = 0; length < payload.length; length++) {
        const value = decode(payload.subarray(0, length));
        // Optional fields at the end may be missing: then what is there must come out again.
        if (isMalformed(value)) continue;
        if (openEndFrom !== undefined && length >= openEndFrom) continue;
        expect(encode(value as never).subarray(0, length), `cut to ${length}`).toEqual(
          payload.subarray(0, length),
        );
      }
    });
  },
);

describe('what the captured packets say', () => {
  it('reads the greeting with the extended capabilities of MariaDB', () => {
    const greeting = sound(decodeGreeting(packet('new greeting').payload));
    expect(greeting.serverVersion).toMatch(/^5\.5\.5-10\.11\.\d+-MariaDB/);
    expect(greeting.scramble).toHaveLength(20);
    expect(greeting.authPlugin).toBe('mysql_native_password');
    expect(greeting.capabilities & capability.clientMysql).toBe(0);
    expect(greeting.capabilities & capability.deprecateEof).not.toBe(0);
    expect(greeting.extendedCapabilities & 0x4).toBe(0x4);
  });

  it('reads what a transaction did', () => {
    const { payload, capabilities } = packet('new insert');
    const ok = sound(response.decodeOk(payload, capabilities));
    expect(ok).toMatchObject({ affectedRows: 2, lastInsertId: 0, warnings: 0 });
    expect(ok.info.toString()).toBe('Records: 2  Duplicates: 0  Warnings: 0');
    expect(ok.status & statusFlag.inTransaction).toBe(1);
    const [entry] = sound(track.decodeSessionState(ok.sessionState));
    expect(entry?.type).toBe(track.trackType.transactionState);
    expect(track.decodeTransactionState(entry?.data ?? Buffer.alloc(0))).toEqual({
      open: true,
      wrote: true,
      locksTables: false,
    });
  });

  it('reads an error', () => {
    expect(response.decodeError(packet('old error').payload)).toEqual({
      errorNumber: 1146,
      sqlState: '42S02',
      message: "Table 'shop.never_there' doesn't exist",
    });
  });

  it('turns an OK with session tracking into one for a client that knows none', () => {
    const { payload, capabilities } = packet('new insert');
    const old = withoutBits(capabilities, capability.sessionTrack | capability.deprecateEof);
    const plain = response.encodeOk(sound(response.decodeOk(payload, capabilities)), old);
    expect(plain).toEqual(packet('old insert').payload);
  });

  it('tells the end of rows from rows', () => {
    const old = packet('old ok').capabilities;
    const recent = packet('new ok').capabilities;
    expect(response.endsResultSet(5, 0xfe, old)).toBe(true);
    expect(response.endsResultSet(9, 0xfe, old)).toBe(false);
    expect(response.endsResultSet(9, 0xfe, recent)).toBe(true);
    expect(response.endsResultSet(0xff_ffff, 0xfe, recent)).toBe(false);
    expect(response.endsResultSet(5, 0x00, recent)).toBe(false);
  });

  it('tells the packets of an authentication apart', () => {
    expect([0x00, 0xff, 0xfe, 0x01, 0x42].map(authAnswer)).toEqual([
      'accepted',
      'refused',
      'switch',
      'more',
      undefined,
    ]);
    expect(decodeAuthSwitch(Buffer.from([0xfe]))).toMatchObject({ plugin: 'mysql_old_password' });
  });
});

describe('logins', () => {
  const login = sound(decodeLogin(packet('new login').payload));

  it('come in all layouts that capabilities ask for', () => {
    const capabilities =
      login.capabilities | capability.pluginAuthLengthEncoded | capability.connectAttributes;
    const all = { ...login, capabilities, attributes: Buffer.from([3, 1, 0x61, 0]), extendedCapabilities: 4 };
    expect(decodeLogin(encodeLogin(all))).toEqual(all);
    const bare = {
      ...login,
      capabilities: withoutBits(
        login.capabilities,
        capability.pluginAuth | capability.connectWithDb | capability.secureConnection,
      ),
      database: null,
      authPlugin: null,
    };
    expect(decodeLogin(encodeLogin(bare))).toMatchObject({ user: 'app', database: null, authPlugin: null });
    expect(decodeLogin(Buffer.from([0x05, 0, 0, 0, 1, 2, 3]))).toHaveProperty('malformed');
  });

  it('change their capability bits and nothing else', () => {
    const { payload } = packet('new login');
    const patched = patchLogin(payload, capability.queryAttributes, capability.multiStatements, 1);
    expect(patched.subarray(4, 28)).toEqual(payload.subarray(4, 28));
    expect(patched.subarray(32)).toEqual(payload.subarray(32));
    const bits = sound(decodeLogin(patched)).capabilities;
    expect(bits).toBe(
      withoutBits(login.capabilities, capability.multiStatements) | capability.queryAttributes,
    );
  });

  it('may be announced by a request for TLS', () => {
    const request = encodeSslRequest({ ...login, capabilities: login.capabilities | capability.ssl });
    expect(isSslRequest(request)).toBe(true);
    expect(isSslRequest(packet('new login').payload)).toBe(false);
  });
});

describe('commands', () => {
  it('are told apart', () => {
    expect(decodeCommand(encodeQuery('SELECT 1'))).toEqual({ kind: 'query', sql: Buffer.from('SELECT 1') });
    expect(decodeCommand(Buffer.from('\x16SELECT ?', 'latin1'))).toMatchObject({ kind: 'prepare' });
    for (const [code, kind] of [
      [0x17, 'execute'],
      [0xfa, 'bulkExecute'],
      [0x1c, 'fetch'],
      [0x1a, 'resetStatement'],
      [0x19, 'closeStatement'],
      [0x18, 'longData'],
    ] as const) {
      expect(decodeCommand(encodeStatementCommand(code, 7, Buffer.from('rest')))).toEqual({
        kind,
        statementId: 7,
      });
      expect(decodeCommand(Buffer.from([code, 1, 2]))).toHaveProperty('malformed');
    }
    expect(decodeCommand(Buffer.from([0x0c, 5, 0, 0, 0]))).toEqual({ kind: 'kill', connectionId: 5 });
    expect(decodeCommand(Buffer.from([0x1b, 0, 0]))).toEqual({ kind: 'setOption', multiStatements: true });
    expect(decodeCommand(Buffer.from([0x02, 0x61]))).toEqual({ kind: 'useSchema', schema: 'a' });
    expect(decodeCommand(Buffer.from([0x12]))).toEqual({ kind: 'forbidden', name: 'COM_BINLOG_DUMP' });
    expect(decodeCommand(Buffer.from([0x7f]))).toEqual({ kind: 'forbidden', name: 'command 127' });
    expect(decodeCommand(Buffer.alloc(0))).toHaveProperty('malformed');
  });
});

describe('length-encoded integers', () => {
  it('round-trip at every change of form', () => {
    const values = [
      0,
      250,
      251,
      252,
      65_535,
      65_536,
      0xff_ffff,
      0x100_0000,
      Number.MAX_SAFE_INTEGER,
      2n ** 64n - 1n,
    ];
    for (const value of values) {
      const reader = new ByteReader(new ByteWriter().lengthEncoded(value).finish());
      expect(reader.lengthEncoded()).toBe(value);
      expect(reader).toMatchObject({ ok: true, left: 0 });
    }
  });

  it('are refused where NULL or an error would stand', () => {
    for (const first of [0xfb, 0xff]) {
      const reader = new ByteReader(Buffer.from([first, 1, 2, 3, 4, 5, 6, 7, 8]));
      reader.lengthEncoded();
      expect(reader.ok).toBe(false);
    }
    const reader = new ByteReader(Buffer.from([0xfe, 255, 255, 255, 255, 255, 255, 255, 255]));
    expect(reader.lengthEncodedBytes()).toHaveLength(0);
    expect(reader.ok).toBe(false);
  });
});

describe('session tracking', () => {
  it('round-trips', () => {
    const entries = [
      { type: track.trackType.schema, data: Buffer.from('\x04shop', 'latin1') },
      { type: track.trackType.transactionState, data: track.encodeTransactionState('T_R_W___') },
    ];
    expect(track.decodeSessionState(track.encodeSessionState(entries))).toEqual(entries);
    const variable = new ByteWriter()
      .lengthEncodedBytes(Buffer.from('sql_mode'))
      .lengthEncodedBytes(Buffer.from('ANSI'))
      .finish();
    expect(track.decodeSystemVariable(variable)).toEqual({ name: 'sql_mode', value: 'ANSI' });
    expect(track.decodeTransactionState(track.encodeTransactionState('I__w___L'))).toEqual({
      open: true,
      wrote: true,
      locksTables: true,
    });
    expect(track.decodeTransactionState(track.encodeTransactionState('short'))).toHaveProperty('malformed');
    expect(track.decodeSessionState(Buffer.from([5, 9, 1]))).toHaveProperty('malformed');
  });
});
