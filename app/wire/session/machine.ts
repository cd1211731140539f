/**
 * The session machine: one client, one node, no socket. `step` takes an event and gives the actions that follow, in
 * order; it knows neither time nor chance, so the same events always give the same actions.
 *
 *   login --OK--> conversation --QUIT, a fault, a loss--> closed
 *                      `--client lost in a commit--> lingering --its OK--> closed
 *
 * Deviation from (state, event) -> (state, actions): the state is inside and changes, because a packet may be cut
 * anywhere and what was received of it must not be copied at every step.
 *
 * Memory: one command of at most `commandBytesMax`, one collected answer, and what the client sent ahead of its turn,
 * bounded by `pauseClient` and checked here.
 */
import { type Fault, Framer, type FrameSink, faultOf, headerBytes } from '../framer.js';
import { capability, commandCode } from '../packets/capabilities.js';
import { encodeError, framed } from '../packets/responses.js';
import { clientSink } from './client-sink.js';
import { Conversation, nextNumber } from './conversation.js';
import { errorPacket } from './errors.js';
import { Knowledge } from './knowledge.js';
import { Login } from './login.js';
import { Move, secretOf } from './moving.js';
import { Output } from './output.js';
import type { SessionAction, SessionEvent, SessionOptions } from './protocol.js';
import { restoreSteps } from './restore.js';

/** What a client may send ahead after it was told to pause: socket buffers that were already full. */
const aheadBytesMax = 4 * 0x10_0000;
/** The longest answer that has to be understood is an OK packet with all that it tracks. */
const backendFraming = { collectBytesMax: 0x10_0000 };

/** Commands that the server does not answer. */
const unansweredCodes = new Set<number>([
  commandCode.quit,
  commandCode.statementClose,
  commandCode.statementSendLongData,
]);

export class SessionMachine {
  private readonly out = new Output();
  private readonly knowledge: Knowledge;
  readonly login: Login;
  conversation: Conversation | null = null;
  readonly clientFramer: Framer;
  private backendFramer: Framer;
  /** Without a node, or on the way to another one. */
  private relocation: 'waiting' | Move | null = null;
  private ahead: Buffer[] = [];
  private aheadBytes = 0;
  private paused = false;
  private closed = false;
  private lingering = false;

  constructor(private readonly options: SessionOptions) {
    this.knowledge = new Knowledge(options.settings);
    this.login = new Login(this.out, options);
    this.clientFramer = new Framer(clientSink(this), { collectBytesMax: options.commandBytesMax });
    this.backendFramer = new Framer(this.backendSink(), backendFraming);
  }

