/**
 * What the ring is told of the node's data. While a membership is agreed the ring counts on positions that stand still;
 * as long as commits are not ordered by the token the server goes on, so what is told stands still instead.
 */
import { type Clock, delay } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { RingEvent } from '../../ring/model.js';

/** Where a node stands: sequence numbers of its last change received and applied. */
export interface Standing {
  readonly received: number;
  readonly applied: number;
}

export interface NodeDataTools {
  /** Asks the server now. Rejects while it does not answer. */
  readonly read: () => Promise<Standing>;
  readonly handle: (event: RingEvent) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** A server that runs and does not answer is asked again. Milliseconds. */
const readAgainAfterMs = 100;
/** How often a node that fetches what a view starts with tells how far it is. Milliseconds. */
const fetchLookMs = 40;

export class NodeData {
  readonly #tools: NodeDataTools;
  #up = false;
  /** False when the end of the data can have been lost since the ring last counted on it. */
  #tailCertain = true;
  #standing: Standing = { received: 0, applied: 0 };
  #frozen = false;
  /** Changes with everything that makes an answer under way worthless. */
  #errand = new AbortController();
  #rising = new AbortController();

  constructor(tools: NodeDataTools) {
    this.#tools = tools;
  }

  get standing(): Standing {
    return this.#standing;
  }

  close(): void {
    this.#errand.abort();
    this.#rising.abort();
  }

  /** The server answers queries, or does no longer. `clean`: it was stopped in order. */
  async serverChanged(up: boolean, clean = true): Promise<void> {
    if (up === this.#up) return;
    this.#up = up;
    this.#rising.abort();
    if (!up) {
      this.#tailCertain = this.#tailCertain && clean;
      this.#errand.abort();
      this.#tools.handle({ kind: 'server', up: false, tailCertain: clean });
      return;
    }
    this.#rising = new AbortController();
    const standing = await this.#readUntil(this.#rising.signal);
    if (!standing) return;
    this.#tools.handle({ kind: 'position', ...standing });
    this.#tools.handle({ kind: 'server', up: true, tailCertain: this.#tailCertain });
    this.#tailCertain = true;
  }

  /** Somebody looked at the server. */
  seen(standing: Standing): void {
    this.#standing = standing;
    if (this.#up && !this.#frozen) this.#tools.handle({ kind: 'position', ...standing });
  }

  /** Answers a fence with the position as it is now; from here on the ring hears of no other. */
  async fence(fence: number): Promise<void> {
    this.#frozen = true;
    const standing = await this.#readUntil(this.#begin());
    if (standing) this.#tools.handle({ kind: 'fenced', fence, ...standing });
  }

  /** Replication brings what is missing; the ring hears of it up to `upTo`. */
  async fetch(upTo: number): Promise<void> {
    const signal = this.#begin();
    for (;;) {
      const standing = await this.#readUntil(signal);
      if (!standing) return;
      const received = Math.min(standing.received, upTo);
      this.#tools.handle({ kind: 'position', received, applied: Math.min(standing.applied, upTo) });
      if (received >= upTo || !(await this.#pause(fetchLookMs, signal))) return;
    }
  }

  /** The view begins: positions move again. */
  begin(): void {
    this.#begin();
    this.#frozen = false;
    if (this.#up) this.#tools.handle({ kind: 'position', ...this.#standing });
  }

  /** Asks the server now. @throws what the server's connection throws */
  async read(): Promise<Standing> {
    this.#standing = await this.#tools.read();
    return this.#standing;
  }

  #begin(): AbortSignal {
    this.#errand.abort();
    this.#errand = new AbortController();
    return this.#errand.signal;
  }

  async #readUntil(signal: AbortSignal): Promise<Standing | undefined> {
    while (!signal.aborted) {
      try {
        const standing = await this.read();
        return signal.aborted ? undefined : standing;
      } catch (thrown) {
        this.#tools.log.debug({ cause: messageOf(thrown) }, 'the ring does not learn where the node stands');
      }
      if (!(await this.#pause(readAgainAfterMs, signal))) return undefined;
    }
    return undefined;
  }

  async #pause(forMs: number, signal: AbortSignal): Promise<boolean> {
    return await delay(this.#tools.clock, forMs, signal).then(
      () => true,
      () => false,
    );
  }
}
