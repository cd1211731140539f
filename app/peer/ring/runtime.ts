/**
 * Runs one peer's part of the token protocol for real: clock, connections, store and node around the pure step.
 */
import type { Clock, Timer } from '../../base/clock.js';
import { delay } from '../../base/clock.js';
import { messageOf, RingmasterError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { RingPeerSettings, RingStatus } from '../../contract/control.js';
import { isCurrent } from '../../ring/current.js';
import { describeAction, describeEvent } from '../../ring/describe.js';
import {
  type ControlEntry,
  controlOutboxMax,
  formatRingId,
  type GatherReason,
  gatherReasons,
  type MemberId,
  type RingAction,
  type RingEvent,
  ringSettings,
} from '../../ring/model.js';
import type { Ring } from '../../ring/state.js';
import { createRing, step } from '../../ring/step.js';
import { stallOf } from '../../ring/suspicion.js';
import { networksOf, openLink, type RingLink } from './link.js';
import { Outlet, type WorldAction } from './outlet.js';
import type { RingNode } from './ring-node.js';
import { RotationMeter } from './rotation-meter.js';
import { nodeOf, ringStatus } from './status.js';
import { RingStore } from './store.js';

export interface RingRuntimeOptions {
  readonly settings: RingPeerSettings;
  readonly storePath: string;
  /** Makes what stands behind the member. */
  readonly makeNode: (ring: RingOfNode) => RingNode;
  /** Something that people should see at once has changed. */
  readonly changed: () => void;
  /** A control message, in the order that is the same for every member. */
  readonly delivered: (entry: ControlEntry) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** What a node is given of its ring. */
export interface RingOfNode {
  readonly handle: (event: RingEvent) => void;
  /** Does another member wait for the token? */
  readonly othersWant: () => boolean;
  /** Is this peer, looked at this very moment, sure to be in its view? */
  readonly certain: () => boolean;
}

/** An address that is taken, or a store that cannot be read: tried again after this. Milliseconds. */
const openAgainAfterMs = 2_000;

export class RingRuntime {
  readonly #options: RingRuntimeOptions;
  readonly #ring: Ring;
  readonly #node: RingNode;
  readonly #outlet: Outlet;
  readonly #store: RingStore;
  readonly #meter = new RotationMeter();
  readonly #closing = new AbortController();
  readonly #leavers: ((agreed: boolean) => void)[] = [];
  #link: RingLink | null = null;
  #problem: string | null = null;
  #timer: Timer | null = null;
  #armedMs = Number.POSITIVE_INFINITY;
  readonly #events: RingEvent[] = [];
  #stepping = false;
  /** Before the store is read nothing can be promised: what the server does meanwhile waits. */
  #server = { up: false, clean: true };
  #views = 0;
  #lastReason: GatherReason | null = null;
  #holder: MemberId | null = null;
  #stalls = { count: 0, longestMs: 0 };
  #shown = '';

  constructor(options: RingRuntimeOptions) {
    const { settings, clock, log, storePath } = options;
    const { expelAfterMs, probeAfterMs } = settings.timings;
    const peers = settings.members.map(({ member }) => member).filter((id) => id !== settings.member);
    this.#options = options;
    this.#ring = createRing(
      { id: settings.member, arbiter: settings.data === 'arbiter', peers, networks: networksOf(settings) },
      { ...ringSettings(expelAfterMs), probeAfterMs },
    );
    const store = new RingStore(storePath);
    this.#store = store;
    this.#outlet = new Outlet({
      self: settings.member,
      current: (action) => isCurrent(this.#ring.state, action),
      clock,
      log,
      write: (durable) => store.write(durable),
      perform: (action) => this.#perform(action),
      stored: (number) => this.handle({ kind: 'stored', number }),
    });
    this.#node = options.makeNode({
      handle: (event) => this.handle(event),
      othersWant: () => this.#othersWant,
      certain: () => this.#certain(),
    });
    this.#open(store).catch((thrown: unknown) =>
      log.error({ cause: messageOf(thrown) }, 'the ring did not begin'),
    );
  }

  /** Begins; what is in the way is told in `status` and tried again, because the node must work without its ring. */
  async #open(store: RingStore): Promise<void> {
    const { settings, clock, log } = this.#options;
    while (!this.#closing.signal.aborted) {
      try {
        const durable = await store.load(settings);
        const link = await openLink({
          settings,
          self: { id: settings.member, life: durable.life },
          boot: durable.boot + 1,
          events: {
            message: (from, network, message) => this.handle({ kind: 'message', from, network, message }),
            disconnected: (peer) => this.handle({ kind: 'disconnected', peer }),
          },
          clock,
          log,
        });
        if (this.#closing.signal.aborted) return await link.close();
        this.#link = link;
        this.#problem = null;
        this.handle({ kind: 'start', durable, tailCertain: this.#server.clean });
        if (settings.data === 'none') this.#server = { up: true, clean: true };
        if (settings.data !== 'arbiter') await this.#node.serverChanged(this.#server.up, this.#server.clean);
        return;
      } catch (thrown) {
        this.#problem = messageOf(thrown);
        log.error({ cause: this.#problem }, 'the ring does not begin');
        this.#options.changed();
        await delay(clock, openAgainAfterMs, this.#closing.signal).catch(() => undefined);
      }
    }
  }

  /** Ends without leaving: the others see the connections break. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#timer?.cancel();
    this.#outlet.close();
    this.#node.close();
    await this.#link?.close();
    await this.#store.close();
  }

  /** The node's server answers queries, or does no longer; `clean` when it was stopped in order. */
  serverChanged(up: boolean, clean: boolean): void {
    if (this.#options.settings.data !== 'server') return;
    const started = this.#ring.state.kind !== 'stopped';
    this.#server = { up, clean: clean && (started || this.#server.clean) };
    if (started) void this.#node.serverChanged(up, clean);
  }

  /** The data are those of a member of ring `lineage` now. @throws what the server's connection throws */
  async copied(lineage: number): Promise<void> {
    const { received } = await this.#node.read();
    this.handle({ kind: 'copied', lineage, received });
  }

  /** Leaves on purpose. Resolves when the others agreed, or could not be asked. */
  leave(): Promise<{ agreed: boolean }> {
    const { state } = this.#ring;
    if (state.kind === 'left') return Promise.resolve({ agreed: true });
    if (state.kind === 'stopped') return Promise.resolve({ agreed: false });
    return new Promise((resolve) => {
      this.#leavers.push((agreed) => resolve({ agreed }));
      this.handle({ kind: 'leave' });
    });
  }

  /** Comes back after it left, or changes its mind while it leaves. */
  rejoin(): void {
    this.handle({ kind: 'rejoin' });
    this.#tellLeavers(false);
  }

  /** Do other nodes wait for this one when it stands still? */
  get isShared(): boolean {
    const { state, durable } = this.#ring;
    if (state.kind === 'stopped' || state.kind === 'left') return false;
    return (durable.primary?.members ?? []).filter(({ arbiter }) => !arbiter).length > 1;
  }

  /** Puts a control message into the order. @throws ring.submit-refused */
  submit(payload: string): void {
    const { state, outbox, self } = this.#ring;
    const refuse = (cause: string): never => {
      throw new RingmasterError('ring.submit-refused', {
        node: nodeOf(this.#options.settings, self.id),
        cause,
      });
    };
    if (state.kind === 'stopped' || state.kind === 'left') refuse('it belongs to no ring now');
    if (outbox.length >= controlOutboxMax) refuse(`${controlOutboxMax} messages wait already`);
    this.handle({ kind: 'submit', payload });
  }

  status(): RingStatus {
    const { settings, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const { perSecond, rotationMs } = this.#meter.read(nowMs);
    return ringStatus(
      this.#ring,
      settings,
      this.#link,
      {
        views: this.#views,
        lastReason: this.#lastReason,
        holder: this.#holder,
        passes: this.#meter.passes,
        rotationsPerSecond: perSecond,
        rotationMs,
        stalls: this.#stalls,
        writes: this.#outlet.writes,
        problem: this.#problem,
        ready: this.#node.ready,
      },
      this.#node.standing,
      nowMs,
    );
  }

  /** Gives the protocol an event. What it asks for may bring the next one: those wait for their turn. */
  handle(event: RingEvent): void {
    if (this.#closing.signal.aborted) return;
    this.#events.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#events.shift(); next; next = this.#events.shift()) this.#step(next);
    } finally {
      this.#stepping = false;
    }
    this.#arm();
  }

  #step(event: RingEvent): void {
    const { clock, log } = this.#options;
    const ring = this.#ring;
    const nowMs = clock.monotonicMs();
    const stalledMs = stallOf(nowMs - ring.wakeMs, nowMs - ring.steppedMs, ring.settings);
    if (stalledMs > 0) {
      const { count, longestMs } = this.#stalls;
      this.#stalls = { count: count + 1, longestMs: Math.max(longestMs, stalledMs) };
    }
    const number = ring.state.kind === 'operational' ? ring.state.number : 0;
    const actions = step(ring, event, nowMs);
    if (log.isLevelEnabled('trace')) this.#trace(event, actions);
    this.#measure(event, actions, number, nowMs);
    this.#outlet.take(actions);
    this.#tellNode(event);
    this.#show();
  }

  /** What the node must hear of although the protocol asks nothing of it. */
  #tellNode(event: RingEvent): void {
    const { state } = this.#ring;
    if (state.kind !== 'operational') return;
    if (state.grip.kind === 'committing') {
      if (this.#othersWant) this.#node.othersWant();
    } else if (state.grip.kind === 'waiting') this.#node.ordered(state.sequence);
    if (event.kind === 'message' && event.message.kind === 'pulse')
      this.#node.ordered(event.message.sequence);
  }

  get #othersWant(): boolean {
    const { state } = this.#ring;
    return state.kind === 'operational' && (state.wants & ~(1 << state.index)) !== 0;
  }

  /** A process that stood still looks at its clock before it trusts its view: answers are read before timers fire. */
  #certain(): boolean {
    if (!this.#stepping) this.handle({ kind: 'tick' });
    return this.#ring.state.kind === 'operational';
  }

  /** Where the token is, and how long it is on its way. */
  #measure(event: RingEvent, actions: readonly RingAction[], number: number, nowMs: number): void {
    const { state, self } = this.#ring;
    if (state.kind !== 'operational') {
      this.#holder = null;
      return;
    }
    if (event.kind === 'message' && 'ringId' in event.message && event.message.ringId === state.view.ringId) {
      const { message, from } = event;
      if (message.kind === 'token' && message.token.number > number) this.#meter.came(nowMs);
      if (message.kind === 'pulse' || (message.kind === 'here' && message.holding)) {
        this.#holder = from.id;
        this.#meter.rested();
      }
    }
    const passes = actions.some(
      (action) =>
        action.kind === 'send' && action.message.kind === 'token' && action.message.token.number > number,
    );
    if (passes) this.#meter.left(nowMs);
    if (state.grip.kind !== 'away') this.#holder = self.id;
    else if (passes) this.#holder = null;
  }

  /** Tells of a new view at once. */
  #show(): void {
    const { state, barred } = this.#ring;
    const view = state.kind === 'operational' ? formatRingId(state.view.ringId) : '';
    const shown = `${state.kind} ${view} ${barred}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (state.kind === 'gather' && state.reason !== this.#lastReason) this.#lastReason = state.reason;
    if (state.kind === 'operational') {
      this.#views++;
      const members = state.view.members.map(({ id }) => nodeOf(this.#options.settings, id));
      this.#options.log.info({ view, members }, 'a view of the ring begins');
    } else {
      const [stalls, writes] = [this.#stalls, this.#outlet.writes];
      this.#options.log.info({ state: state.kind, reason: this.#reason(), stalls, writes }, 'the ring');
    }
    this.#options.changed();
  }

  #reason(): string | null {
    return this.#lastReason && gatherReasons[this.#lastReason];
  }

  #trace(event: RingEvent, actions: readonly RingAction[]): void {
    const does = actions.map(describeAction);
    this.#options.log.trace({ does }, describeEvent(event));
  }

  /** One timer, moved only when the next look comes sooner: under contention every step has a new deadline. */
  #arm(): void {
    const { wakeMs } = this.#ring;
    if (wakeMs >= this.#armedMs) return;
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#armedMs = wakeMs;
    this.#timer = clock.after(Math.max(0, Math.ceil(wakeMs - clock.monotonicMs())), () => {
      this.#armedMs = Number.POSITIVE_INFINITY;
      if (clock.monotonicMs() < this.#ring.wakeMs) this.#arm();
      else this.handle({ kind: 'tick' });
    });
  }

  #perform(action: WorldAction): void {
    const { log } = this.#options;
    switch (action.kind) {
      case 'send':
        this.#link?.send(action.to, action.network, action.message);
        return;
      case 'fence':
        this.#node.fence(action.fence);
        return;
      case 'fetch':
        this.#node.fetch(action.from, action.upTo);
        return;
      case 'begin':
        this.#node.begin(action.view, action.predecessor);
        return;
      case 'deliver':
        this.#options.delivered(action.entry);
        return;
      case 'left':
        this.#node.outside('leave');
        this.#tellLeavers(action.agreed);
        return;
      case 'control-gap':
        log.warn({ from: action.from, to: action.to }, 'control messages were missed');
        return;
      case 'refused':
        log.warn({ reason: action.reason }, 'the ring does not take this node');
        return;
      case 'commit':
        this.#node.commit(action.ringId, action.after, action.max);
        return;
      case 'outside':
        this.#node.outside(action.reason);
        return;
      case 'acknowledge':
        this.#node.acknowledge(action.upTo);
        return;
      case 'safe':
        this.#node.safe(action.upTo);
        return;
      case 'ignored':
        return;
    }
  }

  #tellLeavers(agreed: boolean): void {
    for (const tell of this.#leavers.splice(0)) tell(agreed);
  }
}
