/** What must hold, watched from outside: these see everything, and know nothing of how the protocol decides. */
import type { ControlEntry, MemberId, RingId, View, Voter } from '../ring/model.js';
import { formatRingId, ringLeader } from '../ring/model.js';

/** A rule of the ring that was broken. */
export interface Violation {
  readonly rule: string;
  readonly text: string;
  readonly atMs: number;
}

/** What a checker may see of a node's data. */
export interface WatchedNode {
  readonly id: MemberId;
  readonly life: number;
  /** Highest ring id that its store promises. */
  readonly promised: RingId;
  readonly log: readonly number[];
}

interface Formed {
  readonly view: View;
  /** The data that it begins with. */
  readonly data: readonly number[] | null;
  /** Last number committed in it. */
  last: number;
}

interface Acknowledged {
  readonly sequence: number;
  readonly change: number;
  /** Every copy in the newest view was physically destroyed: nothing can promise it any more. */
  excused: boolean;
}

export interface Checkers {
  readonly violations: Violation[];
  readonly views: number;
  readonly acknowledgedCount: number;
  /** The newest primary view that came into being. */
  newest(): View | null;
  found(view: View): void;
  /** A member stored that `view` exists. */
  primaryStored(node: MemberId, view: View, formedIt: boolean, nodes: readonly WatchedNode[]): void;
  holds(node: MemberId, ringId: RingId | null): void;
  committed(node: MemberId, ringId: RingId, sequence: number, applied: number, inPrimary: boolean): void;
  acknowledged(ringId: RingId, sequence: number, change: number): void;
  /** These changes at these places were lost with a host's memory or disk. */
  destroyed(nodes: readonly WatchedNode[]): void;
  delivered(node: MemberId, entry: ControlEntry): void;
  controlGap(node: MemberId, to: number): void;
  restarted(node: MemberId, delivered: number): void;
  /** The operator decided: these do not count any more. */
  declaredDead(voters: readonly Voter[]): void;
  fail(rule: string, text: string): void;
}

const among = (voters: readonly Voter[], one: Voter): boolean =>
  voters.some(({ id, life }) => id === one.id && life === one.life);

const majorityThere = (view: View, next: View, dead: readonly Voter[]): boolean => {
  const counted = view.members.filter((member) => !among(dead, member));
  return 2 * counted.filter((member) => among(next.voters, member)).length > counted.length;
};

/** The data that a view begins with; tells when its members disagree. */
function startingData(
  view: View,
  nodes: readonly WatchedNode[],
  fail: Checkers['fail'],
): readonly number[] | null {
  let data: readonly number[] | null = null;
  for (const member of view.members) {
    const node = nodes.find(({ id, life }) => id === member.id && life === member.life);
    // A member that promised something later meanwhile may have moved on.
    if (member.arbiter || node?.promised !== view.ringId || node.log.length < view.start) continue;
    const begin = node.log.slice(0, view.start);
    if (data === null) data = begin;
    else if (begin.some((change, index) => change !== data?.[index])) {
      fail('members begin with the same data', `${node.id} differs in view ${formatRingId(view.ringId)}`);
    }
  }
  return data;
}

