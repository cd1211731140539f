/** The node's side of the conversation: its answers, and what follows from them. */
import { type Fault, faultOf, headerBytes, type Treatment } from '../framer.js';
import { isMalformed, statusFlag } from '../packets/capabilities.js';
import { decodeOk, encodeError, framed, type PrepareOk } from '../packets/responses.js';
import type { Classified } from '../sql/statement.js';
import { errorPacket, readOnlyViolation } from './errors.js';
import { Listening } from './listening.js';
import type { Answer } from './response.js';
import type { Exchange } from './running.js';
import { type Final, onlyStatement, type Turn, touchesNothing } from './turn.js';

export abstract class Answering extends Listening {
  /** The answer of a statement whose transaction must be rolled back is complete. */
  protected abstract finishCondemned(turn: Turn): void;

  backendBegin(length: number, first: number, sequence: number): Treatment | Fault {
    const [exchange] = this.exchanges;
    if (!exchange) return this.unasked(first);
    const treatment = exchange.tracker.begin(length, first, sequence);
    if (exchange.purpose !== 'client')
      return treatment === 'relay' || treatment === 'follow' ? 'drop' : treatment;
    this.relaying = treatment !== 'collect';
    if (this.turn && treatment !== 'collect') {
      this.turn.relayed = true;
      this.turn.sequence = sequence;
    }
    return treatment;
  }

  /** A packet that answers nothing: a node that shuts down or kills says so before it closes. */
  private unasked(first: number): Treatment | Fault {
    return first === 0xff ? 'collect' : faultOf('unexpected', 'a packet that answers no command');
  }

  /** Bytes of the present packet were given to the client already: an ERR packet cannot follow in its middle. */
  relaying = false;

  backendRelay(bytes: Buffer): void {
    this.out.toClient(bytes);
  }

  /** A followed packet of the client's response is over. */
  backendEnd(): Fault | undefined {
    const [exchange] = this.exchanges;
    if (!exchange?.tracker.ended()) return undefined;
    this.exchanges.shift();
    // The last definition of a prepared statement: it has no flags, and nothing waits for it.
    if (exchange.purpose === 'client') this.turn = null;
    return undefined;
  }

  backendPacket(raw: Buffer): Fault | undefined {
    const [exchange] = this.exchanges;
    if (!exchange) {
      this.out.toClient(raw);
      this.ending = 'the node ended the session';
      return undefined;
    }
    const answer = exchange.tracker.packet(raw.subarray(headerBytes));
    if ('fault' in answer) return answer;
    if (answer.last) this.exchanges.shift();
    if (exchange.purpose === 'client') this.clientAnswer(answer, raw);
    else this.internalAnswer(exchange, answer, raw);
    return undefined;
  }

  /** Rows for the client that need no look. @returns where the first packet begins that does */
  backendPassOver(chunk: Buffer, at: number): number {
    const [exchange] = this.exchanges;
    const { turn } = this;
    if (exchange?.purpose !== 'client' || !turn) return at;
    const to = exchange.tracker.passOver(chunk, at);
    if (to > at) {
      turn.relayed = true;
      turn.sequence = exchange.tracker.lastSequence;
      this.relaying = true;
    }
    return to;
  }

  /**
   * The same for a packet of an answer that is only passed on: it stays where it lies, between its neighbours.
   * @returns false when it must be looked at by itself
   */
  backendInPlace(chunk: Buffer, from: number, to: number): boolean {
    const [exchange] = this.exchanges;
    const { turn } = this;
    if (exchange?.purpose !== 'client' || !turn) return false;
    if (turn.plan.run !== 'pass' || turn.permitted || turn.condemned) return false;
    const at = from + headerBytes;
    const answer = exchange.tracker.inPlace(chunk, at, to - at);
    if (!answer) return false;
    turn.sequence = chunk[from + 3] as number;
    turn.relayed = true;
    if (answer.kind === 'eof') this.sawEof(turn, answer.status);
    if (answer.last) {
      this.exchanges.shift();
      this.delivered(turn, answer, false);
    }
    return true;
  }

  private sawEof(turn: Turn, status: number): void {
    if (turn.form === 'prepare' || touchesNothing(turn)) this.knowledge.sawStatus(status);
    else this.knowledge.sawEof(status);
  }

