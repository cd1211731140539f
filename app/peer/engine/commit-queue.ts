/**
 * The sessions of one node that wait for the token, and the holds in which they commit together.
 *
 *   closed --open--> open --commit(ring)--> hold --last answer, yield or bound--> finishing --position read--> open
 *      ^               |                      |
 *      +--- close -----+----------------------+  a hold that is under way is finished first
 *
 * A hold begins with everybody who waits. Who arrives during it joins it: as long as nobody else wants the token for
 * `lingerMs`, else for `shareMs`. So a lone writer pays one position query in `lingerMs`, and a contended token moves on.
 */
import type { Timer } from '../../base/clock.js';
import { messageOf, RingmasterError } from '../../base/errors.js';
import type { CommitGate, Released } from '../front-end/gate.js';
import type { CommitPause, CommitQueueTools } from './commit-queue-tools.js';

/** How long a hold may go on taking newcomers while nobody else wants the token. */
const lingerMs = 50;
/** The same when others wait. */
const shareMs = 4;
/** A position that cannot be read is asked for again. */
const readAgainAfterMs = 50;

interface Waiter {
  readonly backendId: number;
  readonly grant: () => void;
  readonly refuse: (error: unknown) => void;
}

/** One use of the token. */
interface Hold {
  readonly ringId: number;
  readonly after: number;
  readonly max: number;
  readonly startedMs: number;
  granted: number;
  outstanding: number;
  /** No newcomers any more. */
  closed: boolean;
  /** Receiving stopped while it was under way: the node's OK alone proves nothing. */
  doubtful: boolean;
  /** Highest number that the node named in its answers. */
  named: number;
  /** Some answer named none: the node is asked where its log ends. */
  unnamed: boolean;
  /** Last number that it used; null until that is known. */
  upTo: number | null;
}

/** Somebody who wants the token for himself. */
interface Pauser {
  readonly begun: (pause: CommitPause) => void;
  readonly refuse: (error: unknown) => void;
}

/** A commit whose OK waits until it is sure to survive. */
interface Pending {
  readonly hold: Hold;
  readonly level: 'lossless' | 'everywhere';
  readonly settle: (outcome: 'kept' | 'unknown') => void;
}

export class CommitQueue implements CommitGate {
  readonly #tools: CommitQueueTools;
  readonly #waiters = new Set<Waiter>();
  readonly #pending = new Set<Pending>();
  readonly #quiet: (() => void)[] = [];
  /** Wants the token for itself at the next turn. */
  #pauser: Pauser | null = null;
  /** Ends the pause that lasts, when the view ends under it. */
  #breakPause: (() => void) | null = null;
  #open = false;
  /** Why nobody may commit; null when waiting makes sense. */
  #refusal: RingmasterError | null = null;
  /** The ring gave the permission before the node was ready. */
  #offered: { readonly ringId: number; readonly after: number; readonly max: number } | null = null;
  #hold: Hold | null = null;
  /** The hold of the last release: `safe` is asked right behind it. */
  #released: Hold | null = null;
  #timer: Timer | null = null;
  #acknowledged = 0;
  #everywhere = 0;
  /** Counted since the peer began. */
  readonly counts = { holds: 0, commits: 0, unknown: 0 };

  constructor(tools: CommitQueueTools) {
    this.#tools = tools;
  }

  /** Does it take commits? */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Transactions that wait for the token, and whoever wants it for himself. */
  get length(): number {
    return this.#waiters.size + (this.#pauser ? 1 : 0);
  }

