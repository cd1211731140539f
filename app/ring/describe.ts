/** Messages, events and actions in one line of words: for traces and scenario scripts. */
import type { Info, RingAction, RingEvent, RingMessage, Token, View } from './model.js';
import { formatRingId } from './model.js';

/** "8.1 of 1 2 3 from 42": ring id, members and start. */
function describeView(view: View): string {
  const members = view.members.map(({ id, arbiter }) => (arbiter ? `${id}(arbiter)` : `${id}`)).join(' ');
  const leavers = view.voters.filter(({ id }) => !view.members.some((member) => member.id === id));
  const voters = leavers.length > 0 ? `, voters ${leavers.map(({ id }) => id).join(' ')}` : '';
  return `${formatRingId(view.ringId)} of ${members} from ${view.start}${voters}`;
}

function describeInfo(info: Info): string {
  const { data, primary, ambiguous } = info;
  const position =
    data.kind === 'ready' ? `at ${data.received}${data.certain ? '' : ' uncertain'}` : data.kind;
  const knows = primary ? `primary ${formatRingId(primary.ringId)}` : 'no primary';
  const perhaps =
    ambiguous.length > 0 ? `, perhaps ${ambiguous.map((v) => formatRingId(v.ringId)).join(' ')}` : '';
  return `${position}, ${knows}${perhaps}${info.wantsIn ? '' : ', stays out'}`;
}

function describeToken(token: Token): string {
  const control =
    token.control.length > 0 ? `, control ${token.control.map(({ number }) => number).join(' ')}` : '';
  const wants = token.wants === 0 ? '' : `, wanted by ${token.wants.toString(2)}`;
  return `${formatRingId(token.ringId)} pass ${token.number}, sequence ${token.sequence}${wants}${control}`;
}

/** One message. */
function describeMessage(message: RingMessage): string {
  switch (message.kind) {
    case 'join':
      return `join ${describeInfo(message.info)}, sees ${message.sees.join(' ') || 'nobody'}`;
    case 'propose':
      return `propose ${describeView(message.proposal.view)}`;
    case 'token':
      return `token ${describeToken(message.token)}`;
    case 'pulse':
      return `pulse ${formatRingId(message.ringId)} pass ${message.number}, ${message.why}`;
    case 'probe':
      return `probe ${message.number} ${formatRingId(message.ringId)}`;
    case 'here':
      return `here ${formatRingId(message.ringId)} pass ${message.number}${message.holding ? ', holding' : ''}, at ${message.received}${message.answers > 0 ? `, to probe ${message.answers}` : ''}`;
    case 'report':
      return `report ${formatRingId(message.ringId)} at ${message.received}`;
    case 'recovering':
      return `recovering ${formatRingId(message.ringId)} at ${message.received}`;
    case 'refuse':
      return `refuse: ${message.reason}`;
    case 'attest':
    case 'install':
    case 'want':
    case 'outdated':
      return `${message.kind} ${formatRingId(message.ringId)}`;
  }
}

/** One event. */
export function describeEvent(event: RingEvent): string {
  switch (event.kind) {
    case 'message':
      return `hears ${event.from.id}: ${describeMessage(event.message)}`;
    case 'start':
      return `starts, promised ${formatRingId(event.durable.promised)}`;
    case 'position':
      return `node at ${event.received}, applied ${event.applied}`;
    case 'fenced':
      return `fenced at ${event.received}`;
    case 'disconnected':
      return `loses ${event.peer}`;
    case 'server':
      return event.up ? 'server is up' : 'server is gone';
    case 'copied':
      return `copied up to ${event.received} of ${formatRingId(event.lineage)}`;
    case 'queue':
      return `queue ${event.length}`;
    case 'committed':
      return `committed up to ${event.upTo}`;
    case 'submit':
      return `submit ${event.payload}`;
    case 'stored':
      return `stored ${event.number}`;
    case 'declare-dead':
      return `declare dead ${event.voters.map(({ id }) => id).join(' ')}`;
    case 'tick':
    case 'leave':
    case 'rejoin':
      return event.kind;
  }
}

/** One action. */
export function describeAction(action: RingAction): string {
  switch (action.kind) {
    case 'persist': {
      const { promised, primary, ambiguous } = action.durable;
      const perhaps = ambiguous.map((view) => formatRingId(view.ringId)).join(' ');
      const known = primary ? formatRingId(primary.ringId) : 'none';
      return `store promised ${formatRingId(promised)}, primary ${known}${perhaps && `, perhaps ${perhaps}`}`;
    }
    case 'send':
      return `-> ${action.to}${action.network === 1 ? ' by network 2' : ''}: ${describeMessage(action.message)}`;
    case 'fence':
      return `fence: ${action.reason}`;
    case 'fetch':
      return `fetch ${action.after + 1} to ${action.upTo} from ${action.from}`;
    case 'begin':
      return `begin ${describeView(action.view)}, follow ${action.predecessor ?? 'nobody'}`;
    case 'outside':
      return 'outside of any primary component';
    case 'commit':
      return `commit after ${action.after}, at most ${action.max}`;
    case 'acknowledge':
      return `acknowledge up to ${action.upTo}`;
    case 'safe':
      return `safe up to ${action.upTo}`;
    case 'deliver':
      return `deliver ${action.entry.number} from ${action.entry.from}: ${action.entry.payload}`;
    case 'control-gap':
      return `control gap ${action.from} to ${action.to}`;
    case 'refused':
      return `refused: ${action.reason}`;
    case 'left':
      return action.agreed ? 'left' : 'left without being asked';
    case 'ignored':
      return `ignored: ${action.reason}`;
  }
}