  private learnFrom(answer: Answer, mayHaveWritten: boolean): boolean {
    if (answer.kind === 'ok') return this.knowledge.sawOk(answer.ok, this.backend.capabilities);
    if (answer.kind === 'eof') this.knowledge.sawEof(answer.status);
    if (answer.kind === 'error') this.knowledge.sawError(mayHaveWritten);
    return false;
  }

  private clientAnswer(answer: Answer, raw: Buffer): void {
    const { turn } = this;
    if (!turn) return;
    turn.sequence = raw[3] as number;
    if (turn.form === 'authentication') {
      this.authenticated(answer, raw);
      return;
    }
    if (answer.kind === 'eof') this.sawEof(turn, answer.status);
    else this.learnFrom(answer, !touchesNothing(turn));
    if (answer.kind === 'prepared' && turn.classified)
      this.prepared(turn, turn.classified, answer.answer, raw);
    else this.followCursor(turn, answer);
    if (answer.last) {
      this.finish(turn, { raw, answer });
      return;
    }
    if (answer.kind === 'infile') turn.dialogue = 'file';
    turn.relayed = true;
    this.out.toClient(this.forClient(raw, answer.kind));
  }

  /** The node prepared a statement: the client gets an id that it does not have yet, in place of the node's. */
  private prepared(turn: Turn, classified: Classified, answer: PrepareOk, raw: Buffer): void {
    const clientId = this.statementIds.prepared(answer.statementId);
    if (clientId !== answer.statementId) raw.writeUInt32LE(clientId, headerBytes + 1);
    this.knowledge.remember(clientId, classified);
    const { belongings } = this.knowledge;
    if (turn.repeatable) belongings.remember(clientId, turn.raw.subarray(headerBytes + 1), answer.parameters);
    else belongings.stay('bounds');
  }

  private followCursor({ command }: Turn, answer: Answer): void {
    if (command.kind !== 'execute' && command.kind !== 'fetch') return;
    const status = answer.kind === 'eof' ? answer.status : answer.kind === 'ok' ? answer.ok.status : 0;
    const clientId = this.knowledge.resolve(command.statementId);
    if (status & statusFlag.lastRowSent) this.knowledge.belongings.holdsOpen(clientId, false);
    else if (status & statusFlag.cursorExists) this.knowledge.belongings.holdsOpen(clientId, true);
  }

  /** COM_CHANGE_USER: a dialogue of its own, after which the session is as new. */
  private authenticated(answer: Answer, raw: Buffer): void {
    if (answer.kind !== 'authentication' || answer.answer !== 'accepted') {
      this.out.toClient(raw);
      if (answer.last) this.turn = null;
      return;
    }
    const ok = decodeOk(raw.subarray(headerBytes), this.backend.capabilities);
    if (!isMalformed(ok)) {
      this.knowledge.reset(ok.status);
      this.statementIds.reset();
      // Its schema, and how it could log in again, were not followed.
      this.knowledge.belongings.stay('user');
      this.out.toClient(this.forClient(raw, 'ok'));
    }
    this.turn = null;
    this.setUp();
  }

  /** The last packet of the client's answer is here; it is given on unless something must happen first. */
  private finish(turn: Turn, final: Final): void {
    const { answer } = final;
    if (turn.condemned) {
      turn.condemned.final = final;
      this.finishCondemned(turn);
      return;
    }
    if (answer.kind === 'error' && answer.error.errorNumber === readOnlyViolation && this.caught(turn))
      return;
    if (turn.plan.run === 'wrap') {
      this.finishWrapped(turn, final);
      return;
    }
    if (turn.command.kind === 'resetConnection' && answer.kind === 'ok') {
      this.knowledge.reset(answer.ok.status);
      this.statementIds.reset();
      this.deliver(turn, final);
      this.setUp();
      return;
    }
    this.settle(turn, final, answer.kind !== 'error');
  }

  private finishWrapped(turn: Turn, final: Final): void {
    if (turn.beginFailed) {
      const error = turn.beginFailed;
      this.turn = null;
      this.out.toClient(framed(error.subarray(headerBytes), turn.sequence));
      return;
    }
    if (final.answer.kind === 'error') {
      this.internal('rollback', 'ROLLBACK');
      this.deliver(turn, final);
      return;
    }
    if (!this.knowledge.inTransaction) {
      this.deliver(turn, final, true);
      return;
    }
    if (this.knowledge.wrote || this.knowledge.unreported) {
      turn.stage = { at: 'askingCommit', final };
      this.out.do({ kind: 'ask', for: 'commit' });
    } else this.commitWrapped(turn, final);
  }

