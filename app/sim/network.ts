/** The network between the peers: each link of each network has its own faults, in each direction. */
import type { Random } from '../base/random.js';
import type { MemberId, RingMessage, Voter } from '../ring/model.js';
import type { Agenda } from './agenda.js';
import type { SimOptions } from './options.js';

export type Deliver = (from: Voter, to: MemberId, network: number, message: RingMessage) => void;

export interface Network {
  send(from: Voter, to: MemberId, network: number, message: RingMessage): void;
  /** Stops or lets pass everything from one to the other; network -1 for every one. */
  block(from: MemberId, to: MemberId, network: number, blocked: boolean): void;
  /** Can data flow from one to the other on any network? */
  connects(from: MemberId, to: MemberId): boolean;
  /** Messages to or from this member take so much longer, milliseconds. */
  slow(member: MemberId, byMs: number): void;
  /** The next token from one to the other arrives a second time so much later, as from a link that stalls and repeats. */
  repeatToken(from: MemberId, to: MemberId, afterMs: number): void;
  /** Everything works again. */
  heal(): void;
}

export function createNetwork(
  agenda: Agenda,
  random: Random,
  options: SimOptions,
  deliver: Deliver,
): Network {
  const size = options.members + 1;
  const blocked = Array.from({ length: options.networks }, () => new Uint8Array(size * size));
  const slowMs = new Float64Array(size);
  let lossy = true;
  let repeat: { readonly link: number; readonly afterMs: number } | null = null;

  const sendOne = (from: Voter, to: MemberId, network: number, message: RingMessage): void => {
    const link = from.id * size + to;
    if (blocked[network]?.[link]) return;
    if (repeat?.link === link && message.kind === 'token') {
      agenda.after(repeat.afterMs, () => deliver(from, to, network, message));
      repeat = null;
    }
    if (lossy && options.loss > 0 && random.chance(options.loss)) return;
    const copies = lossy && options.doubles > 0 && random.chance(options.doubles) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const slowerMs = (slowMs[from.id] ?? 0) + (slowMs[to] ?? 0);
      const delayMs = options.delayMs + options.jitterMs * random.next() + slowerMs * random.next();
      // A copy may come very late: that is what a reconnecting link does.
      const lateMs = copy === 1 && random.chance(0.2) ? random.integer(20, 2_000) : 0;
      agenda.after(delayMs + lateMs, () => {
        if (!blocked[network]?.[link]) deliver(from, to, network, message);
      });
    }
  };

  return {
    send(from, to, network, message) {
      if (network >= 0) sendOne(from, to, network, message);
      else for (let each = 0; each < options.networks; each++) sendOne(from, to, each, message);
    },
    block(from, to, network, stop) {
      for (let each = 0; each < options.networks; each++) {
        const row = blocked[each];
        if (row && (network < 0 || network === each)) row[from * size + to] = stop ? 1 : 0;
      }
    },
    connects(from, to) {
      return blocked.some((row) => !row[from * size + to] && !row[to * size + from]);
    },
    repeatToken(from, to, afterMs) {
      repeat = { link: from * size + to, afterMs };
    },
    slow(member, byMs) {
      slowMs[member] = byMs;
    },
    heal() {
      for (const row of blocked) row.fill(0);
      slowMs.fill(0);
      lossy = false;
    },
  };
}