export function createCheckers(nowMs: () => number): Checkers {
  const violations: Violation[] = [];
  /** In ring id order. */
  const formed: Formed[] = [];
  const acknowledged: Acknowledged[] = [];
  const seenAcknowledged = new Set<number>();
  let dead: readonly Voter[] = [];

  const fail = (rule: string, text: string): void => {
    violations.push({ rule, text, atMs: nowMs() });
  };
  const find = (ringId: RingId): Formed | undefined => formed.find(({ view }) => view.ringId === ringId);
  const survives = (one: Acknowledged, { view, data }: Formed): void => {
    if (one.excused || !data || data[one.sequence - 1] === one.change) return;
    fail(
      'acknowledged commits survive',
      `change ${one.sequence} (${one.change}) was acknowledged and is not in view ${formatRingId(view.ringId)}`,
    );
  };

  const checkChain = (at: number): void => {
    const pairs = [
      [formed[at - 1], formed[at]],
      [formed[at], formed[at + 1]],
    ] as const;
    for (const [earlier, later] of pairs) {
      if (!earlier || !later || majorityThere(earlier.view, later.view, dead)) continue;
      fail(
        'primary views form a chain',
        `view ${formatRingId(later.view.ringId)} has no majority of ${formatRingId(earlier.view.ringId)}`,
      );
    }
  };

  return {
    violations,
    fail,
    declaredDead(voters) {
      dead = voters;
    },
    get views() {
      return formed.length;
    },
    get acknowledgedCount() {
      return acknowledged.length;
    },
    newest: () => formed[formed.length - 1]?.view ?? null,
    found(view) {
      formed.push({ view, data: [], last: view.start });
    },
    primaryStored(node, view, formedIt, nodes) {
      const known = find(view.ringId);
      if (known) {
        if (known.view === view || JSON.stringify(known.view) === JSON.stringify(view)) return;
        fail('a ring id is used once', `two views have ring id ${formatRingId(view.ringId)}`);
        return;
      }
      if (!formedIt || ringLeader(view.ringId) !== node) {
        fail('a view is formed by its leader', `${node} believes in ${formatRingId(view.ringId)}`);
      }
      const entry: Formed = { view, data: startingData(view, nodes, fail), last: view.start };
      const later = formed.findIndex((other) => other.view.ringId > view.ringId);
      const at = later < 0 ? formed.length : later;
      formed.splice(at, 0, entry);
      checkChain(at);
      if (at === formed.length - 1) for (const one of acknowledged) survives(one, entry);
    },
    ...createHolderChecker(fail),
    committed(node, ringId, sequence, applied, inPrimary) {
      const view = find(ringId);
      if (!inPrimary || !view?.view.members.some(({ id }) => id === node)) {
        fail(
          'no commit outside a primary component',
          `${node} commits ${sequence} in ${formatRingId(ringId)}`,
        );
        return;
      }
      if (sequence !== view.last + 1) {
        fail('numbers without gaps or doubles', `${node} commits ${sequence} after ${view.last}`);
      }
      if (applied !== sequence - 1) {
        fail('numbers without gaps or doubles', `${node} commits ${sequence} and has applied ${applied}`);
      }
      view.last = Math.max(view.last, sequence);
    },
    acknowledged(ringId, sequence, change) {
      if (seenAcknowledged.has(change)) return;
      seenAcknowledged.add(change);
      const one = { sequence, change, excused: false };
      acknowledged.push(one);
      const newest = formed[formed.length - 1];
      if (newest && newest.view.ringId > ringId) survives(one, newest);
    },
    destroyed(nodes) {
      const members = formed[formed.length - 1]?.view.members ?? [];
      const counting = nodes.filter((node) => among(members, node));
      for (const one of acknowledged) {
        if (!one.excused) one.excused = !counting.some(({ log }) => log[one.sequence - 1] === one.change);
      }
    },
    ...createControlChecker(fail),
  };
}

/** Control messages in one order, each once in the life of a process. */
function createControlChecker(
  fail: Checkers['fail'],
): Pick<Checkers, 'delivered' | 'controlGap' | 'restarted'> {
  const control = new Map<number, string>();
  const deliveredUpTo = new Map<MemberId, number>();
  return {
    delivered(node, entry) {
      const text = `${entry.from}:${entry.payload}`;
      const known = control.get(entry.number);
      if (known === undefined) control.set(entry.number, text);
      else if (known !== text)
        fail('control messages in one order', `${entry.number} is ${known} and ${text}`);
      const last = deliveredUpTo.get(node) ?? 0;
      if (entry.number !== last + 1) {
        fail('control messages in one order', `${node} gets ${entry.number} after ${last}`);
      }
      deliveredUpTo.set(node, entry.number);
    },
    controlGap(node, to) {
      deliveredUpTo.set(node, to);
    },
    restarted(node, delivered) {
      deliveredUpTo.set(node, delivered);
    },
  };
}

/** Never two holders in one ring id. */
function createHolderChecker(fail: Checkers['fail']): Pick<Checkers, 'holds'> {
  const holders = new Map<RingId, MemberId>();
  const holding = new Map<MemberId, RingId>();
  return {
    holds(node, ringId) {
      const before = holding.get(node);
      if (before === (ringId ?? undefined)) return;
      if (before !== undefined) {
        holding.delete(node);
        if (holders.get(before) === node) holders.delete(before);
      }
      if (ringId === null) return;
      const other = holders.get(ringId);
      if (other !== undefined && other !== node) {
        fail('one holder in a ring', `${other} and ${node} hold the token of ${formatRingId(ringId)}`);
      }
      holders.set(ringId, node);
      holding.set(node, ringId);
    },
  };
}
