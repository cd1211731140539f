/**
 * The conversation after login. It takes the client's commands one at a time (listening.ts), runs each when what it
 * waits for is there (running.ts), follows the node's answers (answering.ts), and hears what the world decides about
 * it: permissions, conflicts, losses (this file).
 *
 * Commands of the machine's own travel in the same stream; the node answers in order. Pipelining clients are served
 * too, one command after the other: their next command is looked at when the answer to the one before is complete.
 * "Prepared last" (id -1) means the same then.
 */
import { type ErrorPacket, encodeError, encodeOk, framed } from '../packets/responses.js';
import { Answering } from './answering.js';
import { errorPacket } from './errors.js';
import { onlyStatement, type Turn, unanswered } from './turn.js';

export class Conversation extends Answering {
  /** Is the client's next command welcome? */
  get ready(): boolean {
    return this.turn === null && this.exchanges.length === 0 && this.ending === null;
  }

  granted(): void {
    const { turn } = this;
    if (turn?.stage.at === 'asking') {
      if (turn.stage.for === 'commit') turn.permitted = true;
      const ground = turn.plan.run === 'refuse' || turn.plan.run === 'wrap' ? 'any' : turn.plan.ground;
      this.send(turn, ground);
    } else if (turn?.stage.at === 'askingCommit') {
      turn.permitted = true;
      this.commitWrapped(turn, turn.stage.final);
    }
  }

  denied(error: ErrorPacket): void {
    const { turn } = this;
    if (turn?.stage.at !== 'asking' && turn?.stage.at !== 'askingCommit') return;
    if (this.knowledge.inTransaction) this.internal('rollback', 'ROLLBACK');
    this.failAsked(turn, error);
  }

  /** Answers a turn that waits with an error. What is left of a long command is swallowed. */
  private failAsked(turn: Turn, error: ErrorPacket): void {
    const wraps = turn.stage.at === 'askingCommit';
    if (turn.streaming) {
      this.out.toClient(framed(encodeError(error), turn.sequence + 1));
      this.ending = 'a long command could not be run';
      this.turn = null;
      return;
    }
    this.fail(wraps ? { ...turn, sequence: turn.sequence - 1 } : turn, error);
  }

  safe(): void {
    const { turn } = this;
    if (turn?.stage.at === 'awaitingSafe') this.deliver(turn, turn.stage.final, turn.stage.wrapped);
  }

  /** The node has the change, but whether it stays is not known: neither an OK nor an error of the node is true. */
  outcomeUnknown(): void {
    const { turn } = this;
    if (turn?.stage.at !== 'awaitingSafe') return;
    this.out.toClient(framed(encodeError(errorPacket('session.commit-unknown')), turn.sequence));
    this.turn = null;
    this.ending = 'the outcome of a commit is unknown';
  }

  /** The applier waits for this session's locks. Never between a COMMIT and its OK. */
  rollBack(): void {
    const { turn } = this;
    if (!turn) {
      if (!this.knowledge.inTransaction) return;
      this.internal('rollback', 'ROLLBACK');
      this.doomed = true;
      this.noteConflict();
      return;
    }
    switch (turn.stage.at) {
      case 'asking':
        if (!this.knowledge.inTransaction) return;
        this.out.do({ kind: 'withdraw' });
        this.internal('rollback', 'ROLLBACK');
        this.noteConflict();
        this.failAsked(turn, errorPacket('session.conflict'));
        return;
      case 'askingCommit':
        this.out.do({ kind: 'withdraw' });
        this.rollBackAndAnswer(turn);
        return;
      case 'running':
        if (
          turn.permitted ||
          turn.condemned ||
          turn.streaming ||
          unanswered(turn.command) ||
          turn.form !== 'query'
        )
          return;
        if (endsTransaction(turn)) return;
        turn.condemned = { killed: false, final: null };
        this.out.do({ kind: 'killQuery' });
        return;
      default:
        return;
    }
  }

  killed(): void {
    const { turn } = this;
    if (!turn?.condemned) return;
    turn.condemned.killed = true;
    this.finishCondemned(turn);
  }

  protected override finishCondemned(turn: Turn): void {
    // The node's kill must not hit the ROLLBACK: both the answer and the kill's confirmation must be here.
    if (!turn.condemned?.killed || !turn.condemned.final) return;
    turn.condemned = null;
    this.rollBackAndAnswer(turn);
  }

