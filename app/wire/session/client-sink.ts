/** What becomes of the client's packets: part of the login, a command, or part of a dialogue in the middle of one. */
import { type Fault, type Framer, type FrameSink, faultOf, type Treatment } from '../framer.js';
import type { Conversation } from './conversation.js';
import type { Login } from './login.js';

/** The part of the session machine that listens. */
interface Listener {
  readonly login: Login;
  readonly conversation: Conversation | null;
  readonly clientFramer: Framer;
  /** May the client's framer go on? */
  readonly listens: boolean;
}

export function clientSink(session: Listener): FrameSink {
  return {
    passOver: (_chunk, at) => at,
    inPlace: () => false,
    begin: (length, _first, sequence): Treatment | Fault => {
      const { conversation } = session;
      if (!conversation)
        return length === 0 && session.login.step !== 'proving'
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
    packet: (raw) => {
      const { conversation } = session;
      if (!conversation) {
        const refused = session.login.fromClient(raw);
        if (session.login.wantsTls) session.clientFramer.suspend();
        return refused;
      }
      if (conversation.turn?.dialogue) {
        conversation.dialoguePacket(raw);
        if (!conversation.turn?.dialogue) session.clientFramer.suspend();
        return undefined;
      }
      const fault = conversation.command(raw);
      if (!conversation.ready) session.clientFramer.suspend();
      return fault;
    },
    overflow: (head) => {
      const { conversation } = session;
      if (!conversation) return faultOf('too-long', 'a login that never ends');
      if (conversation.turn?.dialogue) {
        conversation.longCommandBytes(head);
        return 'follow';
      }
      const treatment = conversation.longCommand(head);
      if (!session.listens) session.clientFramer.suspend();
      return treatment;
    },
    relay: (bytes) => session.conversation?.longCommandBytes(bytes),
    end: (sequence) => {
      const { conversation } = session;
      if (conversation?.turn?.dialogue) conversation.dialogueEnd(sequence, false);
      else {
        conversation?.longCommandEnd(sequence);
        session.clientFramer.suspend();
      }
      return undefined;
    },
  };
}
