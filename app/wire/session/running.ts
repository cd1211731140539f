/**
 * Runs one turn on the node: waits for what it must wait for, lays the ground, sends the command with the machine's
 * own ones around it, and gives the client its answer.
 */
import { headerBytes } from '../framer.js';
import { isMalformed, statusFlag, withoutBits } from '../packets/capabilities.js';
import { encodeQuery } from '../packets/commands.js';
import {
  decodeEof,
  decodeOk,
  type ErrorPacket,
  encodeEof,
  encodeError,
  encodeOk,
  framed,
  type Ok,
} from '../packets/responses.js';
import type { AccessMode } from '../sql/statement.js';
import { errorPacket } from './errors.js';
import type { Knowledge } from './knowledge.js';
import type { Output } from './output.js';
import type { Ground } from './plan.js';
import type { SessionOptions } from './protocol.js';
import { type Agreed, type Answer, ResponseTracker } from './response.js';
import { StatementIds } from './statement-ids.js';
import { trackEverything } from './tracking.js';
import { type Final, onlyStatement, type Turn, unanswered } from './turn.js';

/** Whose answer comes next from the node. */
export type Purpose = 'client' | 'mode' | 'setup' | 'begin' | 'rollback' | 'commit' | 'probe';

export interface Exchange {
  readonly purpose: Purpose;
  readonly tracker: ResponseTracker;
}

const sqlOf = {
  'read-only': 'SET SESSION TRANSACTION READ ONLY',
  'read-write': 'SET SESSION TRANSACTION READ WRITE',
} as const satisfies Record<AccessMode, string>;

/** Sets a flag of the transaction's state that nothing else sets by itself, so that the node reports all of it. */
const probeSql = 'DO UUID()';

/** Flags that tell of the transaction which the machine opened around a statement. */
const wrappingFlags = statusFlag.inTransaction | statusFlag.inReadOnlyTransaction;

export class Running {
  protected readonly exchanges: Exchange[] = [];
  turn: Turn | null = null;
  /** Rolled back while the client was silent: its next statement gets 1213. */
  protected doomed = false;
  /** Why the session ends after what was written is flushed, if so. */
  ending: string | null = null;
  protected readonly statementIds = new StatementIds();

  constructor(
    protected readonly out: Output,
    protected readonly options: SessionOptions,
    protected readonly knowledge: Knowledge,
    readonly client: Agreed,
    readonly backend: Agreed,
  ) {}

  protected start(turn: Turn): void {
    const { plan, command } = turn;
    const only = onlyStatement(turn.classified);
    if (command.kind === 'kill' || only?.class === 'kill') {
      if (this.resolvesKill(turn)) return;
    }
    switch (plan.run) {
      case 'refuse':
        if (!turn.streaming) this.refuse(turn);
        return;
      case 'pass':
        if (plan.causal) this.ask(turn, 'read');
        else this.send(turn, plan.ground);
        return;
      case 'wrap':
        this.sendWrapped(turn);
        return;
      case 'commit':
        if (this.knowledge.wrote) this.ask(turn, 'commit');
        else if (this.knowledge.unreported) {
          turn.stage = { at: 'probing' };
          this.internal('probe', probeSql);
        } else this.send(turn, plan.ground);
        return;
      case 'aside':
        if (this.knowledge.unreported && !this.knowledge.wrote) {
          turn.stage = { at: 'probing' };
          this.internal('probe', probeSql);
        } else this.sendAside(turn);
        return;
      case 'hold':
        this.ask(turn, 'commit');
    }
  }

  /**
   * Makes or drops a temporary table between two transactions: inside of one that then changes anything, the server
   * would write its rollback into the log, with a number that nobody ordered (MariaDB, OPTION_BINLOG_THIS_TRX).
   */
  protected sendAside(turn: Turn): void {
    const { wrote, transactionMode } = this.knowledge;
    if (wrote) {
      this.fail(turn, errorPacket('statement.temporary-table'));
      return;
    }
    this.send(turn, transactionMode === null ? 'own' : 'any');
    this.internal('mode', 'COMMIT');
    if (transactionMode !== null) this.internal('mode', `START TRANSACTION ${transactionMode}`);
  }

  protected refuse(turn: Turn): void {
    if (turn.plan.run !== 'refuse') return;
    if (turn.plan.refusal === 'session.conflict') this.doomed = false;
    this.fail(turn, errorPacket(turn.plan.refusal, { command: turn.plan.command }));
  }

  protected ask(turn: Turn, what: 'commit' | 'read'): void {
    turn.stage = { at: 'asking', for: what };
    this.out.do({ kind: 'ask', for: what });
  }

  protected internal(purpose: Purpose, sql: string): void {
    this.exchanges.push({ purpose, tracker: new ResponseTracker('query', this.backend, 0) });
    this.out.toBackend(framed(encodeQuery(sql), 0));
  }

  /** Runs the setup that the machine needs after a login. */
  setUp(): void {
    if (this.backend.capabilities !== 0) this.internal('setup', trackEverything);
  }

  protected layGround(ground: Ground): void {
    if (ground === 'any') return;
    const { knowledge } = this;
    const wanted = ground === 'guarded' ? 'read-only' : knowledge.access;
    if (knowledge.backendAccess === wanted && knowledge.nextAccess === null) return;
    this.internal('mode', sqlOf[wanted]);
    knowledge.backendAccess = wanted;
  }