  private rollBackAndAnswer(turn: Turn): void {
    this.noteConflict();
    if (this.knowledge.inTransaction) this.internal('rollback', 'ROLLBACK');
    const again = turn.plan.run === 'wrap' && turn.plan.repeatable;
    if (again && turn.repeatable && !turn.relayed && turn.attempts < this.options.conflictRetriesMax) {
      turn.attempts++;
      turn.sequence = turn.raw[3] as number;
      this.out.do({ kind: 'note', what: 'retry', detail: turn.command.kind });
      this.sendWrapped(turn);
      return;
    }
    this.fail({ ...turn, sequence: turn.sequence - 1 }, errorPacket('session.conflict'));
  }

  private noteConflict(): void {
    this.out.do({ kind: 'note', what: 'conflict', detail: '' });
  }

  killResolved(backendId: number): void {
    const { turn } = this;
    if (turn?.stage.at !== 'resolvingKill') return;
    const only = onlyStatement(turn.classified);
    const head = only?.class === 'kill' ? only.head : 'KILL ';
    turn.raw = framed(Buffer.concat([Buffer.from([0x03]), Buffer.from(`${head}${backendId}`, 'latin1')]), 0);
    this.send(turn, 'any');
  }

  killAnswered(error: ErrorPacket | null): void {
    const { turn } = this;
    if (turn?.stage.at !== 'resolvingKill') return;
    if (error) {
      this.fail(turn, error);
      return;
    }
    const nothing = Buffer.alloc(0);
    const status = this.knowledge.statusForClient;
    const ok = {
      header: 0,
      affectedRows: 0,
      lastInsertId: 0,
      status,
      warnings: 0,
      info: nothing,
      sessionState: nothing,
    };
    this.out.toClient(framed(encodeOk(ok, this.client.capabilities), turn.sequence + 1));
    this.turn = null;
  }

  /** The node is gone while the client was silent. Whatever transaction was open is too: the client hears of that. */
  lostWhileResting(): void {
    if (!this.knowledge.inTransaction) return;
    this.knowledge.loseTransaction();
    this.doomed = true;
  }

  /** Its transaction went with a node, and the client does not know yet. */
  get transactionLost(): boolean {
    return this.doomed;
  }

  /** The session is on another node, with all that it had but a transaction. */
  moved(nodeIds: ReadonlyMap<number, number>, status: number): void {
    this.statementIds.moved(nodeIds);
    this.knowledge.moved(status);
  }

  /** The node is gone. @returns the ERR packet for the client, null where the protocol allows none */
  backendLost(midPacket: boolean): Buffer | null {
    const { turn } = this;
    if (!turn || midPacket || turn.streaming) return null;
    const { at } = turn.stage;
    // What ran without the permission could not commit anything: it may be run again.
    const mayHaveCommitted = turn.plan.run === 'hold' || turn.plan.run === 'commit';
    const unknown =
      turn.permitted ||
      at === 'committing' ||
      at === 'awaitingSafe' ||
      (at === 'running' && mayHaveCommitted && !this.knowledge.inTransaction);
    const error = errorPacket(unknown ? 'session.outcome-unknown' : 'session.node-lost');
    return framed(encodeError(error), nextNumber(turn));
  }

  /** The client is gone. @returns true when the node must finish something first: a commit is never cut in half */
  clientLost(): boolean {
    const { turn } = this;
    return turn?.permitted === true && !turn.streaming;
  }

  /** The session is to end. @returns true when the client is to hear the outcome of its commit first */
  owesOutcome(): boolean {
    return this.clientLost() || this.turn?.stage.at === 'awaitingSafe';
  }
}

/** Number of the packet that the client expects next. A final packet that is kept back was counted when it came. */
export function nextNumber({ stage: { at }, sequence }: Turn): number {
  const held = at === 'askingCommit' || at === 'committing' || at === 'awaitingSafe';
  return sequence + (held ? 0 : 1);
}

/** Is the client's own COMMIT or ROLLBACK on its way? Then it is too late to interfere. */
function endsTransaction(turn: Turn): boolean {
  if (turn.plan.run === 'commit' || turn.plan.run === 'hold') return true;
  const only = onlyStatement(turn.classified);
  return (
    turn.command.kind === 'resetConnection' ||
    turn.command.kind === 'changeUser' ||
    (only?.class === 'transaction' && only.act === 'rollback')
  );
}
