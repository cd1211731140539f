/**
 * What the protocol asked for and the disk holds back. Shared by the peer and the simulator, so that seeds try the very
 * order in which a real peer acts.
 *
 * Everything behind a promise waits until the promise is on disk. Signs of life do not: a disk that stalls for longer
 * than `expelAfterMs` must not make a healthy member look dead. Why that is safe (`mayOvertake`):
 *  - A message of ring R proves to its receiver that R exists, so nobody may say one who could forget R in a crash. A
 *    follower attested R before R could come into being, and its attestation is on its disk. The leader's attestation is
 *    not enough: a leader that starts again abandons what it only attested. It must have stored that it formed R.
 *  - What signs of life tell of the node (received, applied, how long it stalled) is no promise of this store.
 *  - A leader repeats a proposal that it may have sent before: the network could have doubled it. `recovering` promises
 *    nothing.
 *  - A call (`join`) promises to attest nothing up to `promised`, which must be on disk; the rest of it is knowledge (of
 *    views that exist, of the own data) that stays true when this member forgets it.
 *  - Tokens, attestations and everything for the application keep their place.
 *
 * What the node is asked to do in a view means nothing any more when the view ended while the order waited: its server may
 * have died and come back meanwhile, and would commit in a view that the others have left (current.ts).
 */
import type { Durable, MemberId, RingAction, RingId, RingMessage } from './model.js';
import { ringLeader } from './model.js';

type Persist = Extract<RingAction, { kind: 'persist' }>;

/** Messages that wait for the disk at the same time: more are dropped, as a network may do. */
const waitingMax = 1_024;

/** Would this member, with `stored` on its disk, still know after a crash that `ringId` may exist? */
function remembers(stored: Durable, ringId: RingId, self: MemberId): boolean {
  if (stored.primary?.ringId === ringId) return true;
  return ringLeader(ringId) !== self && stored.ambiguous.some((view) => view.ringId === ringId);
}

/** May this message leave before what was asked earlier is on disk? See the head of this file. */
export function mayOvertake(message: RingMessage, stored: Durable, self: MemberId): boolean {
  switch (message.kind) {
    case 'here':
    case 'probe':
    case 'pulse':
    case 'want':
    case 'report':
    case 'outdated':
      return remembers(stored, message.ringId, self);
    case 'propose':
      return stored.promised >= message.proposal.view.ringId;
    case 'join':
      return stored.promised >= message.info.promised;
    case 'recovering':
      return true;
    case 'token':
    case 'attest':
    case 'install':
    case 'refuse':
      return false;
  }
}

/** The queue between one peer's protocol and its world. */
export class Outbox {
  readonly #self: MemberId;
  readonly #isCurrent: (action: RingAction) => boolean;
  readonly #mayOvertake: typeof mayOvertake;
  /** In order; the first is what happens next. */
  #waiting: RingAction[] = [];
  /** Promises among `#waiting`. */
  #promises = 0;
  #writing: Persist | null = null;
  #stored: Durable | null = null;

  /** @param current is asked when an order's turn has come: orders that it denies are dropped */
  constructor(
    self: MemberId,
    current: (action: RingAction) => boolean,
    may: typeof mayOvertake = mayOvertake,
  ) {
    this.#self = self;
    this.#isCurrent = current;
    this.#mayOvertake = may;
  }

  /** Nothing waits and nothing is being written. */
  get idle(): boolean {
    return this.#writing === null && this.#waiting.length === 0;
  }

  /**
   * Takes the actions of one step; the array is not kept.
   * @param perform does at once what need not wait
   */
  take(actions: readonly RingAction[], perform: (action: RingAction) => void): void {
    for (const action of actions) {
      const blocked = this.#writing !== null || this.#promises > 0;
      if (action.kind === 'persist') this.#promises++;
      else if (blocked && action.kind === 'send') {
        if (this.#stored && this.#mayOvertake(action.message, this.#stored, this.#self)) {
          perform(action);
          continue;
        }
        if (this.#waiting.length >= waitingMax) continue;
      }
      this.#waiting.push(action);
    }
  }

  /** What happens next; a promise is to be written, and then `stored` called. Null: nothing, or the disk is awaited. */
  next(): RingAction | null {
    if (this.#writing) return null;
    for (;;) {
      if (this.#waiting[0]?.kind === 'persist') {
        this.#writing = this.#gather();
        return this.#writing;
      }
      const action = this.#waiting.shift();
      if (!action) return null;
      if (this.#isCurrent(action)) return action;
    }
  }

  /** What is being written is on disk. @returns its number */
  stored(): number {
    const number = this.#writing?.number ?? 0;
    this.#stored = this.#writing?.durable ?? this.#stored;
    this.#writing = null;
    return number;
  }

  clear(): void {
    this.#waiting = [];
    this.#promises = 0;
  }

  /**
   * Promises only grow, so one write serves several that wait, as long as nothing but messages lies between them: a
   * message may be late, but what was handed to the application before a promise must not be lost with it.
   */
  #gather(): Persist | null {
    let newest: Persist | null = null;
    const rest: RingAction[] = [];
    let at = 0;
    for (; at < this.#waiting.length; at++) {
      const action = this.#waiting[at];
      if (action?.kind === 'persist') {
        newest = action;
        this.#promises--;
      } else if (action?.kind === 'send' || action?.kind === 'ignored') rest.push(action);
      else break;
    }
    this.#waiting = [...rest, ...this.#waiting.slice(at)];
    return newest;
  }
}
