/**
 * Feeds mutated conversations to the session machine. What must hold whatever arrives: no exception, memory within
 * its bound, nothing but a close after a close, every permission that was granted is given back exactly once, and none
 * is used that was not granted.
 */
import { type Random, seededRandom } from '../../../base/random.js';
import { commandCode, statusFlag } from '../../packets/capabilities.js';
import { encodeQuery, encodeStatementCommand } from '../../packets/commands.js';
import { encodeGreeting, encodeLogin } from '../../packets/greeting.js';
import {
  encodeEof,
  encodeError,
  encodeLocalInfile,
  encodeOk,
  encodePrepareOk,
  framed,
} from '../../packets/responses.js';
import { encodeSessionState, encodeTransactionState, trackType } from '../../packets/session-track.js';
import { SessionMachine } from '../machine.js';
import { defaultSessionOptions, type SessionEvent } from '../protocol.js';
import { serverCapabilities } from './stage.js';

const texts = [
  'SELECT * FROM t',
  'SELECT 1',
  'INSERT INTO t VALUES (1)',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'SET autocommit = 0',
  'SET autocommit = 1',
  'CREATE TABLE u (a INT)',
  'CALL p()',
  'SELECT 1; COMMIT; DELETE FROM t',
  "LOAD DATA LOCAL INFILE 'a' INTO TABLE t",
  'LOCK TABLES t WRITE',
  "SET @ringmaster_acknowledge = 'everywhere'",
  "SET @ringmaster_read = 'causal'",
  'SELECT ROW_COUNT(), CONNECTION_ID()',
  'KILL 7',
  "PREPARE s FROM 'DELETE FROM t'",
  'EXECUTE s',
  'SET SESSION TRANSACTION READ ONLY',
];
const states = ['________', 'T_______', 'T___W___', 'I_R_____', 'I___W___', 'T__w___L'];
const nothing = Buffer.alloc(0);

function clientPacket(random: Random): Buffer {
  const kind = random.integer(0, 13);
  if (kind <= 6) return encodeQuery(random.pick(texts));
  if (kind === 7)
    return Buffer.concat([Buffer.from([commandCode.statementPrepare]), Buffer.from(random.pick(texts))]);
  if (kind <= 9) {
    const code = random.pick([0x17, 0xfa, 0x1c, 0x1a, 0x19, 0x18]);
    return encodeStatementCommand(code, random.pick([5, 0xffff_ffff]), Buffer.alloc(random.integer(0, 9)));
  }
  if (kind === 10) return Buffer.from([random.pick([0x09, 0x0e, 0x1f, 0x01, 0x0d])]);
  if (kind === 11) return Buffer.from('\x11app\0\0shop\0', 'latin1');
  if (kind === 12) return Buffer.from([random.integer(0, 255), 0, 0, 0, 0]);
  return encodeQuery('x'.repeat(random.integer(900, 1500)));
}

/** One packet that a node might send, with or without what came before making sense. */
function nodePacket(random: Random, capabilities: number): Buffer {
  const status =
    (random.chance(0.5) ? statusFlag.autocommit : 0) |
    (random.chance(0.4) ? statusFlag.inTransaction : 0) |
    (random.chance(0.1) ? statusFlag.moreResults : 0);
  switch (random.integer(0, 8)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const data = encodeTransactionState(random.pick(states));
      const sessionState = random.chance(0.5)
        ? encodeSessionState([{ type: trackType.transactionState, data }])
        : nothing;
      const header = random.chance(0.2) ? 0xfe : 0;
      const ok = {
        header,
        affectedRows: random.integer(0, 300),
        lastInsertId: 0,
        status,
        warnings: 0,
        info: nothing,
        sessionState,
      };
      return encodeOk(ok, capabilities);
    }
    case 4:
      return encodeError({
        errorNumber: random.pick([1792, 1062, 1213, 1317]),
        sqlState: 'HY000',
        message: 'no',
      });
    case 5:
      return encodeEof({ warnings: 0, status });
    case 6:
      return encodePrepareOk({
        statementId: 5,
        columns: random.integer(0, 2),
        parameters: random.integer(0, 2),
        warnings: 0,
      });
    case 7:
      return random.chance(0.3) ? encodeLocalInfile('a') : Buffer.from([random.integer(1, 3)]);
    default:
      return Buffer.from('\x03def row or definition', 'latin1');
  }
}

