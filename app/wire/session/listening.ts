/** The client's side of the conversation: its commands, understood and planned. */
import { type Fault, faultOf, headerBytes, type Treatment } from '../framer.js';
import { isMalformed } from '../packets/capabilities.js';
import { type Command, decodeCommand } from '../packets/commands.js';
import { framed } from '../packets/responses.js';
import { replaceCalls } from '../sql/rewrite.js';
import type { Classified } from '../sql/statement.js';
import { errorPacket } from './errors.js';
import { planCommand, planPrepare, planStatements, type Situation } from './plan.js';
import { Running } from './running.js';
import { newTurn, onlyStatement, type Turn, unanswered } from './turn.js';

export class Listening extends Running {
  /** A whole command. */
  command(raw: Buffer): Fault | undefined {
    const command = decodeCommand(raw.subarray(headerBytes));
    if (isMalformed(command)) return faultOf('malformed', command.malformed);
    this.open(command, raw, false);
    return undefined;
  }

  /** The beginning of a command that is too long to be kept. */
  longCommand(head: Buffer): Treatment | Fault {
    const command = decodeCommand(head.subarray(headerBytes));
    if (isMalformed(command)) return faultOf('malformed', command.malformed);
    if (!['query', 'prepare', 'execute', 'bulkExecute', 'longData'].includes(command.kind)) {
      return faultOf('too-long', `a command of kind ${command.kind}`);
    }
    this.open(command, head, true);
    return this.turn?.plan.run === 'refuse' ? 'drop' : 'follow';
  }

  longCommandBytes(bytes: Buffer): void {
    this.out.toBackend(bytes);
  }

  longCommandEnd(sequence: number): void {
    const { turn } = this;
    if (!turn) return;
    turn.streaming = false;
    turn.sequence = sequence;
    if (turn.plan.run === 'refuse') this.refuse(turn);
    else if (unanswered(turn.command)) this.turn = null;
  }

  /** A packet of the client while the node waits for it: part of a file, or of an authentication. */
  dialoguePacket(raw: Buffer): void {
    this.out.toBackend(raw);
    this.dialogueEnd(raw[3] as number, raw.length === headerBytes);
  }

  dialogueEnd(sequence: number, empty: boolean): void {
    const { turn } = this;
    if (!turn) return;
    turn.sequence = sequence;
    const exchange = this.exchanges.find(({ purpose }) => purpose === 'client');
    exchange?.tracker.continueAfter(sequence);
    if (turn.dialogue === 'file' && empty) turn.dialogue = null;
  }

  private open(command: Command, raw: Buffer, long: boolean): void {
    const classified = this.classified(command, long);
    const bytes = 'statementId' in command ? this.address(command, raw, long) : raw;
    const repeatable =
      !long &&
      (command.kind !== 'execute' && command.kind !== 'bulkExecute'
        ? true
        : !this.knowledge.takeLongData(command.statementId));
    const turn = newTurn(command, bytes, this.planFor(command, classified), classified, repeatable);
    turn.streaming = long;
    this.turn = turn;
    if (this.answersDoomed(turn) || this.answersLost(turn)) return;
    this.rewrite(turn, long);
    this.start(turn);
  }

  /** A command about a prepared statement, as the present node understands it. */
  private address(command: Extract<Command, { statementId: number }>, raw: Buffer, long: boolean): Buffer {
    const { belongings } = this.knowledge;
    const clientId = this.knowledge.resolve(command.statementId);
    if (command.kind === 'execute' || command.kind === 'bulkExecute' || command.kind === 'resetStatement')
      belongings.holdsOpen(clientId, false);
    let bytes = raw;
    if (command.kind === 'execute') {
      const payload = raw.subarray(headerBytes);
      const typed = belongings.execute(clientId, payload);
      if (typed !== payload && !long) bytes = framed(typed, raw[3] as number);
    }
    // The id stands behind header and command code.
    if (this.statementIds.translates)
      bytes.writeUInt32LE(this.statementIds.forNode(clientId), headerBytes + 1);
    return bytes;
  }

  /** The session moved, and what the statement asks for stayed behind: an error is true, an answer would not be. */
  private answersLost(turn: Turn): boolean {
    const { kind } = turn.command;
    if (!turn.classified || (kind !== 'query' && kind !== 'execute' && kind !== 'bulkExecute')) return false;
    if (!this.knowledge.asksForLost(turn.classified) || turn.streaming) return false;
    this.fail(turn, errorPacket('session.left-behind'));
    return true;
  }

  private situation(): Situation {
    const { inTransaction, autocommit, access, settings } = this.knowledge;
    const { autocommitWrites } = this.options;
    return { inTransaction, autocommit, access, autocommitWrites, causal: settings.read === 'causal' };
  }

  private classified(command: Command, long: boolean): Classified | null {
    const { knowledge } = this;
    switch (command.kind) {
      case 'query':
      case 'prepare': {
        const found = knowledge.classify(command.sql);
        const [first] = found.statements;
        // The end of a long text is not seen. Where a text is one statement, its beginning says what it is.
        if (long && first && !knowledge.multiStatements) return { ...found, statements: [first] };
        if (long) return { ...found, statements: [...found.statements, { class: 'unknown' }] };
        if (first?.class === 'execute' && found.statements.length === 1)
          return knowledge.resolveExecute(first);
        return found;
      }
      case 'execute':
      case 'bulkExecute':
        return knowledge.preparedStatement(command.statementId);
      default:
        return null;
    }
  }

  private planFor(command: Command, classified: Classified | null): Turn['plan'] {
    if (!classified) return planCommand(command);
    if (command.kind === 'prepare') return planPrepare(classified, this.situation());
    return planStatements(classified, this.situation());
  }

  /** The transaction was rolled back behind the client's back: does this command hear of it? */
  private answersDoomed(turn: Turn): boolean {
    if (!this.doomed) return false;
    const { kind } = turn.command;
    const ends = kind === 'changeUser' || kind === 'resetConnection' || kind === 'quit';
    const only = onlyStatement(turn.classified);
    if (ends || (only?.class === 'transaction' && only.act === 'rollback')) {
      this.doomed = false;
      return false;
    }
    if (kind !== 'query' && kind !== 'execute' && kind !== 'bulkExecute' && kind !== 'admin') return false;
    if (turn.streaming) {
      turn.plan = { run: 'refuse', refusal: 'session.conflict', command: '' };
      return true;
    }
    this.doomed = false;
    this.fail(turn, errorPacket('session.conflict'));
    return true;
  }

  /** What the client may not notice: its own connection id, and what a wrapped statement changed. */
  private rewrite(turn: Turn, long: boolean): void {
    const { command, classified } = turn;
    const { knowledge } = this;
    const rowCount = knowledge.rowCount;
    if (command.kind === 'query' || command.kind === 'execute') knowledge.rowCount = null;
    if (long || !classified || (command.kind !== 'query' && command.kind !== 'prepare')) return;
    const { mentions } = classified;
    const values = {
      ROW_COUNT: mentions.rowCount && command.kind === 'query' ? (rowCount ?? undefined) : undefined,
      CONNECTION_ID: mentions.connectionId ? (this.options.connectionId ?? undefined) : undefined,
    };
    if (values.ROW_COUNT === undefined && values.CONNECTION_ID === undefined) return;
    const sql = replaceCalls(command.sql, values, knowledge.lexer);
    const code = Buffer.from([command.kind === 'query' ? 0x03 : 0x16]);
    if (sql !== command.sql) turn.raw = framed(Buffer.concat([code, sql]), 0);
  }
}
