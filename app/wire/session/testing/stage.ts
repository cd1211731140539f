/**
 * A stage for the session machine: the client and the node say packets, and what the machine does is written down as
 * lines of text, so that a test reads as a story.
 */
import { physicalBytesMax } from '../../framer.js';
import { capability, isMalformed, statusFlag } from '../../packets/capabilities.js';
import { decodeCommand, encodeQuery } from '../../packets/commands.js';
import { encodeGreeting, encodeLogin } from '../../packets/greeting.js';
import {
  decodeError,
  decodeOk,
  encodeEof,
  encodeError,
  encodeOk,
  encodePrepareOk,
  framed,
} from '../../packets/responses.js';
import {
  encodeSessionState,
  encodeSystemVariable,
  encodeTransactionState,
  type TrackEntry,
  trackType,
} from '../../packets/session-track.js';
import { SessionMachine } from '../machine.js';
import {
  defaultSessionOptions,
  type SessionAction,
  type SessionEvent,
  type SessionOptions,
} from '../protocol.js';

export const serverCapabilities =
  capability.foundRows |
  capability.connectWithDb |
  capability.compress |
  capability.localFiles |
  capability.protocol41 |
  capability.transactions |
  capability.secureConnection |
  capability.multiStatements |
  capability.multiResults |
  capability.psMultiResults |
  capability.pluginAuth |
  capability.sessionTrack |
  capability.deprecateEof;

export interface StageOptions extends Partial<SessionOptions> {
  /** A client that knows neither DEPRECATE_EOF nor SESSION_TRACK. */
  readonly old?: boolean;
  readonly multiStatements?: boolean;
  readonly emptyPassword?: boolean;
}

const nothing = Buffer.alloc(0);

export class Stage {
  readonly machine: SessionMachine;
  /** What was done since the last `tell`. */
  private lines: string[] = [];
  private readonly old: boolean;
  /** Number of the node's next packet. */
  private sequence = 1;
  private status: number = statusFlag.autocommit;
  readonly clientCapabilities: number;
  private readonly authResponse: Buffer;

  constructor(options: StageOptions = {}) {
    const { old = false, multiStatements = false, emptyPassword = false, ...session } = options;
    this.authResponse = emptyPassword ? nothing : Buffer.alloc(20, 'y');
    this.old = old;
    this.machine = new SessionMachine({ ...defaultSessionOptions, ...session });
    const without = (old ? capability.deprecateEof | capability.sessionTrack : 0) | capability.compress;
    const multi = multiStatements ? 0 : capability.multiStatements;
    this.clientCapabilities = (serverCapabilities & ~without & ~multi) >>> 0;
  }

  /** The capabilities between machine and node. */
  private get agreed(): number {
    return (this.clientCapabilities | capability.sessionTrack) >>> 0;
  }

  step(event: SessionEvent): this {
    for (const action of this.machine.step(event)) this.write(action);
    return this;
  }

  /** All lines since the last call. */
  tell(): string[] {
    const { lines } = this;
    this.lines = [];
    return lines;
  }

  /** A node greets. */
  greet(): this {
    return this.node(
      encodeGreeting({
        serverVersion: '5.5.5-10.11.19-MariaDB',
        connectionId: 7,
        scramble: Buffer.alloc(20, 'x'),
        capabilities: serverCapabilities,
        extendedCapabilities: 0,
        collation: 45,
        status: 2,
        authPlugin: 'mysql_native_password',
      }),
      0,
    );
  }

  logIn(): this {
    this.greet();
    const login = encodeLogin({
      capabilities: this.clientCapabilities,
      maxPacketBytes: 1 << 24,
      collation: 45,
      extendedCapabilities: 0,
      user: 'app',
      authResponse: this.authResponse,
      database: 'shop',
      authPlugin: 'mysql_native_password',
      attributes: nothing,
    });
    this.client(login, 1);
    this.sequence = 2;
    this.ok();
    // The machine's own setup.
    this.ok();
    this.tell();
    return this;
  }

  /** The client sends a packet. */
  client(payload: Buffer, sequence = 0): this {
    this.step({ kind: 'clientBytes', bytes: framed(payload, sequence) });
    return this;
  }

  query(sql: string): this {
    return this.client(encodeQuery(sql));
  }

  /** The node sends a packet. */
  node(payload: Buffer, sequence?: number): this {
    if (sequence !== undefined) this.sequence = sequence;
    this.step({ kind: 'backendBytes', bytes: framed(payload, this.sequence) });
    this.sequence++;
    return this;
  }

