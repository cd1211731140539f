/**
 * What the machine knows about the session on its node: the transaction, whether it wrote, the access mode, prepared
 * statements. Learned from status flags and session tracking, on the safe side where the node says nothing.
 */
import { capability, isMalformed, statusFlag } from '../packets/capabilities.js';
import type { Ok } from '../packets/responses.js';
import {
  decodeSessionState,
  decodeSystemVariable,
  decodeTransactionState,
  type TrackEntry,
  trackType,
} from '../packets/session-track.js';
import { classify } from '../sql/classify.js';
import type { LexerOptions } from '../sql/lexer.js';
import type { AccessMode, Classified, Statement } from '../sql/statement.js';
import { Belongings } from './belongings.js';
import type { SessionSettings } from './protocol.js';
import { Tracking } from './tracking.js';

/** Bounds of what is remembered for one session. */
const preparedMax = 20_000;
const namedMax = 1000;
const learnedMax = 256;

export class Knowledge {
  /** Status flags of the last packet that had some. */
  private status: number = statusFlag.autocommit;
  /** The open transaction wrote, or may have. */
  wrote = false;
  /** Result sets ended without saying what the transaction did (EOF packets carry no tracking). */
  unreported = false;
  /** The access mode of new transactions: as the client believes, and as it is set on the node. */
  clientAccess: AccessMode = 'read-write';
  backendAccess: AccessMode = 'read-write';
  /** SET TRANSACTION READ ...: for the next transaction only. */
  nextAccess: AccessMode | null = null;
  settings: SessionSettings;
  multiStatements = false;
  serverVersion = 100_000;
  /** What the last wrapped statement changed, until the next statement; null when the node itself knows. */
  rowCount: number | null = null;

  readonly belongings = new Belongings();
  readonly tracking = new Tracking();
  /** The GTID sequence number of the last commit, where the last answer told it. */
  lastSequence: number | null = null;
  /** An answer had no place for tracking: the next one may tell of the commit before. */
  private tellsLate = false;
  /** The session moved, and what LAST_INSERT_ID(), FOUND_ROWS() and ROW_COUNT() mean stayed behind on the old node. */
  private lostInsertId = false;
  private lostRows = false;
  private hasInsertId = false;

  private readonly prepared = new Map<number, Classified>();
  private readonly named = new Map<string, Classified>();
  private readonly longData = new Set<number>();
  /** Texts taken for reads that turned out to write. */
  private readonly learned = new Set<string>();
  lastPreparedId: number | null = null;

  constructor(private readonly initial: SessionSettings) {
    this.settings = initial;
  }

  get inTransaction(): boolean {
    return (this.status & statusFlag.inTransaction) !== 0;
  }
  /** How the open transaction was begun; null when none is open, or the node begins one by itself when it needs one. */
  get transactionMode(): 'READ ONLY' | 'READ WRITE' | null {
    if (!this.inTransaction || !this.autocommit) return null;
    return (this.status & statusFlag.inReadOnlyTransaction) !== 0 ? 'READ ONLY' : 'READ WRITE';
  }
  get autocommit(): boolean {
    return (this.status & statusFlag.autocommit) !== 0;
  }
  /** Flags for an OK of the machine's own. */
  get statusForClient(): number {
    return this.status & (statusFlag.inTransaction | statusFlag.autocommit | statusFlag.noBackslashEscapes);
  }
  /** The access mode that the next transaction has for the client. */
  get access(): AccessMode {
    return this.nextAccess ?? this.clientAccess;
  }
  get lexer(): LexerOptions {
    return {
      ansiQuotes: false,
      noBackslashEscapes: (this.status & statusFlag.noBackslashEscapes) !== 0,
      serverVersion: this.serverVersion,
    };
  }

