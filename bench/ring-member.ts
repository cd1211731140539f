/**
 * One member of the ring for the benchmark, as a process of its own: the real protocol over the real transport, and a node
 * that applies and commits at once, so that the token is what is measured. Talks to its parent by messages.
 */
import { systemClock, type Timer } from '../app/base/clock.js';
import { silentLog } from '../app/base/log.js';
import type { RingPeerSettings } from '../app/contract/control.js';
import { openLink, type RingLink } from '../app/peer/ring/link.js';
import { type Member, newDurable, type RingAction, type RingEvent, ringSettings } from '../app/ring/model.js';
import { createRing, step } from '../app/ring/step.js';

/** What the parent tells first. */
export interface MemberOrder {
  readonly id: number;
  /** Port of each member on loopback, the first member's first. */
  readonly ports: readonly number[];
  readonly key: string;
}

/** What the parent asks for afterwards. */
export type MemberRequest =
  /** Want the token all the time, or not at all. */
  { readonly kind: 'load'; readonly on: boolean } | { readonly kind: 'count' };

/** What a member answers. */
export type MemberReport =
  | { readonly kind: 'began'; readonly members: number }
  | {
      readonly kind: 'counted';
      readonly passes: number;
      readonly rotationsMs: readonly number[];
      readonly cpuSeconds: number;
    };

const host = '127.0.0.1';
const tell = (report: MemberReport): void => void process.send?.(report);

function settingsOf({ id, ports, key }: MemberOrder): RingPeerSettings {
  return {
    cluster: 'bench',
    member: id,
    data: 'none',
    key,
    members: ports.map((port, index) => ({
      member: index + 1,
      node: `member${index + 1}`,
      addresses: [{ host, port }, null],
      sql: null,
    })),
    founders: null,
    timings: { expelAfterMs: 250, probeAfterMs: 10 },
  };
}

async function run(order: MemberOrder): Promise<void> {
  const { id, ports } = order;
  const founders: Member[] = ports.map((_, index) => ({ id: index + 1, life: 1, arbiter: false }));
  const others = founders.map((member) => member.id).filter((other) => other !== id);
  const ring = createRing({ id, arbiter: false, peers: others, networks: 1 }, ringSettings());
  const events: RingEvent[] = [];
  let timer: Timer | null = null;
  let timerMs = Number.POSITIVE_INFINITY;
  let loaded = false;
  let passes = 0;
  let lastTokenMs = 0;
  let rotationsMs: number[] = [];
  let cpuFrom = process.cpuUsage();
  let running = false;
  let link: RingLink | null = null;

  const perform = (action: RingAction): void => {
    if (action.kind === 'send') link?.send(action.to, action.network, action.message);
    else if (action.kind === 'persist') events.push({ kind: 'stored', number: action.number });
    else if (action.kind === 'fence') {
      const { received, applied } = ring;
      events.push({ kind: 'fenced', fence: action.fence, received, applied });
    } else if (action.kind === 'fetch') {
      events.push({ kind: 'position', received: action.upTo, applied: action.upTo });
    } else if (action.kind === 'commit') {
      // A server answers later, when others could speak meanwhile.
      setImmediate(() => {
        const waiting = loaded ? 10 : 0;
        handle({ kind: 'committed', ringId: action.ringId, upTo: action.after + 1, waiting });
      });
    } else if (action.kind === 'begin') tell({ kind: 'began', members: action.view.members.length });
  };

  /** One event after the other; what they cause follows. */
  const handle = (event: RingEvent): void => {
    events.push(event);
    if (running) return;
    running = true;
    for (let next = events.shift(); next; next = events.shift()) {
      for (const action of [...step(ring, next, systemClock.monotonicMs())]) perform(action);
    }
    running = false;
    if (ring.wakeMs >= timerMs) return;
    timer?.cancel();
    timerMs = ring.wakeMs;
    timer = systemClock.after(Math.max(0, ring.wakeMs - systemClock.monotonicMs()), wake);
  };
  const wake = (): void => {
    timerMs = Number.POSITIVE_INFINITY;
    const waitMs = ring.wakeMs - systemClock.monotonicMs();
    if (waitMs <= 0) handle({ kind: 'tick' });
    else if (waitMs !== Number.POSITIVE_INFINITY) {
      timerMs = ring.wakeMs;
      timer = systemClock.after(waitMs, wake);
    }
  };

  link = await openLink({
    settings: settingsOf(order),
    self: { id, life: 1 },
    boot: 1,
    events: {
      message(from, network, message) {
        if (message.kind === 'token') {
          const nowMs = systemClock.monotonicMs();
          if (lastTokenMs > 0) rotationsMs.push(nowMs - lastTokenMs);
          lastTokenMs = nowMs;
          passes++;
          const { sequence } = message.token;
          if (sequence > ring.applied) handle({ kind: 'position', received: sequence, applied: sequence });
        }
        handle({ kind: 'message', from, network, message });
      },
      disconnected: (peer) => handle({ kind: 'disconnected', peer }),
    },
    clock: systemClock,
    log: silentLog(),
  });

  process.on('message', (request: MemberRequest) => {
    if (request.kind === 'load') {
      loaded = request.on;
      handle({ kind: 'queue', length: loaded ? 10 : 0 });
    } else {
      const cpu = process.cpuUsage(cpuFrom);
      tell({ kind: 'counted', passes, rotationsMs, cpuSeconds: (cpu.user + cpu.system) / 1e6 });
      passes = 0;
      rotationsMs = [];
      lastTokenMs = 0;
      cpuFrom = process.cpuUsage();
    }
  });
  handle({ kind: 'start', durable: newDurable(1, founders), tailCertain: true });
  handle({ kind: 'server', up: true, tailCertain: true });
}

process.once('message', (order: MemberOrder) => void run(order));
process.on('disconnect', () => process.exit(0));