  protected send(turn: Turn, ground: Ground): void {
    const begin = onlyStatement(turn.classified);
    const opens = begin?.class === 'transaction' && begin.act === 'begin' && turn.command.kind !== 'prepare';
    if (opens && begin.access === null) {
      const { access, backendAccess } = this.knowledge;
      // A prepared BEGIN cannot be changed; the access mode of the session can.
      if (turn.command.kind !== 'query') this.layGround('own');
      else if (access !== backendAccess || this.knowledge.nextAccess !== null) {
        const words = access === 'read-only' ? 'READ ONLY' : 'READ WRITE';
        const snapshot = begin.snapshot ? 'WITH CONSISTENT SNAPSHOT, ' : '';
        turn.raw = framed(encodeQuery(`START TRANSACTION ${snapshot}${words}`), 0);
      }
    } else if (!opens) this.layGround(ground);
    const runs = turn.classified !== null && turn.command.kind !== 'prepare' && begin?.class !== 'session';
    if (ground !== 'any' && runs) this.knowledge.nextAccess = null;
    this.sendClient(turn);
  }

  protected sendWrapped(turn: Turn): void {
    // With READ ONLY underneath, the statement cannot run outside the transaction if that does not open.
    this.layGround('guarded');
    this.knowledge.nextAccess = null;
    turn.beginFailed = null;
    this.internal('begin', 'START TRANSACTION READ WRITE');
    this.sendClient(turn);
  }

  protected sendClient(turn: Turn): void {
    const { command } = turn;
    turn.stage = { at: 'running' };
    if (turn.classified && command.kind !== 'prepare') this.knowledge.belongings.runs(turn.classified);
    this.out.toBackend(turn.raw);
    if (unanswered(command)) {
      if (command.kind === 'closeStatement') {
        this.knowledge.forget(command.statementId);
        this.statementIds.forget(command.statementId);
      }
      if (command.kind === 'longData') this.knowledge.sentLongData(command.statementId);
      if (command.kind === 'quit') this.ending = 'the client said goodbye';
      if (!turn.streaming) this.turn = null;
      return;
    }
    const sequence = turn.streaming ? null : (turn.raw[3] as number);
    if (turn.form === 'authentication') turn.dialogue = 'authentication';
    this.exchanges.push({
      purpose: 'client',
      tracker: new ResponseTracker(turn.form, this.backend, sequence),
    });
  }

  protected resolvesKill(turn: Turn): boolean {
    if (this.options.connectionId === null) return false;
    const only = onlyStatement(turn.classified);
    const connectionId =
      turn.command.kind === 'kill'
        ? turn.command.connectionId
        : only?.class === 'kill'
          ? only.connectionId
          : null;
    if (connectionId === null) return false;
    turn.stage = { at: 'resolvingKill' };
    const target = only?.class === 'kill' ? only.target : 'connection';
    this.out.do({ kind: 'resolveKill', connectionId, target });
    return true;
  }

  /** The session ends: what was asked for is not wanted any more, and what is held is given back. */
  abandon(): void {
    const { turn } = this;
    if (!turn) return;
    if (turn.stage.at === 'asking' || turn.stage.at === 'askingCommit') this.out.do({ kind: 'withdraw' });
    if (turn.permitted) this.out.do({ kind: 'release', outcome: 'unknown' });
    this.turn = null;
  }

  // The client's answer.

  /** Answers the turn with an ERR packet of the machine's own. */
  protected fail(turn: Turn, error: ErrorPacket): void {
    this.out.toClient(framed(encodeError(error), turn.sequence + 1));
    this.turn = null;
  }

  /** Gives the client the end of its answer. `wrapped` takes the transaction out of it that the client never opened. */
  protected deliver(turn: Turn, final: Final, wrapped = false): void {
    this.out.toClient(this.forClient(final.raw, final.answer.kind, wrapped));
    this.delivered(turn, final.answer, wrapped);
  }

  /** The client has the whole answer: what follows from it for the session, and the turn is over. */
  protected delivered(turn: Turn, answer: Answer, wrapped: boolean): void {
    const { classified } = turn;
    this.turn = null;
    if (turn.command.kind === 'prepare') return;
    if (answer.kind === 'error') {
      if (classified) this.knowledge.belongings.failed(classified.statements);
      return;
    }
    if (classified) this.knowledge.apply(classified.statements);
    if (turn.command.kind === 'setOption') this.knowledge.multiStatements = turn.command.multiStatements;
    if (wrapped)
      this.knowledge.rowCount =
        answer.kind === 'ok' && answer.ok.header === 0 ? Number(answer.ok.affectedRows) : -1;
    if (this.clientTouchedTracking(turn)) this.setUp();
  }

  private clientTouchedTracking({ classified }: Turn): boolean {
    return (classified?.statements ?? []).some(
      (statement) =>
        statement.class === 'session' &&
        statement.act === 'set' &&
        statement.assignments.some(({ name }) => name.startsWith('session_track_')),
    );
  }

  /** A packet with flags as the client agreed to see it: without tracking that it did not ask for. */
  protected forClient(raw: Buffer, kind: string, wrapped = false): Buffer {
    if (kind !== 'ok' && kind !== 'eof') return raw;
    const payload = raw.subarray(headerBytes);
    const sequence = raw[3] as number;
    if (kind === 'eof') {
      const eof = decodeEof(payload);
      if (!wrapped || isMalformed(eof)) return raw;
      return framed(encodeEof({ ...eof, status: withoutBits(eof.status, wrappingFlags) }), sequence);
    }
    const ok = decodeOk(payload, this.backend.capabilities);
    if (isMalformed(ok)) return raw;
    if (!wrapped && (ok.status & statusFlag.sessionStateChanged) === 0) return raw;
    const shown: Ok = this.knowledge.tracking.forClient(ok);
    const status = wrapped ? withoutBits(shown.status, wrappingFlags) : shown.status;
    return framed(encodeOk({ ...shown, status }, this.client.capabilities), sequence);
  }
}
