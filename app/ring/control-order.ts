/**
 * Control messages in one order. The holder of the token appends; each member stores what it sees and acts on an entry
 * when a majority of the view has stored it, so that every later primary view knows it.
 */
import { act, persist } from './core.js';
import { nthHighest } from './flow.js';
import type { ControlEntry } from './model.js';
import { controlPendingMax, controlTailMax } from './model.js';
import type { Operational, Ring } from './state.js';

/** Stores entries that follow the own log without a gap; others are known already. */
export function takeControl(ring: Ring, state: Operational, entries: readonly ControlEntry[]): void {
  const { control } = ring.durable;
  const news = entries.filter((entry) => entry.number > control.last);
  if (news.length > 0) {
    const tail = [...control.tail, ...news].slice(-controlTailMax);
    const last = news[news.length - 1]?.number ?? control.last;
    persist(ring, { control: { ...control, last, tail } });
  }
  state.controlSeen[state.index] = ring.durable.control.last;
}

/** Puts own waiting messages behind the last one, as many as may be under way. */
export function appendControl(ring: Ring, state: Operational): void {
  const { control } = ring.durable;
  const seenByAll = Math.min(...state.controlSeen);
  const room = controlPendingMax - (control.last - seenByAll);
  if (ring.outbox.length === 0 || room <= 0) return;
  const payloads = ring.outbox.splice(0, room);
  const entries = payloads.map((payload, index) => ({
    number: control.last + 1 + index,
    from: ring.self.id,
    payload,
  }));
  takeControl(ring, state, entries);
}

/** Hands over what enough members have stored. */
export function deliverSeen(ring: Ring, state: Operational): void {
  const { length } = state.view.members;
  const upTo = nthHighest(state.controlSeen, ring.rules.controlQuorum(length));
  deliverControl(ring, Math.min(upTo, ring.durable.control.last));
  state.controlDelivered[state.index] = ring.durable.control.delivered;
}

/** Hands over the entries up to `upTo`, each once in the life of this process. */
export function deliverControl(ring: Ring, upTo: number): void {
  const { control } = ring.durable;
  if (upTo <= control.delivered) return;
  for (const entry of control.tail) {
    if (entry.number > control.delivered && entry.number <= upTo) act(ring, { kind: 'deliver', entry });
  }
  persist(ring, { control: { ...control, delivered: upTo } });
}

/** Is there an entry that somebody has not acted on? The token must go on travelling then. */
export function controlUnfinished(ring: Ring, state: Operational): boolean {
  const { last } = ring.durable.control;
  return state.controlDelivered.some((delivered) => delivered < last);
}

/** The entries that not everybody has seen. */
export function controlOnToken(ring: Ring, state: Operational): readonly ControlEntry[] {
  const { control } = ring.durable;
  if (control.tail.length === 0) return control.tail;
  const seenByAll = Math.min(...state.controlSeen);
  return seenByAll >= control.last ? [] : control.tail.filter((entry) => entry.number > seenByAll);
}