function mutate(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  switch (random.integer(0, 5)) {
    case 0:
      if (copy.length > 0) copy[random.integer(0, copy.length - 1)] = random.integer(0, 255);
      return copy;
    case 1:
      return copy.subarray(0, random.integer(0, copy.length));
    case 2:
      return Buffer.concat([copy, Buffer.from([random.integer(0, 255)])]);
    case 3: {
      // A length that lies.
      if (copy.length >= 3) copy.writeUIntLE(random.integer(0, 0xff_ffff), 0, 3);
      return copy;
    }
    case 4:
      if (copy.length >= 4) copy[3] = random.integer(0, 255);
      return copy;
    default: {
      const at = random.integer(0, copy.length);
      return Buffer.concat([copy.subarray(0, at), copy.subarray(random.integer(at, copy.length))]);
    }
  }
}

/** What the machine owes the world. */
class Ledger {
  asked = 0;
  granted = 0;
  /** Commits whose safety was asked for and not told yet. */
  awaiting = 0;
  closed = false;
  needsNode = false;
  moved = 0;
  maxKept = 0;
  bytesOut = 0;
}

function play(machine: SessionMachine, event: SessionEvent, ledger: Ledger): void {
  const wasClosed = ledger.closed;
  for (const action of machine.step(event)) {
    if (wasClosed) throw new Error(`${action.kind} after the close`);
    if (action.kind === 'ask') ledger.asked++;
    if (action.kind === 'withdraw') ledger.asked--;
    if (action.kind === 'release') ledger.granted--;
    if (action.kind === 'awaitSafe') ledger.awaiting++;
    if (action.kind === 'needNode') ledger.needsNode = true;
    if (action.kind === 'close') ledger.closed = true;
    if (action.kind === 'toClient' || action.kind === 'toBackend') {
      for (const bytes of action.bytes) ledger.bytesOut += bytes.length;
    }
    if (ledger.asked < 0 || ledger.asked > 1) throw new Error(`${ledger.asked} permissions are asked for`);
    if (ledger.granted < 0) throw new Error('a permission was given back that was not granted');
  }
  ledger.maxKept = Math.max(ledger.maxKept, machine.keptBytes);
}

function worldEvent(random: Random, ledger: Ledger): SessionEvent {
  const error = { errorNumber: 1290, sqlState: 'HY000', message: 'no' };
  if (ledger.asked > 0 && random.chance(0.8))
    return random.chance(0.9) ? { kind: 'granted' } : { kind: 'denied', error };
  if (ledger.awaiting > 0 && random.chance(0.5)) {
    ledger.awaiting--;
    return random.chance(0.9) ? { kind: 'safe' } : { kind: 'outcomeUnknown' };
  }
  const kinds = ['rollBack', 'killed', 'safe', 'outcomeUnknown'] as const;
  const pick = random.integer(0, 9);
  if (pick < 7) return { kind: random.pick(kinds) };
  if (pick === 7) return { kind: 'killResolved', backendId: 9 };
  if (pick === 8) return { kind: 'killAnswered', error: random.chance(0.5) ? error : null };
  return random.chance(0.1)
    ? { kind: random.pick(['clientClosed', 'backendClosed'] as const) }
    : { kind: 'safe' };
}