  acquire(signal: AbortSignal, backendId: number): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#refusal) return Promise.reject(this.#refusal);
    const hold = this.#hold;
    if (hold && this.#takesNewcomers(hold)) {
      this.#admit(hold, backendId);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        backendId,
        grant: () => {
          signal.removeEventListener('abort', withdraw);
          resolve();
        },
        refuse: (error) => {
          signal.removeEventListener('abort', withdraw);
          reject(error);
        },
      };
      const withdraw = () => {
        if (this.#waiters.delete(waiter)) this.#tools.waiting(this.length);
        reject(signal.reason);
      };
      signal.addEventListener('abort', withdraw, { once: true });
      this.#waiters.add(waiter);
      this.#tools.waiting(this.length);
      this.#look();
    });
  }

  /**
   * Takes the token and commits nothing: until `end` is called, nobody in the cluster does. Whoever asks bounds the time.
   * @throws the signal's reason when it is aborted before the token came; RingmasterError when there is none to be had
   */
  pause(signal: AbortSignal): Promise<CommitPause> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#refusal) return Promise.reject(this.#refusal);
    if (this.#pauser || this.#breakPause) return Promise.reject(new RingmasterError('verification.busy'));
    return new Promise((resolve, reject) => {
      const withdraw = () => {
        if (this.#pauser !== pauser) return;
        this.#pauser = null;
        this.#tools.waiting(this.length);
        reject(signal.reason);
      };
      const pauser: Pauser = {
        begun: (pause) => {
          signal.removeEventListener('abort', withdraw);
          resolve(pause);
        },
        refuse: (error) => {
          signal.removeEventListener('abort', withdraw);
          reject(error);
        },
      };
      signal.addEventListener('abort', withdraw, { once: true });
      this.#pauser = pauser;
      this.#tools.waiting(this.length);
      this.#look();
    });
  }

  release({ outcome, sequence }: Released, backendId: number): void {
    this.#tools.holds(backendId, false);
    const hold = this.#hold;
    if (!hold || hold.outstanding === 0) {
      this.#tools.log.error({ outcome }, 'a permission was given back that nobody had');
      return;
    }
    hold.outstanding--;
    this.#released = hold;
    if (outcome === 'done') this.counts.commits++;
    if (sequence === null) hold.unnamed = true;
    else hold.named = Math.max(hold.named, sequence);
    this.#look();
  }

  safe(level: 'lossless' | 'everywhere', signal: AbortSignal): Promise<'kept' | 'unknown'> {
    const hold = this.#released;
    if (!hold) return Promise.resolve('kept');
    if (level === 'lossless' && !hold.doubtful && this.#open && this.#tools.okIsEnough())
      return Promise.resolve('kept');
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        hold,
        level,
        settle: (outcome) => {
          signal.removeEventListener('abort', withdraw);
          if (outcome === 'unknown') this.counts.unknown++;
          resolve(outcome);
        },
      };
      const withdraw = () => {
        this.#pending.delete(pending);
        reject(signal.reason);
      };
      signal.addEventListener('abort', withdraw, { once: true });
      this.#pending.add(pending);
      this.#settle();
    });
  }

  caughtUp(signal: AbortSignal): Promise<void> {
    if (this.#refusal) return Promise.reject(this.#refusal);
    return this.#tools.caughtUp(signal);
  }

  /** The ring gives the permission: numbers from `after + 1`, at most `max` transactions. */
  grant(ringId: number, after: number, max: number): void {
    if (!this.#open) {
      this.#offered = { ringId, after, max };
      return;
    }
    this.#offered = null;
    this.counts.holds++;
    const hold: Hold = {
      ringId,
      after,
      max,
      startedMs: this.#tools.clock.monotonicMs(),
      granted: 0,
      outstanding: 0,
      closed: false,
      doubtful: false,
      named: after,
      unnamed: false,
      upTo: null,
    };
    this.#hold = hold;
    if (this.#pauser) {
      this.#beginPause(hold, this.#pauser);
      return;
    }
    for (const waiter of this.#waiters) {
      if (hold.granted >= max) break;
      this.#waiters.delete(waiter);
      this.#admit(hold, waiter.backendId);
      waiter.grant();
    }
    this.#tools.waiting(this.length);
    this.#look();
  }

  /** Another member began to want the token. */
  yieldSoon(): void {
    if (this.#hold) this.#look();
  }

  /** Commits wait from now on. Resolves when none is between its permission and its OK. */
  close(): Promise<void> {
    this.#open = false;
    this.#offered = null;
    const hold = this.#hold;
    if (!hold) return Promise.resolve();
    hold.closed = true;
    hold.doubtful = true;
    this.#breakPause?.();
    if (this.#hold !== hold) return Promise.resolve();
    return new Promise((resolve) => {
      this.#quiet.push(resolve);
      this.#look();
    });
  }

  /** The node is ready in a view that begins at `start`: what was committed before it and is not above survives. */
  open(start: number): void {
    this.#open = true;
    this.#refusal = null;
    this.#acknowledged = Math.max(this.#acknowledged, start);
    // Whatever this node committed before it was fenced is part of what the view begins with.
    for (const { hold } of this.#pending) hold.upTo ??= start;
    this.#settle();
    const offered = this.#offered;
    if (offered) this.grant(offered.ringId, offered.after, offered.max);
    else this.#tools.waiting(this.length);
  }

  /** Nobody may commit here: everybody who waits is told why, and what is on its way has an unknown outcome. */
  refuse(error: RingmasterError): void {
    this.#open = false;
    this.#refusal = error;
    this.#offered = null;
    for (const waiter of this.#waiters) waiter.refuse(error);
    this.#waiters.clear();
    this.#pauser?.refuse(error);
    this.#pauser = null;
    this.#breakPause?.();
    for (const pending of this.#pending) pending.settle('unknown');
    this.#pending.clear();
    this.#tools.waiting(0);
  }

  /** Changes up to here survive every later view. */
  acknowledge(upTo: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, upTo);
    this.#settle();
  }

  /** Every member has applied up to here. */
  reachedEverybody(upTo: number): void {
    this.#everywhere = Math.max(this.#everywhere, upTo);
    this.#settle();
  }

  /** Gives up what waits for time. */
  end(): void {
    this.#timer?.cancel();
  }

  /** A hold without newcomers and with one permission that is given to no session: it lasts until that is given back. */
  #beginPause(hold: Hold, pauser: Pauser): void {
    this.#pauser = null;
    this.counts.holds--;
    hold.closed = true;
    hold.outstanding = 1;
    let lasts = true;
    let broken = false;
    const giveBack = () => {
      if (!lasts) return;
      lasts = false;
      this.#breakPause = null;
      hold.outstanding = 0;
      this.#look();
    };
    this.#breakPause = () => {
      broken = true;
      giveBack();
    };
    this.#tools.waiting(this.length);
    pauser.begun({
      sequence: hold.after,
      end: () => {
        giveBack();
        return !broken;
      },
    });
  }

  #admit(hold: Hold, backendId: number): void {
    hold.granted++;
    hold.outstanding++;
    this.#tools.holds(backendId, true);
  }

  #takesNewcomers(hold: Hold): boolean {
    if (hold.closed || !this.#open || hold.granted >= hold.max || this.length > 0) return false;
    const ageMs = this.#tools.clock.monotonicMs() - hold.startedMs;
    return ageMs < (this.#tools.othersWant() ? shareMs : lingerMs);
  }

  /** Ends the hold when it is time and nobody is in the middle of a commit. */
  #look(): void {
    const hold = this.#hold;
    if (!hold) return;
    if (hold.outstanding > 0) return;
    for (const done of this.#quiet.splice(0)) done();
    this.#timer?.cancel();
    const leftMs = hold.startedMs + lingerMs - this.#tools.clock.monotonicMs();
    const full = hold.closed || hold.granted >= hold.max;
    if (!full && leftMs > 0 && this.length === 0 && !this.#tools.othersWant()) {
      // Timers come up to a millisecond early: then the rest is waited for.
      this.#timer = this.#tools.clock.after(leftMs, () => this.#look());
      return;
    }
    this.#hold = null;
    if (hold.unnamed) void this.#finish(hold);
    else this.#finished(hold, hold.named);
  }

  async #finish(hold: Hold): Promise<void> {
    const upTo = await this.#tools.readSequence().catch((thrown: unknown) => {
      this.#tools.log.warn({ cause: messageOf(thrown) }, 'the end of a group of commits was not read');
      return null;
    });
    if (upTo === null) {
      // A server that is gone ends the view, and the next one says what survives; one that only refused is asked again.
      if (!this.#open) return;
      this.#timer = this.#tools.clock.after(readAgainAfterMs, () => void this.#finish(hold));
      return;
    }
    this.#finished(hold, Math.max(hold.named, upTo));
  }

  #finished(hold: Hold, upTo: number): void {
    hold.upTo = upTo;
    this.#settle();
    this.#tools.committed(hold.ringId, upTo);
  }

  #settle(): void {
    for (const pending of this.#pending) {
      const { hold, level } = pending;
      if (hold.upTo === null) continue;
      const mark = level === 'everywhere' ? this.#everywhere : this.#acknowledged;
      if (mark < hold.upTo) continue;
      this.#pending.delete(pending);
      pending.settle('kept');
    }
  }
}
