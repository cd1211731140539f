/** Talks to a real server byte by byte and keeps what each side said: the packets that decoders are tested with. */
import { createHash } from 'node:crypto';
import { headerBytes } from '../../framer.js';
import { RawClient } from '../../testing/real-server.js';
import { decodeAuthSwitch, nativeAnswer } from '../auth.js';
import { capability, isMalformed } from '../capabilities.js';
import { encodeQuery, encodeStatementCommand } from '../commands.js';
import { decodeGreeting, encodeLogin, type Greeting } from '../greeting.js';
import { decodePrepareOk, framed } from '../responses.js';

export interface Captured {
  readonly name: string;
  readonly from: 'server' | 'client';
  readonly capabilities: number;
  /** Whole packets, headers included, hexadecimal. */
  readonly hex: string;
}

/** Payloads of the whole packets in `bytes`; undefined while the last one is cut. */
export function payloadsOf(bytes: Buffer): Buffer[] | undefined {
  const payloads: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < headerBytes) return undefined;
    const length = bytes.readUIntLE(at, 3);
    if (bytes.length - at < headerBytes + length) return undefined;
    payloads.push(bytes.subarray(at + headerBytes, at + headerBytes + length));
    at += headerBytes + length;
  }
  return payloads;
}

export const baseCapabilities =
  capability.foundRows |
  capability.localFiles |
  capability.protocol41 |
  capability.transactions |
  capability.secureConnection |
  capability.multiStatements |
  capability.multiResults |
  capability.psMultiResults |
  capability.pluginAuth |
  capability.connectWithDb;

/** Logs in as app/secret. @returns the connection and the greeting */
export async function logIn(
  port: number,
  capabilities: number,
  keep: (name: string, from: Captured['from'], bytes: Buffer) => void = () => undefined,
): Promise<{ client: RawClient; greeting: Greeting }> {
  const client = await RawClient.open(port);
  const first = await client.until((bytes) => (payloadsOf(bytes)?.length ?? 0) === 1);
  keep('greeting', 'server', first);
  const greeting = decodeGreeting(first.subarray(headerBytes));
  if (isMalformed(greeting)) throw new Error(greeting.malformed);
  const login = framed(
    encodeLogin({
      capabilities,
      maxPacketBytes: 0x100_0000,
      collation: 45,
      extendedCapabilities: 0,
      user: 'app',
      authResponse: nativeAnswer(createHash('sha1').update('secret').digest(), greeting.scramble),
      database: 'shop',
      authPlugin: 'mysql_native_password',
      attributes: Buffer.alloc(0),
    }),
    1,
  );
  keep('login', 'client', login);
  client.send(login);
  const answer = await client.until((bytes) => (payloadsOf(bytes)?.length ?? 0) === 1);
  keep('login answered', 'server', answer);
  if (answer[headerBytes] !== 0) throw new Error(`login refused: ${answer.toString('latin1')}`);
  return { client, greeting };
}

/** Sends one command and waits for `packets` packets. */
export async function ask(client: RawClient, payload: Buffer, packets: number): Promise<Buffer> {
  client.send(framed(payload, 0));
  return client.until((bytes) => (payloadsOf(bytes)?.length ?? 0) >= packets);
}

/** One conversation for each way in which result sets can end. */
export async function captureConversations(port: number): Promise<Captured[]> {
  const captured: Captured[] = [];
  for (const deprecateEof of [false, true]) {
    const capabilities =
      baseCapabilities | (deprecateEof ? capability.deprecateEof | capability.sessionTrack : 0);
    const label = deprecateEof ? 'new' : 'old';
    const keep = (name: string, from: Captured['from'], bytes: Buffer) =>
      captured.push({ name: `${label} ${name}`, from, capabilities, hex: bytes.toString('hex') });
    const { client } = await logIn(port, capabilities, keep);
    const query = async (name: string, sql: string, packets: number) => {
      keep(`${name} command`, 'client', framed(encodeQuery(sql), 0));
      keep(name, 'server', await ask(client, encodeQuery(sql), packets));
    };
    await query('ok', 'SET @a = 1', 1);
    await query('track', "SET SESSION session_track_transaction_info = 'STATE'", 1);
    await query('create', 'CREATE OR REPLACE TABLE captured (id INT PRIMARY KEY, name TEXT)', 1);
    await query('begin', 'START TRANSACTION', 1);
    await query('insert', "INSERT INTO captured VALUES (1, 'one'), (2, NULL)", 1);
    await query('commit', 'COMMIT', 1);
    await query('rows', 'SELECT * FROM captured', deprecateEof ? 6 : 7);
    await query('error', 'SELECT * FROM never_there', 1);
    await query('two results', 'SELECT 1; SET @a = 2', deprecateEof ? 5 : 6);
    await query('local infile', "LOAD DATA LOCAL INFILE 'some.csv' INTO TABLE captured", 1);
    client.send(framed(Buffer.alloc(0), 2));
    keep('local infile loaded', 'server', await client.until((bytes) => payloadsOf(bytes)?.length === 1));
    const prepare = Buffer.concat([Buffer.from([0x16]), Buffer.from('SELECT ? AS one, id FROM captured')]);
    const prepared = await ask(client, prepare, deprecateEof ? 4 : 6);
    keep('prepare', 'server', prepared);
    const answer = decodePrepareOk(payloadsOf(prepared)?.[0] ?? Buffer.alloc(0));
    if (isMalformed(answer)) throw new Error(answer.malformed);
    client.send(framed(encodeStatementCommand(0x19, answer.statementId), 0));
    keep('statistics', 'server', await ask(client, Buffer.from([0x09]), 1));
    keep('ping', 'server', await ask(client, Buffer.from([0x0e]), 1));
    keep('option', 'server', await ask(client, Buffer.from([0x1b, 1, 0]), 1));
    // COM_CHANGE_USER with an empty answer and another plugin: the server asks to switch.
    const change = Buffer.from('\x11app\0\0shop\0\x2d\0client_ed25519\0', 'latin1');
    const switched = await ask(client, change, 1);
    keep('switch', 'server', switched);
    const request = decodeAuthSwitch(switched.subarray(headerBytes));
    if (isMalformed(request)) throw new Error(request.malformed);
    client.end();
  }
  return captured;
}