/** A stream of `steps` events for one machine. @throws Error when something that must hold does not */
export function fuzzOnce(
  seed: number,
  steps: number,
): { readonly closed: boolean; readonly moved: number; readonly bytesOut: number } {
  const random = seededRandom(seed);
  const options = {
    ...defaultSessionOptions,
    commandBytesMax: 1000,
    connectionId: random.chance(0.5) ? 1000 : null,
    movable: random.chance(0.5),
  };
  const machine = new SessionMachine(options);
  const ledger = new Ledger();
  const mutations = random.pick([0, 0.02, 0.1, 0.5]);
  const greeting = encodeGreeting({
    serverVersion: '5.5.5-10.11.19-MariaDB',
    connectionId: 7,
    scramble: Buffer.alloc(20, 'x'),
    capabilities: serverCapabilities,
    extendedCapabilities: 0x1c,
    collation: 45,
    status: 2,
    authPlugin: 'mysql_native_password',
  });
  const capabilities = random.chance(0.5) ? serverCapabilities : serverCapabilities & ~0x180_0000;
  const login = encodeLogin({
    capabilities,
    maxPacketBytes: 1 << 24,
    collation: 45,
    extendedCapabilities: random.chance(0.5) ? 0x1c : 0,
    user: 'app',
    // Without a password the machine can log in again by itself.
    authResponse: random.chance(0.5) ? nothing : Buffer.alloc(20, 'y'),
    database: 'shop',
    authPlugin: 'mysql_native_password',
    attributes: nothing,
  });
  const send = (side: 'clientBytes' | 'backendBytes', whole: Buffer) => {
    const bytes = random.chance(mutations) ? mutate(whole, random) : whole;
    const cut = random.integer(0, bytes.length);
    play(machine, { kind: side, bytes: bytes.subarray(0, cut) }, ledger);
    if (cut < bytes.length) play(machine, { kind: side, bytes: bytes.subarray(cut) }, ledger);
  };
  send('backendBytes', framed(greeting, 0));
  send('clientBytes', framed(login, 1));
  const accepted = {
    header: 0,
    affectedRows: 0,
    lastInsertId: 0,
    status: 2,
    warnings: 0,
    info: nothing,
    sessionState: nothing,
  };
  send('backendBytes', framed(encodeOk(accepted, capabilities), 2));
  /** Another node: it greets, accepts, and answers what is restored; or something goes wrong on the way. */
  const moveElsewhere = () => {
    ledger.needsNode = false;
    play(machine, { kind: 'moveTo', passwordHashes: [] }, ledger);
    if (ledger.closed) return;
    send('backendBytes', framed(greeting, 0));
    const ok = { ...accepted, status: random.chance(0.5) ? 2 : 0 };
    for (let answered = 0; answered < 9 && !ledger.closed && !machine.idle; answered++) {
      const payload = random.chance(0.95) ? encodeOk(ok, capabilities) : nodePacket(random, capabilities);
      send('backendBytes', framed(payload, answered === 0 ? 2 : 1));
    }
    if (machine.idle) ledger.moved++;
  };
  let sequence = 1;
  for (let step = 0; step < steps && !ledger.closed; step++) {
    const what = random.next();
    if (what < 0.3)
      send('clientBytes', framed(clientPacket(random), random.chance(0.97) ? 0 : random.integer(0, 5)));
    else if (what < 0.85) {
      // Mostly the number that the node would use.
      const payload = nodePacket(random, serverCapabilities);
      if (random.chance(0.6)) sequence = 1;
      send('backendBytes', framed(payload, sequence));
      sequence = (sequence + 1) & 0xff;
    } else {
      const event = worldEvent(random, ledger);
      if (event.kind === 'granted') {
        ledger.asked--;
        ledger.granted++;
        // Permissions for reads are not given back.
        if (machine.asksForRead) ledger.granted--;
      }
      if (event.kind === 'denied') ledger.asked--;
      play(machine, event, ledger);
      if (ledger.needsNode || (machine.idle && random.chance(0.7))) moveElsewhere();
    }
  }
  if (!ledger.closed) play(machine, { kind: 'backendClosed' }, ledger);
  if (ledger.granted !== 0) throw new Error(`${ledger.granted} permissions were not given back`);
  if (ledger.asked !== 0) throw new Error(`${ledger.asked} permissions are still asked for after the close`);
  if (ledger.maxKept > 5 * 0x10_0000 + 2000) throw new Error(`${ledger.maxKept} bytes kept`);
  return { closed: ledger.closed, moved: ledger.moved, bytesOut: ledger.bytesOut };
}