  /** After login, COM_CHANGE_USER and COM_RESET_CONNECTION: everything is as the node's defaults have it. */
  reset(status: number): void {
    this.status = status;
    this.wrote = false;
    this.unreported = false;
    this.clientAccess = 'read-write';
    this.backendAccess = 'read-write';
    this.nextAccess = null;
    this.settings = this.initial;
    this.rowCount = null;
    this.prepared.clear();
    this.named.clear();
    this.longData.clear();
    this.lastPreparedId = null;
    this.belongings.reset();
    this.tracking.reset();
    this.lostInsertId = false;
    this.lostRows = false;
    this.hasInsertId = false;
  }

  /**
   * The session lives on another node now, with nothing open there.
   * @param status flags of the last packet there
   */
  moved(status: number): void {
    this.belongings.arrived();
    this.lostInsertId = this.hasInsertId;
    this.lostRows = true;
    this.rowCount = null;
    this.backendAccess = 'read-write';
    this.sawStatus(status);
  }

  /** A text is about to run. @returns true when it asks for what stayed behind on another node; said once only */
  asksForLost({ mentions }: Classified): boolean {
    const lost =
      (mentions.earlier && this.lostInsertId) || ((mentions.earlier || mentions.rowCount) && this.lostRows);
    this.lostRows = false;
    if (lost) this.lostInsertId = false;
    return lost;
  }

  /** Whatever transaction was open is gone with its node. */
  loseTransaction(): void {
    this.sawStatus(this.status & ~(statusFlag.inTransaction | statusFlag.inReadOnlyTransaction));
  }

  sawStatus(status: number): void {
    this.status = status;
    if (this.inTransaction) return;
    this.wrote = false;
    this.unreported = false;
  }

  /** An EOF packet of the client's or an internal statement that read tables. */
  sawEof(status: number): void {
    this.sawStatus(status);
    this.tellsLate = true;
    this.lastSequence = null;
    if (this.inTransaction && !this.wrote) this.unreported = true;
  }

  /** @returns true when the packet told the transaction's state */
  sawOk(ok: Ok, capabilities: number): boolean {
    this.sawStatus(ok.status);
    const late = this.tellsLate;
    this.tellsLate = false;
    this.lastSequence = null;
    if (ok.lastInsertId !== 0) {
      this.hasInsertId = true;
      this.lostInsertId = false;
    }
    if ((capabilities & capability.sessionTrack) === 0 || ok.sessionState.length === 0) return false;
    const entries = decodeSessionState(ok.sessionState);
    if (isMalformed(entries)) return false;
    let told = false;
    for (const entry of entries) {
      if (entry.type === trackType.transactionState) told = this.sawTransaction(entry.data);
      else {
        this.belongings.sawTracking(entry);
        if (entry.type === trackType.systemVariables && !late) this.lastSequence ??= sequenceIn(entry);
      }
    }
    return told;
  }

  private sawTransaction(data: Buffer): boolean {
    const state = decodeTransactionState(data);
    if (isMalformed(state)) return false;
    this.wrote = state.wrote && this.inTransaction;
    this.unreported = false;
    return true;
  }

  /** ERR packets carry nothing: what the failed statement did before is not known. */
  sawError(mayHaveWritten: boolean): void {
    if (this.inTransaction && mayHaveWritten) this.wrote = true;
  }

  classify(sql: Buffer): Classified {
    const classified = classify(sql, this.lexer);
    if (this.learned.size === 0) return classified;
    if (!this.learned.has(this.fingerprint(sql))) return classified;
    return { ...classified, statements: classified.statements.map(asWrite) };
  }

  /** The text was refused with 1792 after its result had begun: next time it runs as a write. */
  learn(sql: Buffer): void {
    if (this.learned.size >= learnedMax) this.learned.clear();
    this.learned.add(this.fingerprint(sql));
  }

  private fingerprint(sql: Buffer): string {
    return sql.toString('latin1', 0, 512);
  }

  remember(statementId: number, classified: Classified): void {
    this.lastPreparedId = statementId;
    if (this.prepared.size < preparedMax) this.prepared.set(statementId, classified);
  }

