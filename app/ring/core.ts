/** What every state does: keep promises on disk, send, tell about itself, choose a network. */
import type {
  DataInfo,
  Durable,
  IgnoreReason,
  Info,
  MemberId,
  RingAction,
  RingMessage,
  View,
} from './model.js';
import type { Operational, PeerView, Ring } from './state.js';
import { never } from './state.js';
import { healthy, patienceMs } from './suspicion.js';

/** Stores a promise. Later actions of the same step wait for it. */
export function persist(ring: Ring, change: Partial<Durable>): void {
  ring.durable = { ...ring.durable, ...change };
  ring.version++;
  if (ring.storedNumber === ring.promiseNumber) ring.unstoredSinceMs = ring.steppedMs;
  ring.promiseNumber++;
  const durable = ring.rules.persisted(ring.durable);
  ring.actions.push({ kind: 'persist', number: ring.promiseNumber, durable });
}

/** Is everything on disk that was promised? */
export const isOnDisk = (ring: Ring): boolean => ring.rules.isOnDisk(ring.storedNumber, ring.promiseNumber);

/** A disk that takes nothing for so many times `expelAfterMs` keeps the whole ring waiting: then the others go on. */
const stuckFactor = 20;

/**
 * When this member gives its disk up. Milliseconds of the own clock. From then on it is silent until the disk takes what
 * was promised: who waits for its promise would wait for ever.
 */
export const stuckAtMs = (ring: Ring): number =>
  isOnDisk(ring) ? never : ring.unstoredSinceMs + stuckFactor * ring.settings.expelAfterMs;

export function act(ring: Ring, action: RingAction): void {
  ring.actions.push(action);
}

export function ignore(ring: Ring, reason: IgnoreReason): void {
  ring.actions.push({ kind: 'ignored', reason });
}

/** Every network at once. */
export const everyNetwork = -1;

export function send(ring: Ring, to: MemberId, network: number, message: RingMessage): void {
  ring.actions.push({ kind: 'send', to, network, message });
}

/** To the other members of the view: by every network, or by the best one to each. */
export function sendToMembers(
  ring: Ring,
  view: View,
  network: typeof everyNetwork | 'best',
  message: RingMessage,
): void {
  for (const { id } of view.members) {
    if (id === ring.self.id) continue;
    send(ring, id, network === 'best' ? networkTo(ring, id) : network, message);
  }
}

export function peerView(ring: Ring, id: MemberId): PeerView {
  let peer = ring.peers.get(id);
  if (!peer) {
    peer = {
      heardMs: new Array<number>(ring.self.networks).fill(0),
      disconnected: false,
      coolUntilMs: 0,
      coolForMs: 0,
      askedMs: Number.NEGATIVE_INFINITY,
      told: healthy,
    };
    ring.peers.set(id, peer);
  }
  return peer;
}

/** When this peer was last heard on any network. Milliseconds; 0 for never. */
export function heardMs(ring: Ring, id: MemberId): number {
  const heard = ring.peers.get(id)?.heardMs;
  if (!heard) return 0;
  let latest = 0;
  for (const atMs of heard) if (atMs > latest) latest = atMs;
  return latest;
}

/**
 * The network that traffic to this peer takes: the first one on which it was heard about as recently as on any other.
 * So the loss of one network moves the traffic within `probeAfterMs` of the first answered probe, and back when it heals.
 */
export function networkTo(ring: Ring, id: MemberId): number {
  if (ring.self.networks === 1) return 0;
  const heard = ring.peers.get(id)?.heardMs;
  if (!heard) return 0;
  const freshest = heardMs(ring, id);
  const usable = heard.findIndex((atMs) => atMs >= freshest - ring.settings.probeAfterMs);
  return Math.max(0, usable);
}

/** Silence after which this peer gives that member up now. Milliseconds. */
export const patience = (ring: Ring, id: MemberId, nowMs: number): number =>
  patienceMs(ring.settings.expelAfterMs, ring.health, ring.peers.get(id)?.told ?? healthy, nowMs);

function dataInfo(ring: Ring): DataInfo {
  if (ring.self.arbiter) return { kind: 'arbiter' };
  if (!ring.serverUp) return { kind: 'down' };
  if (!ring.fenced && ring.rules.waitsForFence) return { kind: 'fencing' };
  const { lineage, tailUncertain } = ring.durable;
  return { kind: 'ready', received: ring.received, lineage, certain: !tailUncertain };
}

function wantsIn(ring: Ring): boolean {
  return !ring.leaving && ring.barred === null && (ring.self.arbiter || ring.serverUp);
}

/** Everything the others must know to agree on a view. Made once for each version. */
export function infoOf(ring: Ring): Info {
  if (ring.info?.version === ring.version) return ring.info;
  const { life, promised, primary, ambiguous, history, control } = ring.durable;
  ring.info = {
    id: ring.self.id,
    life,
    version: ring.version,
    wantsIn: wantsIn(ring),
    promised,
    primary,
    ambiguous,
    history,
    data: dataInfo(ring),
    dead: ring.dead,
    control,
  };
  return ring.info;
}

/** The member behind this one in ring order. */
export function successorOf(state: Operational): MemberId {
  const { members } = state.view;
  const next = members[(state.index + 1) % members.length];
  return next ? next.id : 0;
}

/** The nearest data member before `index`, whose changes the node follows; null when there is no other. */
export function predecessorOf(view: View, index: number): MemberId | null {
  const { members } = view;
  if (members[index]?.arbiter) return null;
  for (let distance = 1; distance < members.length; distance++) {
    const member = members[(index - distance + members.length) % members.length];
    if (member && !member.arbiter) return member.id;
  }
  return null;
}