  protected commitWrapped(turn: Turn, final: Final): void {
    turn.stage = { at: 'committing', final };
    this.internal('commit', 'COMMIT');
  }

  /**
   * The permission, if there was one, was used: others may have it at once. The answer waits until the change is as
   * safe as the session asks; the node's OK alone says only `local`, because its view may have ended meanwhile.
   */
  private settle(turn: Turn, final: Final, done: boolean, wrapped = false): void {
    if (turn.permitted) {
      turn.permitted = false;
      const { lastSequence } = this.knowledge;
      if (!done) this.out.do({ kind: 'release', outcome: 'failed' });
      else this.out.do({ kind: 'release', outcome: 'done', sequence: lastSequence });
      const { acknowledge } = this.knowledge.settings;
      if (done && acknowledge !== 'local' && !this.out.clientGone) {
        turn.stage = { at: 'awaitingSafe', final, wrapped };
        this.out.do({ kind: 'awaitSafe', level: acknowledge });
        return;
      }
    }
    this.deliver(turn, final, wrapped);
  }

  private internalAnswer({ purpose }: Exchange, answer: Answer, raw: Buffer): void {
    const told = this.learnFrom(answer, true);
    const { turn } = this;
    const failed = answer.kind === 'error';
    switch (purpose) {
      case 'begin':
        if (failed && turn) turn.beginFailed = Buffer.from(raw);
        return;
      case 'mode':
      case 'setup':
      case 'rollback':
        // Without these the machine does not know what it talks to.
        if (failed) this.ending = `the node refused a command of the front end: ${answer.error.message}`;
        return;
      case 'probe':
        if (!told) this.knowledge.wrote = true;
        if (turn?.stage.at !== 'probing') return;
        if (failed) {
          this.transactionGone(turn);
          return;
        }
        if (turn.plan.run === 'aside') this.sendAside(turn);
        else if (this.knowledge.wrote) this.ask(turn, 'commit');
        else this.send(turn, 'any');
        return;
      case 'commit':
        if (turn?.stage.at === 'committing') this.committed(turn, turn.stage.final, answer);
        return;
      case 'client':
        return;
    }
  }

  /**
   * The question about the transaction was refused. Where the node is another front end, that is how it tells of a
   * transaction that it rolled back, and it tells once: the client's COMMIT would find none any more, and be answered OK.
   */
  private transactionGone(turn: Turn): void {
    this.internal('rollback', 'ROLLBACK');
    this.fail(turn, errorPacket('session.conflict'));
  }

  private committed(turn: Turn, final: Final, answer: Answer): void {
    if (answer.kind !== 'error') {
      this.settle(turn, final, true, true);
      return;
    }
    this.internal('rollback', 'ROLLBACK');
    const error = framed(encodeError(answer.error), turn.sequence);
    this.settle(turn, { raw: error, answer }, false);
  }

  /** 1792: what was taken for a read writes. @returns true when that was dealt with */
  private caught(turn: Turn): boolean {
    const guarded =
      turn.plan.run === 'pass' && (turn.plan.ground === 'guarded' || turn.command.kind === 'prepare');
    if (!guarded || this.knowledge.access === 'read-only' || this.knowledge.inTransaction) return false;
    const { command } = turn;
    this.out.do({ kind: 'note', what: 'caught', detail: command.kind });
    if (command.kind === 'query' || command.kind === 'prepare') this.knowledge.learn(command.sql);
    if (command.kind === 'execute') this.knowledge.rememberAsWrite(command.statementId);
    if (turn.relayed || !turn.repeatable) {
      this.fail({ ...turn, sequence: turn.sequence - 1 }, errorPacket('session.conflict'));
      return true;
    }
    turn.sequence = turn.raw[3] as number;
    if (command.kind === 'prepare') turn.plan = { run: 'pass', ground: 'own', causal: false };
    else
      turn.plan = onlyStatement(turn.classified)
        ? { run: 'wrap', repeatable: false }
        : { run: 'hold', ground: 'own' };
    this.start(turn);
    return true;
  }
}
