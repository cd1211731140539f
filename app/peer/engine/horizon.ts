/**
 * The end of what was acknowledged anywhere, for causal reads: a change that a client was told of is in the log of the
 * member that made it, so the highest end of all members' logs covers it. A member that does not answer is lost to the
 * view, and what it acknowledged is part of what the next view begins with: until then the question is asked again.
 */
import { type Clock, delay } from '../../base/clock.js';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Admin } from '../../io/mariadb/admin.js';
import { sequenceOf } from '../../model/gtid.js';
import type { Member, MemberId } from '../../ring/model.js';

const againAfterMs = 20;

export interface HorizonTools {
  /** A new connection to the server of another member. */
  readonly connectTo: (member: MemberId) => Promise<Admin>;
  readonly clock: Clock;
  readonly log: Log;
}

export class Horizon {
  readonly #tools: HorizonTools;
  /** Whom to ask; null before the first view, when nobody knows who may have acknowledged what. */
  #others: readonly MemberId[] | null = null;
  readonly #connections = new Map<MemberId, Admin>();
  /** The question that is under way, and the one that begins behind it: asked once for all who came meanwhile. */
  #current: Promise<number> | null = null;
  #next: Promise<number> | null = null;

  constructor(tools: HorizonTools) {
    this.#tools = tools;
  }

  /** A view begins. @param others its data members without this one */
  begin(others: readonly Member[]): void {
    const ids = others.map(({ id }) => id);
    this.#others = ids;
    for (const [member, connection] of this.#connections) {
      if (ids.includes(member)) continue;
      connection.destroy();
      this.#connections.delete(member);
    }
  }

  /**
   * A sequence number that covers everything acknowledged before the call, except by this node itself.
   * @throws the signal's reason when it is aborted first
   */
  async acknowledged(signal: AbortSignal): Promise<number> {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await this.#ask();
      } catch (thrown) {
        this.#tools.log.debug({ cause: messageOf(thrown) }, 'a member did not say where its log ends');
        await delay(this.#tools.clock, againAfterMs, signal);
      }
    }
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.destroy();
    this.#connections.clear();
  }

  /** An answer under way may have begun before the call: the next one counts. */
  #ask(): Promise<number> {
    if (!this.#current) {
      this.#current = this.#query().finally(() => {
        this.#current = null;
      });
      return this.#current;
    }
    this.#next ??= this.#current
      .catch(() => 0)
      .then(() => {
        this.#next = null;
        return this.#ask();
      });
    return this.#next;
  }

  async #query(): Promise<number> {
    if (this.#others === null) throw new Error('this node is in no view yet');
    const ends = await Promise.all(this.#others.map((member) => this.#endOf(member)));
    return Math.max(0, ...ends);
  }

  async #endOf(member: MemberId): Promise<number> {
    let connection = this.#connections.get(member);
    if (!connection || connection.lost) {
      connection = await this.#tools.connectTo(member);
      this.#connections.set(member, connection);
    }
    const row = await connection.one('SELECT @@global.gtid_binlog_pos AS position');
    return sequenceOf(String(row.position ?? ''));
  }
}
