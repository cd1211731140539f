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
import { type Fault, Framer, type FrameSink, faultOf, headerBytes, type Treatment } from '../framer.js';
import { capability, commandCode } from '../packets/capabilities.js';
import { encodeError, framed } from '../packets/responses.js';
import { Conversation } from './conversation.js';
import { errorPacket } from './errors.js';
import { Knowledge } from './knowledge.js';
import { Login } from './login.js';
import { Output } from './output.js';
import type { SessionAction, SessionEvent, SessionOptions } from './protocol.js';

/** What a client may send ahead after it was told to pause: socket buffers that were already full. */
const aheadBytesMax = 4 * 0x10_0000;
/** The longest answer that has to be understood: an OK packet with all that it tracks. */
const answerBytesMax = 0x10_0000;

/** Commands that the server does not answer. */
const unansweredCodes = new Set<number>([
  commandCode.quit,
  commandCode.statementClose,
  commandCode.statementSendLongData,
]);

export class SessionMachine {
  private readonly out = new Output();
  private readonly knowledge: Knowledge;
  private readonly login: Login;
  private conversation: Conversation | null = null;
  private readonly clientFramer: Framer;
  private readonly backendFramer: Framer;
  private ahead: Buffer[] = [];
  private aheadBytes = 0;
  private paused = false;
  private closed = false;
  private lingering = false;

  constructor(private readonly options: SessionOptions) {
    this.knowledge = new Knowledge(options.settings);
    this.login = new Login(this.out, options);
    this.clientFramer = new Framer(this.clientSink(), { collectBytesMax: options.commandBytesMax });
    this.backendFramer = new Framer(this.backendSink(), { collectBytesMax: answerBytesMax });
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
    return this.conversation?.ready === true && !this.knowledge.inTransaction;
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
      case 'end':
        this.end(event.error);
    }
  }

  /** May the client's framer go on? After login only when its turn has come. */
  private get listens(): boolean {
    const { conversation } = this;
    if (!conversation) return !this.login.refused;
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

  private clientSink(): FrameSink {
    return {
      passOver: (_chunk, at) => at,
      begin: (length, _first, sequence): Treatment | Fault => {
        const { conversation } = this;
        if (!conversation)
          return length === 0 && this.login.step !== 'proving'
            ? faultOf('malformed', 'an empty login')
            : 'collect';
        const { turn } = conversation;
        if (turn?.dialogue) {
          if (sequence !== ((turn.sequence + 1) & 0xff))
            return faultOf('sequence', `packet ${sequence} of the client follows ${turn.sequence}`);
          return 'collect';
        }
        if (sequence !== 0) return faultOf('sequence', `a command with number ${sequence}`);
        if (length === 0) return faultOf('malformed', 'an empty command');
        return 'collect';
      },
      inPlace: () => false,
      packet: (raw) => {
        const { conversation } = this;
        if (!conversation) {
          const refused = this.login.fromClient(raw);
          if (this.login.wantsTls) this.clientFramer.suspend();
          return refused;
        }
        if (conversation.turn?.dialogue) {
          conversation.dialoguePacket(raw);
          if (!conversation.turn?.dialogue) this.clientFramer.suspend();
          return undefined;
        }
        const fault = conversation.command(raw);
        if (!conversation.ready) this.clientFramer.suspend();
        return fault;
      },
      overflow: (head) => {
        const { conversation } = this;
        if (!conversation) return faultOf('too-long', 'a login that never ends');
        if (conversation.turn?.dialogue) {
          conversation.longCommandBytes(head);
          return 'follow';
        }
        const treatment = conversation.longCommand(head);
        if (!this.listens) this.clientFramer.suspend();
        return treatment;
      },
      relay: (bytes) => this.conversation?.longCommandBytes(bytes),
      end: (sequence) => {
        const { conversation } = this;
        if (conversation?.turn?.dialogue) conversation.dialogueEnd(sequence, false);
        else {
          conversation?.longCommandEnd(sequence);
          this.clientFramer.suspend();
        }
        return undefined;
      },
    };
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
    this.note('malformed', taken.detail);
    const midPacket = this.conversation?.relaying === true;
    const lost = this.conversation?.backendLost(midPacket);
    if (lost) this.out.toClient(lost);
    this.close(`the node broke the protocol: ${taken.detail}`);
  }

  private clientFault(fault: Fault): void {
    this.note('malformed', fault.detail);
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

  private note(what: 'malformed', detail: string): void {
    this.out.do({ kind: 'note', what, detail });
  }

  private clientClosed(): void {
    this.out.clientGone = true;
    this.ahead = [];
    this.aheadBytes = 0;
    if (this.conversation?.clientLost()) this.lingering = true;
    else this.close('the client went away');
  }

  private backendClosed(): void {
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
    const quiet = turn === null || turn === undefined || turn.relayed;
    if (!quiet || conversation === null) {
      const first = this.login.step === 'greeting' ? -1 : 1;
      this.out.toClient(framed(encodeError(error), (turn?.sequence ?? first) + 1));
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