  /** Bytes that the machine keeps at this moment. */
  get keptBytes(): number {
    return this.aheadBytes + this.clientFramer.keptBytes + this.backendFramer.keptBytes;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Is a transaction open, as far as the node has said? For the list of sessions and for draining. */
  get inTransaction(): boolean {
    return this.conversation !== null && this.knowledge.inTransaction;
  }

  /** The permission to commit is held: nothing may keep the node's answer from being read. */
  get holdsPermission(): boolean {
    return this.conversation?.turn?.permitted === true;
  }

  /** The permission that was asked for is to read, not to commit. */
  get asksForRead(): boolean {
    const stage = this.conversation?.turn?.stage;
    return stage?.at === 'asking' && stage.for === 'read';
  }

  /** No command is running and no transaction is open. */
  get idle(): boolean {
    return this.resting && !this.knowledge.inTransaction;
  }

  private get resting(): boolean {
    return this.conversation?.ready === true && this.relocation === null;
  }

  /** Why the session cannot go on elsewhere; null when nothing speaks against it. */
  get reasonToStay(): string | null {
    return this.knowledge.belongings.reasonToStay;
  }

  get waitsForNode(): boolean {
    return this.relocation === 'waiting';
  }
  /** A transaction went with its node, and the client does not know yet. */
  get transactionLost(): boolean {
    return this.conversation?.transactionLost === true;
  }

  /** Can the client be logged in elsewhere without its password? */
  canLogIn(passwordHashes: readonly Buffer[]): boolean {
    const { credentials } = this.login;
    return credentials !== null && secretOf(credentials, passwordHashes) !== null;
  }

  step(event: SessionEvent): readonly SessionAction[] {
    if (!this.closed) {
      this.take(event);
      this.pump();
      this.settleEnd();
    }
    return this.out.take();
  }

  private take(event: SessionEvent): void {
    const { conversation } = this;
    switch (event.kind) {
      case 'clientBytes':
        if (this.lingering) return;
        this.ahead.push(event.bytes);
        this.aheadBytes += event.bytes.length;
        return;
      case 'backendBytes':
        this.fromBackend(event.bytes);
        return;
      case 'clientClosed':
        this.clientClosed();
        return;
      case 'backendClosed':
        this.backendClosed();
        return;
      case 'granted':
        conversation?.granted();
        return;
      case 'denied':
        conversation?.denied(event.error);
        return;
      case 'safe':
        conversation?.safe();
        return;
      case 'outcomeUnknown':
        conversation?.outcomeUnknown();
        return;
      case 'rollBack':
        conversation?.rollBack();
        return;
      case 'killed':
        conversation?.killed();
        return;
      case 'killResolved':
        conversation?.killResolved(event.backendId);
        return;
      case 'killAnswered':
        conversation?.killAnswered(event.error);
        return;
      case 'moveTo':
        this.moveTo(event.passwordHashes);
        return;
      case 'end':
        this.end(event.error);
    }
  }

  /** May the client's framer go on? After login only when its turn has come. */
  get listens(): boolean {
    const { conversation } = this;
    if (!conversation) return !this.login.refused;
    if (this.relocation !== null) return false;
    if (conversation.ready) return true;
    const { turn } = conversation;
    if (turn === null) return !this.clientFramer.atBoundary;
    return (
      turn.dialogue !== null ||
      (turn.streaming && (turn.stage.at === 'running' || turn.plan.run === 'refuse'))
    );
  }

  /** Gives the framer what the client sent, as far as its turn goes. */
  private pump(): void {
    while (!this.closed && !this.lingering && this.ahead.length > 0 && this.listens) {
      this.clientFramer.resume();
      const chunk = this.ahead[0] as Buffer;
      const taken = this.clientFramer.push(chunk);
      if (typeof taken !== 'number') {
        this.clientFault(taken);
        return;
      }
      this.aheadBytes -= taken;
      if (taken === chunk.length) this.ahead.shift();
      else this.ahead[0] = chunk.subarray(taken);
      if (this.conversation?.ending) break;
      if (this.login.wantsTls) this.startTls();
    }
    if (this.aheadBytes > aheadBytesMax + this.options.commandBytesMax) {
      this.clientFault(faultOf('too-long', 'the client does not wait for answers'));
      return;
    }
    const pause = this.ahead.length > 0;
    if (pause === this.paused || this.closed) return;
    this.paused = pause;
    this.out.do({ kind: pause ? 'pauseClient' : 'resumeClient' });
  }

  /** What came behind the request for TLS is not for us to read. */
  private startTls(): void {
    this.login.wantsTls = false;
    const rest = Buffer.concat(this.ahead);
    this.ahead = [];
    this.aheadBytes = 0;
    this.out.do({ kind: 'startTls', rest });
  }

  private backendSink(): FrameSink {
    return {
      passOver: (chunk, at) => this.conversation?.backendPassOver(chunk, at) ?? at,
      begin: (length, first, sequence) =>
        this.conversation?.backendBegin(length, first, sequence) ?? 'collect',
      inPlace: (chunk, from, to) => this.conversation?.backendInPlace(chunk, from, to) ?? false,
      packet: (raw) => {
        if (this.conversation) return this.conversation.backendPacket(raw);
        const fault = this.login.fromBackend(raw);
        if (this.login.result) this.loggedIn();
        return fault;
      },
      overflow: () => faultOf('too-long', 'an answer of the node'),
      relay: (bytes) => this.conversation?.backendRelay(bytes),
      end: () => this.conversation?.backendEnd(),
    };
  }

  private loggedIn(): void {
    const { result, user, backendId } = this.login;
    if (!result) return;
    this.knowledge.serverVersion = result.serverVersion;
    this.knowledge.multiStatements = (result.client.capabilities & capability.multiStatements) !== 0;
    this.knowledge.reset(result.status);
    this.knowledge.belongings.schema = this.login.credentials?.login.database ?? null;
    this.conversation = new Conversation(
      this.out,
      this.options,
      this.knowledge,
      result.client,
      result.backend,
    );
    this.out.do({ kind: 'loggedIn', user, backendId });
    this.conversation.setUp();
  }

  private fromBackend(bytes: Buffer): void {
    const taken = this.backendFramer.push(bytes);
    if (typeof taken === 'number') return;
    if (this.relocation !== null) {
      this.cannotMove(taken.detail);
      return;
    }
    this.out.do({ kind: 'note', what: 'malformed', detail: taken.detail });
    const midPacket = this.conversation?.relaying === true;
    const lost = this.conversation?.backendLost(midPacket);
    if (lost) this.out.toClient(lost);
    this.close(`the node broke the protocol: ${taken.detail}`);
  }

  private clientFault(fault: Fault): void {
    this.out.do({ kind: 'note', what: 'malformed', detail: fault.detail });
    const error = encodeError(errorPacket('session.malformed', { detail: fault.detail }));
    const { conversation } = this;
    const { turn } = conversation ?? {};
    if (!turn) this.out.toClient(framed(error, conversation ? 1 : 2));
    else if (turn.dialogue && !turn.relayed) this.out.toClient(framed(error, turn.sequence + 1));
    if (conversation?.clientLost()) {
      this.out.clientGone = true;
      this.lingering = true;
      return;
    }
    this.close(`the client broke the protocol: ${fault.detail}`);
  }

  private clientClosed(): void {
    this.out.clientGone = true;
    this.ahead = [];
    this.aheadBytes = 0;
    if (this.conversation?.clientLost()) this.lingering = true;
    else this.close('the client went away');
  }

  private moveTo(passwordHashes: readonly Buffer[]): void {
    const { conversation, knowledge } = this;
    const { credentials } = this.login;
    const { reasonToStay } = knowledge.belongings;
    const works = !conversation?.ready || knowledge.inTransaction || this.relocation instanceof Move;
    if (works || !credentials || reasonToStay !== null) {
      this.cannotMove(reasonToStay ?? 'it is working');
      return;
    }
    const { belongings, multiStatements } = knowledge;
    const atLogin = (conversation.client.capabilities & capability.multiStatements) !== 0;
    const option = multiStatements === atLogin ? null : multiStatements;
    const move = new Move({
      credentials,
      passwordHashes,
      agreed: conversation.backend,
      schema: belongings.schema,
      steps: restoreSteps(belongings, belongings.schema, option),
      send: (bytes) => this.out.toBackend(bytes),
      arrived: () => this.arrived(move),
    });
    this.relocation = move;
    this.backendFramer = new Framer(move, backendFraming);
  }

  private arrived(move: Move): void {
    this.conversation?.moved(move.nodeIds, move.status);
    this.relocation = null;
    this.backendFramer = new Framer(this.backendSink(), backendFraming);
    this.out.do({ kind: 'moved', backendId: move.backendId });
  }

  /** The end of a session that has no node any more. */
  private cannotMove(reason: string): void {
    const code = this.conversation?.transactionLost ? 'session.node-lost' : 'session.cannot-move';
    this.out.toClient(framed(encodeError(errorPacket(code, { reason })), 1));
    this.close(`it could not move: ${reason}`);
  }

  private backendClosed(): void {
    if (this.relocation === 'waiting') return;
    if (this.relocation !== null) {
      this.cannotMove('the other node went away');
      return;
    }
    if (this.options.movable && this.resting) {
      this.conversation?.lostWhileResting();
      this.relocation = 'waiting';
      this.out.do({ kind: 'needNode' });
      return;
    }
    const lost = this.conversation?.backendLost(!this.backendFramer.atBoundary && this.conversation.relaying);
    if (lost) this.out.toClient(lost);
    else if (!this.conversation && !this.login.refused && this.login.step !== 'greeting') {
      this.out.toClient(framed(encodeError(errorPacket('session.node-lost')), 2));
    } else if (this.commandWaits) this.out.toClient(framed(encodeError(errorPacket('session.node-lost')), 1));
    this.close('the node closed the connection');
  }

  /** The client sent a command that was not looked at yet, and waits for its answer. */
  private get commandWaits(): boolean {
    const { conversation } = this;
    if (!conversation || conversation.turn !== null || !this.clientFramer.atBoundary) return false;
    const head = this.aheadBytes > headerBytes ? Buffer.concat(this.ahead) : null;
    const code = head?.[headerBytes];
    return code !== undefined && !unansweredCodes.has(code);
  }

  private end(error: Parameters<typeof encodeError>[0]): void {
    const { conversation } = this;
    const { turn } = conversation ?? {};
    if (conversation?.owesOutcome()) {
      // A commit is on its way: its client hears the outcome first.
      conversation.ending = error.message;
      return;
    }
    if (!turn?.relayed) {
      // To a silent client it is the answer to what it will ask next.
      const last = conversation ? 0 : this.login.step === 'greeting' ? -1 : 1;
      this.out.toClient(framed(encodeError(error), turn ? nextNumber(turn) : last + 1));
    }
    this.close(error.message);
  }

  private settleEnd(): void {
    const { conversation } = this;
    if (this.closed || !conversation) {
      if (this.login.refused && !this.closed) this.close('the node refused the login');
      return;
    }
    if (conversation.turn !== null) return;
    if (conversation.ending) this.close(conversation.ending);
    else if (this.lingering) this.close('the client went away during its commit');
  }

  private close(reason: string): void {
    this.conversation?.abandon();
    this.closed = true;
    this.ahead = [];
    this.aheadBytes = 0;
    this.out.do({ kind: 'close', reason });
  }
}