  /** The node answers OK. `transaction`: eight characters of the transaction's state, `open`: the flag. */
  ok({
    transaction,
    open,
    rows = 0,
    more = false,
    header = 0,
    autocommit,
    tracked = {},
  }: {
    transaction?: string;
    /** System variables that changed. */
    tracked?: Readonly<Record<string, string>>;
    open?: boolean;
    rows?: number;
    more?: boolean;
    header?: number;
    autocommit?: boolean;
  } = {}): this {
    if (open !== undefined) this.flag(statusFlag.inTransaction, open);
    if (autocommit !== undefined) this.flag(statusFlag.autocommit, autocommit);
    const entries: TrackEntry[] = Object.entries(tracked).map(([name, value]) => ({
      type: trackType.systemVariables,
      data: encodeSystemVariable(name, value),
    }));
    if (transaction)
      entries.push({ type: trackType.transactionState, data: encodeTransactionState(transaction) });
    const sessionState = encodeSessionState(entries);
    const status = this.status | (more ? statusFlag.moreResults : 0);
    const ok = {
      header,
      affectedRows: rows,
      lastInsertId: 0,
      status,
      warnings: 0,
      info: nothing,
      sessionState,
    };
    this.node(encodeOk(ok, this.agreed));
    if (!more) this.sequence = 1;
    return this;
  }

  private flag(bit: number, on: boolean): void {
    this.status = on ? this.status | bit : this.status & ~bit;
  }

  /** The node accepts the login. */
  accepted(): this {
    this.sequence = 2;
    return this.ok();
  }

  /** The node prepared a statement. */
  prepared(statementId: number, parameters: number): this {
    this.node(encodePrepareOk({ statementId, columns: 0, parameters, warnings: 0 }), 1);
    for (let index = 0; index < parameters; index++) this.node(Buffer.from('\x03def', 'latin1'));
    this.sequence = 1;
    return this;
  }

  error(errorNumber: number): this {
    this.node(encodeError({ errorNumber, sqlState: 'HY000', message: `error ${errorNumber}` }));
    this.sequence = 1;
    return this;
  }

  /** The node answers with a result set of one column. */
  rows(
    values: readonly string[],
    { transaction, more = false }: { transaction?: string; more?: boolean } = {},
  ): this {
    this.node(Buffer.from([1])).node(Buffer.from('\x03def-definition', 'latin1'));
    const eof = () =>
      this.node(encodeEof({ warnings: 0, status: this.status | (more ? statusFlag.moreResults : 0) }));
    if (this.old) eof();
    for (const value of values) this.node(Buffer.from(`\x02${value}`, 'latin1'));
    if (this.old) {
      eof();
      if (!more) this.sequence = 1;
      return this;
    }
    return this.ok({ header: 0xfe, more, ...(transaction !== undefined && { transaction }) });
  }

  private write(action: SessionAction): void {
    switch (action.kind) {
      case 'toClient':
      case 'toBackend': {
        const bytes = Buffer.concat(action.bytes);
        const side = action.kind === 'toClient' ? 'client' : 'node';
        for (const [payload, sequence] of packetsOf(bytes)) {
          this.lines.push(
            `${side} ${sequence}: ${side === 'client' ? this.answer(payload) : command(payload)}`,
          );
        }
        return;
      }
      case 'ask':
        this.lines.push(`ask for ${action.for}`);
        return;
      case 'release':
        this.lines.push(
          `release ${action.outcome}${action.outcome === 'done' && action.sequence ? ` ${action.sequence}` : ''}`,
        );
        return;
      case 'awaitSafe':
        this.lines.push(`await ${action.level}`);
        return;
      case 'close':
        this.lines.push(`close: ${action.reason}`);
        return;
      case 'note':
        this.lines.push(`note ${action.what}`);
        return;
      case 'resolveKill':
        this.lines.push(`resolve ${action.target} ${action.connectionId}`);
        return;
      default:
        this.lines.push(action.kind);
    }
  }

  private answer(payload: Buffer): string {
    const [first] = payload;
    if (first === 0xff) {
      const error = decodeError(payload);
      return isMalformed(error) ? error.malformed : `error ${error.errorNumber}`;
    }
    if (first === 0 || (first === 0xfe && payload.length >= 7)) {
      const ok = decodeOk(payload, this.clientCapabilities);
      if (isMalformed(ok)) return 'prepared';
      const open = ok.status & statusFlag.inTransaction ? ' in transaction' : '';
      const tracked = ok.sessionState.length > 0 ? ` tracked ${ok.sessionState.length}` : '';
      return `ok ${ok.affectedRows}${open}${tracked}`;
    }
    if (first === 0xfe)
      return payload[3] === undefined ? 'switch' : `eof${payload[3] & 1 ? ' in transaction' : ''}`;
    return `bytes ${payload
      .toString('latin1')
      .replace(/[^ -~]/g, '.')
      .slice(0, 40)}`;
  }
}

function* packetsOf(bytes: Buffer): Generator<readonly [Buffer, number]> {
  let at = 0;
  while (at + 4 <= bytes.length) {
    const length = bytes.readUIntLE(at, 3);
    yield [bytes.subarray(at + 4, at + 4 + Math.min(length, physicalBytesMax)), bytes[at + 3] as number];
    at += 4 + length;
  }
}

function command(payload: Buffer): string {
  if (payload.length === 0) return 'empty';
  const decoded = decodeCommand(payload);
  if (isMalformed(decoded)) return decoded.malformed;
  if (decoded.kind === 'query') return decoded.sql.toString('latin1').slice(0, 200);
  if (decoded.kind === 'prepare') return `prepare ${decoded.sql.toString('latin1')}`;
  return 'statementId' in decoded ? `${decoded.kind} ${decoded.statementId}` : decoded.kind;
}