  /** A prepared statement that reads turned out to write. */
  rememberAsWrite(statementId: number): void {
    const known = this.prepared.get(this.resolve(statementId));
    if (known)
      this.prepared.set(this.resolve(statementId), { ...known, statements: known.statements.map(asWrite) });
  }

  /** What a prepared statement does; unknown when it is not known. */
  preparedStatement(statementId: number): Classified {
    return this.prepared.get(this.resolve(statementId)) ?? unknownText;
  }

  /** The statement meant by an id: "the last one" has one of its own. */
  resolve(statementId: number): number {
    return statementId === 0xffff_ffff ? (this.lastPreparedId ?? statementId) : statementId;
  }

  forget(statementId: number): void {
    this.prepared.delete(statementId);
    this.longData.delete(statementId);
    this.belongings.forget(statementId);
  }

  sentLongData(statementId: number): void {
    if (this.longData.size < preparedMax) this.longData.add(statementId);
    this.belongings.holdsOpen(this.resolve(statementId), true);
  }

  /** Were parameters sent in advance? They are used up by one execution, so it cannot be repeated. */
  takeLongData(statementId: number): boolean {
    return this.longData.delete(this.resolve(statementId));
  }

  /** What EXECUTE runs. */
  resolveExecute(statement: Extract<Statement, { class: 'execute' }>): Classified {
    if (statement.sql) return classify(statement.sql, this.lexer);
    return (statement.name !== null && this.named.get(statement.name)) || unknownText;
  }

  /** What statements that succeeded changed in the session. */
  apply(statements: readonly Statement[]): void {
    for (const statement of statements) {
      this.belongings.apply(statement);
      if (statement.class === 'transaction' && statement.act === 'begin') this.nextAccess = null;
      if (statement.class !== 'session') continue;
      if (statement.act === 'access') this.applyAccess(statement);
      else if (statement.act === 'prepare') this.applyPrepare(statement);
      else if (statement.act === 'deallocate') this.named.delete(statement.name);
      else if (statement.act === 'set') {
        for (const { scope, name, literal } of statement.assignments) {
          if (name === 'session_track_system_variables') this.tracking.asked(literal);
          if (scope === 'user' && literal !== null) this.applySetting(name, literal.toLowerCase());
        }
      }
    }
  }

  private applyAccess({ scope, access }: Extract<Statement, { act: 'access' }>): void {
    if (access === null || scope === 'global') return;
    if (scope === 'next') this.nextAccess = access;
    else {
      this.clientAccess = access;
      this.backendAccess = access;
    }
  }

  private applyPrepare({ name, sql }: Extract<Statement, { act: 'prepare' }>): void {
    this.named.delete(name);
    if (sql && this.named.size < namedMax) this.named.set(name, classify(sql, this.lexer));
  }

  private applySetting(name: string, value: string): void {
    if (name === 'ringmaster_read' && (value === 'causal' || value === 'local')) {
      this.settings = { ...this.settings, read: value };
    }
    const modes = ['local', 'lossless', 'everywhere'] as const;
    const acknowledge = modes.find((mode) => mode === value);
    if (name === 'ringmaster_acknowledge' && acknowledge) this.settings = { ...this.settings, acknowledge };
  }
}

/** A text about which nothing is known. */
const unknownText: Classified = {
  statements: [{ class: 'unknown' }],
  mentions: {
    rowCount: false,
    connectionId: false,
    accessMode: false,
    earlier: false,
    statementSettings: false,
    leaves: null,
  },
};

const asWrite = (statement: Statement): Statement =>
  statement.class === 'read' || statement.class === 'session'
    ? { class: 'write', repeatable: false }
    : statement;

/** "0-1-6" -> 6, where the entry tells the GTID of a commit. */
function sequenceIn({ data }: TrackEntry): number | null {
  const variable = decodeSystemVariable(data);
  if (isMalformed(variable) || variable.name !== 'last_gtid') return null;
  const sequence = Number(variable.value.split('-')[2]);
  return Number.isSafeInteger(sequence) && sequence > 0 ? sequence : null;
}
