/**
 * What a session has on its node, as data: what another node must be given so that the client does not notice a move.
 * Learned from session tracking (the node names every system variable and schema that changes) and from the texts.
 * What cannot be rebuilt truthfully becomes a reason to stay. Not seen: what stored functions and triggers leave in
 * user variables.
 */
import { ByteReader } from '../../base/bytes.js';
import { commandCode, isMalformed } from '../packets/capabilities.js';
import { decodeSystemVariable, type TrackEntry, trackType } from '../packets/session-track.js';
import type { Assignment, Classified, Leftover, Statement } from '../sql/statement.js';

/** Bounds of what is remembered for one session; beyond them it stays where it is. */
const preparedBytesMax = 0x4_0000;
const namedMax = 1000;
const userVariablesMax = 500;

/** Variables that the machine itself looks after, and those that only tell. */
const notBelongings = /^(last_gtid|(tx|transaction)_read_only|session_track_.*)$/;
/** Values for one statement, or that go on by themselves: as they are read, they are not true any more. */
const fleeting =
  /^(timestamp|insert_id|last_insert_id|identity|rand_seed[12]|pseudo_.*|(collation|character_set)_database)$/;
const plainName = /^[a-z0-9_$.]+$/;
/** ASCII without quotes, backslashes and control characters. */
const plainValue = /^[ !#-&(-[\]-~]*$/;

const reasons = {
  'temporary-table': 'it may have temporary tables',
  'user-lock': 'it may hold a lock of GET_LOCK()',
  'user-variable': 'it has user variables whose values are not known',
  cursor: 'it has an open cursor or parameters that were sent ahead',
  user: 'it changed its user',
  role: 'it has a role, a handler or other state that is not followed',
  unknown: 'it ran a statement whose effects on the session are not known, such as CALL',
  value: 'it set a variable to a value that cannot be set again',
  mode: 'it changed sql_mode after statements had been prepared',
  bounds: 'it has more prepared statements or variables than are remembered',
  settling: 'its settings are known only after its next statement',
  next: 'it chose characteristics for its next transaction',
} as const satisfies Record<Leftover | string, string>;

export type ReasonToStay = keyof typeof reasons;

/** A prepared statement, under the id that the client knows. */
export interface Prepared {
  /** The text as the node got it. */
  readonly sql: Buffer;
  readonly parameters: number;
  /** The schema in which its names were looked up. */
  readonly schema: string | null;
  /** The parameters' types as the client bound them last: it sends them once only. */
  types: Buffer | null;
  /** Prepared again on another node that was not told the types yet. */
  untyped: boolean;
}

export class Belongings {
  readonly variables = new Map<string, string>();
  readonly userVariables = new Map<string, string>();
  readonly prepared = new Map<number, Prepared>();
  /** PREPARE name FROM 'text'. */
  readonly named = new Map<string, Buffer>();
  schema: string | null = null;
  private readonly lasting = new Set<ReasonToStay>();
  private readonly cursors = new Set<number>();
  private settling = false;
  private nextTransaction = false;
  private preparedBytes = 0;

  /** After COM_RESET_CONNECTION; the schema stays. */
  reset(): void {
    this.variables.clear();
    this.userVariables.clear();
    this.prepared.clear();
    this.named.clear();
    this.cursors.clear();
    const changedUser = this.lasting.has('user');
    this.lasting.clear();
    if (changedUser) this.lasting.add('user');
    this.settling = false;
    this.nextTransaction = false;
    this.preparedBytes = 0;
  }

  /** Why the session cannot live on another node, as an end of "The session cannot move because ..."; null when it can. */
  get reasonToStay(): string | null {
    const [first] = this.lasting;
    if (first) return reasons[first];
    if (this.cursors.size > 0) return reasons.cursor;
    if (this.settling) return reasons.settling;
    return this.nextTransaction ? reasons.next : null;
  }

  stay(reason: ReasonToStay): void {
    this.lasting.add(reason);
  }

  /** What an OK packet says about changes of the session. */
  sawTracking({ type, data }: TrackEntry): void {
    if (type === trackType.schema) {
      const reader = new ByteReader(data);
      const name = reader.lengthEncodedBytes().toString('utf8');
      this.schema = name === '' ? null : name;
      return;
    }
    if (type !== trackType.systemVariables) return;
    const variable = decodeSystemVariable(data);
    if (isMalformed(variable)) {
      this.stay('value');
      return;
    }
    const { name, value } = variable;
    if (notBelongings.test(name)) return;
    if (fleeting.test(name) || !plainName.test(name) || !plainValue.test(value)) {
      this.stay('value');
      return;
    }
    // SET NAMES brings the collation back to that of its character set, and the node does not tell.
    if (name === 'character_set_connection') this.variables.delete('collation_connection');
    const changes = this.variables.get(name) !== value;
    if (name === 'sql_mode' && changes && this.prepared.size + this.named.size > 0) this.stay('mode');
    if (changes) this.variables.set(name, value);
  }

  /** A text is about to run: what it may leave, whether it succeeds or not. */
  runs({ statements, mentions }: Classified): void {
    if (mentions.leaves) this.stay(mentions.leaves);
    this.settling = mentions.statementSettings;
    for (const statement of statements) {
      if (statement.class === 'unknown') this.stay('unknown');
      if (statement.class === 'session' && statement.act === 'other') this.stay('role');
      const forNext =
        statement.class === 'session' && statement.act === 'access' && statement.scope === 'next';
      if (forNext) this.nextTransaction = true;
      else if (statement.class !== 'session') this.nextTransaction = false;
    }
  }

  /** Statements succeeded. */
  apply(statement: Statement): void {
    if (statement.class !== 'session') return;
    if (statement.act === 'set') for (const assignment of statement.assignments) this.assign(assignment);
    else if (statement.act === 'deallocate') this.named.delete(statement.name);
    else if (statement.act === 'prepare') {
      this.named.delete(statement.name);
      if (statement.sql === null || !plainName.test(statement.name)) this.stay('unknown');
      else if (this.named.size >= namedMax) this.stay('bounds');
      else this.named.set(statement.name, statement.sql);
    }
  }

  private assign({ scope, name, literal, portable }: Assignment): void {
    if (scope === 'session' && fleeting.test(name)) this.stay('value');
    if (scope === 'session' && name === 'collation_connection') {
      if (literal === null || !plainName.test(literal.toLowerCase())) this.stay('value');
      else if (literal.toLowerCase() === 'default') this.stay('value');
      else this.variables.set(name, literal);
    }
    if (scope !== 'user') return;
    if (portable === null || !plainName.test(name)) this.stay('user-variable');
    else if (this.userVariables.size >= userVariablesMax) this.stay('bounds');
    else this.userVariables.set(name, portable);
  }

  /** A SET failed: which of its variables have their new value is not known. */
  failed(statements: readonly Statement[]): void {
    for (const statement of statements) {
      if (statement.class !== 'session' || statement.act !== 'set') continue;
      if (statement.assignments.some(({ scope }) => scope === 'user')) this.stay('user-variable');
    }
  }

  remember(clientId: number, sql: Buffer, parameters: number): void {
    this.preparedBytes += sql.length;
    if (this.preparedBytes > preparedBytesMax) this.stay('bounds');
    else
      this.prepared.set(clientId, {
        sql: Buffer.from(sql),
        parameters,
        schema: this.schema,
        types: null,
        untyped: false,
      });
  }

  forget(clientId: number): void {
    this.preparedBytes -= this.prepared.get(clientId)?.sql.length ?? 0;
    this.prepared.delete(clientId);
    this.cursors.delete(clientId);
  }

  /** Everything is prepared on a new node. */
  arrived(): void {
    for (const statement of this.prepared.values()) statement.untyped = true;
  }

  /** A cursor was opened, or parameters were sent ahead; or that is over. */
  holdsOpen(clientId: number, open: boolean): void {
    if (open) this.cursors.add(clientId);
    else this.cursors.delete(clientId);
  }

  /**
   * COM_STMT_EXECUTE says the types of its parameters once. What it says is kept; what it leaves out, and a new node
   * was never told, is put in.
   *   0x17 | int<4> id | int<1> flags | int<4> iterations | null bitmap | int<1> types follow | int<2> each | values
   * @param payload without the packet's header
   * @returns the payload to be sent, the same one where nothing has to be added
   */
  execute(clientId: number, payload: Buffer): Buffer {
    const statement = this.prepared.get(clientId);
    if (!statement || statement.parameters === 0 || payload[0] !== commandCode.statementExecute)
      return payload;
    const at = 10 + ((statement.parameters + 7) >> 3);
    const end = at + 1 + 2 * statement.parameters;
    if (payload[at] === 1) {
      const types = payload.subarray(at + 1, end);
      if (!statement.types?.equals(types)) statement.types = Buffer.from(types);
      statement.untyped = false;
      return payload;
    }
    if (!statement.untyped || !statement.types || payload.length < at + 1) return payload;
    statement.untyped = false;
    return Buffer.concat([
      payload.subarray(0, at),
      Buffer.from([1]),
      statement.types,
      payload.subarray(at + 1),
    ]);
  }
}
