/**
 * A coordinator in memory, behind the same bridge as the real one: answers with one snapshot, pushes versioned updates, and
 * remembers what was asked. What a request does can be replaced by the test or scene.
 */
import { type ErrorCode, RingmasterError } from '../../app/base/errors.js';
import {
  type ParsedPayload,
  type PushName,
  type ReplyEnvelope,
  type RequestName,
  type RequestReply,
  type SnapshotUpdate,
  type WindowBridge,
  type WindowPushes,
  windowRequests,
} from '../../app/contract/window.js';
import type { ClusterSnapshot } from '../../app/model/cluster.js';
import type { MetricsPoint } from '../../app/model/metrics.js';

type Handlers = {
  [Name in RequestName]?: (payload: ParsedPayload<Name>) => RequestReply<Name> | Promise<RequestReply<Name>>;
};

export interface MemoryBridge extends WindowBridge {
  /** Every request in order. */
  readonly asked: { readonly name: RequestName; readonly payload: unknown }[];
  readonly handlers: Handlers;
  snapshot(): ClusterSnapshot;
  /** Changes the snapshot and pushes the update. */
  update(changes: SnapshotUpdate['changes']): void;
  /** Changes the snapshot and loses the push on its way, as a paused window would. */
  updateUnheard(changes: SnapshotUpdate['changes']): void;
  append(point: MetricsPoint): void;
  /** How many listeners are left. */
  listeners(): number;
}

/** The error that a handler throws to refuse. */
export const refusal = (code: ErrorCode, data: RingmasterError['data'] = {}): RingmasterError =>
  new RingmasterError(code, data);

export function createMemoryBridge(first: ClusterSnapshot, history: readonly MetricsPoint[]): MemoryBridge {
  let snapshot = first;
  let metrics = history;
  const asked: MemoryBridge['asked'] = [];
  const handlers: Handlers = {};
  const listeners = new Map<PushName, Set<(push: never) => void>>();

  const push = <Name extends PushName>(name: Name, payload: WindowPushes[Name]): void => {
    // What crosses a real bridge is a copy: nothing may rest on identity.
    const copy: unknown = structuredClone(payload);
    for (const listener of listeners.get(name) ?? []) listener(copy as never);
  };

  const change = (changes: SnapshotUpdate['changes']): SnapshotUpdate => {
    const since = snapshot.version;
    snapshot = { ...snapshot, ...changes, version: since + 1 };
    return { since, version: snapshot.version, changes };
  };

  const answer = async (name: RequestName, payload: unknown): Promise<unknown> => {
    const parsed = windowRequests[name].payload.parse(payload);
    const handler = handlers[name] as ((payload: unknown) => unknown) | undefined;
    if (handler) return handler(parsed);
    if (name === 'cluster.open') return { snapshot, metrics };
    throw refusal('request.unknown', { name });
  };

  return {
    asked,
    handlers,
    platform: { isMac: false, version: '0.1.0' },
    snapshot: () => snapshot,
    async request(name, payload) {
      asked.push({ name, payload });
      type Reply = ReplyEnvelope<RequestReply<typeof name>>;
      try {
        return structuredClone({ ok: true, reply: await answer(name, payload) }) as Reply;
      } catch (thrown) {
        if (thrown instanceof RingmasterError) return { ok: false, error: thrown.view() };
        throw thrown;
      }
    },
    onPush(name, listener) {
      const mine = listeners.get(name) ?? new Set();
      listeners.set(name, mine);
      mine.add(listener);
      return () => void mine.delete(listener);
    },
    update: (changes) => push('cluster.updated', change(changes)),
    updateUnheard: (changes) => void change(changes),
    append(point) {
      metrics = [...metrics, point].slice(-300);
      push('metrics.appended', point);
    },
    listeners: () => [...listeners.values()].reduce((sum, mine) => sum + mine.size, 0),
  };
}
