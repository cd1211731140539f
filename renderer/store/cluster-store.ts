/**
 * Everything the window knows, without React. Fed by one `cluster.open`, then by versioned updates; a gap in versions,
 * or silence for too long, means: open again. What is shown while the coordinator is away is marked as such.
 *
 *   opening --opened--> open --silence, then no answer--> lost --opened--> open
 */
import { createStore, type StoreApi } from 'zustand/vanilla';
import { type ErrorView, RingmasterError, toRingmasterError } from '../../app/base/errors.js';
import { applyUpdate } from '../../app/contract/apply-update.js';
import type {
  RequestName,
  RequestPayload,
  RequestReply,
  SnapshotUpdate,
  WindowBridge,
} from '../../app/contract/window.js';
import type { ClusterSnapshot, LoadSettings } from '../../app/model/cluster.js';
import type { NodeName } from '../../app/model/ids.js';
import type { MaintenanceRequest } from '../../app/model/maintenance.js';
import { replicates } from '../../app/model/node-state.js';
import { hasEnded, type Plan } from '../../app/model/plan.js';
import type { Decision, Routing } from '../../app/model/routing.js';
import type { Series } from '../../app/model/series.js';
import { type DecisionFilter, type DecisionList, everyDecision } from './decision-list.js';
import { createMetricsHistory, type MetricsHistory } from './metrics-history.js';
import { shareStructure } from './share-structure.js';
import type { WallClock } from './wall-clock.js';

export type Connection =
  | { readonly kind: 'opening' }
  | { readonly kind: 'open' }
  | { readonly kind: 'lost'; readonly error: ErrorView };

/** Which page of the panel at the side is shown. */
export type PanelPage = 'plan' | 'node' | 'health' | 'sessions' | 'load';

export interface ConsoleState {
  readonly connection: Connection;
  readonly snapshot: ClusterSnapshot | null;
  /** Wall clock, once a second: ages of samples are measured against it. */
  readonly nowMs: number;
  /** A plan that was proposed to the operator and is not yet part of the snapshot. */
  readonly proposal: Plan | null;
  /** The same for a series. */
  readonly seriesProposal: Series | null;
  /** Nodes that the next act is meant for, when there are several. */
  readonly chosen: readonly NodeName[];
  /** Nodes whose options are being typed; null while no form is open. */
  readonly optionsOf: readonly NodeName[] | null;
  /** What the operator has said so far about the maintenance that is proposed. */
  readonly maintenanceDraft: MaintenanceRequest;
  readonly panel: PanelPage;
  readonly selected: NodeName | null;
  /** The node whose state menu is open. */
  readonly menuOf: NodeName | null;
  readonly eventsOpen: boolean;
  readonly resetOpen: boolean;
  /** What the operator set and the coordinator has not yet confirmed. */
  readonly loadDraft: LoadSettings | null;
  /** The same for policy and weights. */
  readonly routingDraft: Routing | null;
  /** Are the policies shown from which one is chosen? */
  readonly policyOpen: boolean;
  readonly decisionFilter: DecisionFilter;
  /** The latest decisions that fit the filter; null until they are read. */
  readonly decisions: DecisionList | null;
  /** The decision that is explained; kept here, for newer ones push it off the list. */
  readonly explained: Decision | null;
  /** Why the last command did not work. */
  readonly trouble: ErrorView | null;
  /** Commands under way, by id: their buttons wait. */
  readonly busy: readonly string[];
}

/** Without any push for this long, the coordinator is asked whether it is there. */
const silenceMs = 5_000;
/** No answer to that for this long: the connection counts as lost. */
const answerMs = 5_000;
const tickMs = 1_000;
/** Updates that may arrive while the snapshot is being opened. */
const earlyUpdatesMax = 100;

export interface ConsoleStore {
  readonly state: StoreApi<ConsoleState>;
  readonly metrics: MetricsHistory;
  readonly platform: WindowBridge['platform'];
  /** Opens the cluster and keeps up with it until the returned function is called. */
  start(): () => void;
  /** Sends a request. @throws RingmasterError the coordinator's refusal, or that it is not there */
  request<Name extends RequestName>(name: Name, payload: RequestPayload<Name>): Promise<RequestReply<Name>>;
}

/** An hour is enough for most work, and one that is forgotten shows. */
export const emptyMaintenanceDraft: MaintenanceRequest = { reason: '', minutes: 60 };

const initialState: ConsoleState = {
  connection: { kind: 'opening' },
  snapshot: null,
  nowMs: 0,
  proposal: null,
  seriesProposal: null,
  chosen: [],
  optionsOf: null,
  maintenanceDraft: emptyMaintenanceDraft,
  panel: 'load',
  selected: null,
  menuOf: null,
  eventsOpen: false,
  resetOpen: false,
  loadDraft: null,
  routingDraft: null,
  policyOpen: false,
  decisionFilter: everyDecision,
  decisions: null,
  explained: null,
  trouble: null,
  busy: [],
};

/** Nodes that should tell how they do: those that run on purpose. */
const expectedNodes = (snapshot: ClusterSnapshot | null): readonly NodeName[] =>
  (snapshot?.nodes ?? []).filter((node) => replicates(node.state)).map((node) => node.name);

/** The state after a new snapshot: unchanged parts keep their identity, and a proposal that became real goes. */
function withSnapshot(state: ConsoleState, next: ClusterSnapshot): ConsoleState {
  const snapshot = shareStructure(state.snapshot, next);
  const before = state.snapshot?.plan ?? null;
  const taken = state.proposal !== null && snapshot.plan?.id === state.proposal.id;
  const appeared = snapshot.plan !== null && before?.id !== snapshot.plan.id;
  const vanished =
    snapshot.plan === null && before !== null && state.proposal === null && snapshot.series === null;
  const begun = state.seriesProposal !== null && snapshot.series?.id === state.seriesProposal.id;
  const page = appeared ? 'plan' : vanished && state.panel === 'plan' ? 'load' : state.panel;
  const here = (name: NodeName | null) =>
    name !== null && snapshot.nodes.some((node) => node.name === name) ? name : null;
  return {
    ...state,
    connection: { kind: 'open' },
    snapshot,
    proposal: taken || (appeared && snapshot.plan && !hasEnded(snapshot.plan)) ? null : state.proposal,
    seriesProposal: begun ? null : state.seriesProposal,
    chosen: state.chosen.filter((name) => here(name) !== null),
    panel: page,
    selected: here(state.selected),
    menuOf: here(state.menuOf),
  };
}

export function createConsoleStore(bridge: WindowBridge, clock: WallClock): ConsoleStore {
  const state = createStore<ConsoleState>(() => ({ ...initialState, nowMs: clock.nowMs() }));
  const metrics = createMetricsHistory();
  let heardAtMs = clock.nowMs();
  /** When the pending `cluster.open` was sent; null while none is. */
  let askedAtMs: number | null = null;
  /** Distinguishes answers to the latest opening from those of one that was given up. */
  let opening = 0;
  let early: SnapshotUpdate[] = [];

  const request: ConsoleStore['request'] = async (name, payload) => {
    const envelope = await bridge.request(name, payload);
    if (envelope.ok) return envelope.reply;
    throw new ViewedError(envelope.error);
  };

  const lose = (error: ErrorView): void => state.setState({ connection: { kind: 'lost', error } });

  const apply = (update: SnapshotUpdate): void => {
    const { snapshot } = state.getState();
    if (askedAtMs !== null || !snapshot) {
      early = [...early, update].slice(-earlyUpdatesMax);
      return;
    }
    const next = applyUpdate(snapshot, update);
    if (next === null) open();
    else if (next !== snapshot) state.setState((before) => withSnapshot(before, next));
  };

  const open = (): void => {
    const mine = ++opening;
    askedAtMs = clock.nowMs();
    request('cluster.open', {}).then(
      ({ snapshot, metrics: points }) => {
        if (mine !== opening) return;
        askedAtMs = null;
        heardAtMs = clock.nowMs();
        state.setState((before) => withSnapshot(before, snapshot));
        metrics.replace(points, expectedNodes(snapshot));
        const waiting = early;
        early = [];
        for (const update of waiting) apply(update);
      },
      (thrown: unknown) => {
        if (mine !== opening) return;
        askedAtMs = null;
        heardAtMs = clock.nowMs();
        lose(viewOf(thrown));
      },
    );
  };

  const tick = (): void => {
    const nowMs = clock.nowMs();
    state.setState({ nowMs });
    if (askedAtMs !== null) {
      if (nowMs - askedAtMs < answerMs) return;
      const seconds = Math.round((nowMs - heardAtMs) / 1000);
      lose(new RingmasterError('coordinator.silent', { seconds }).view());
      open();
    } else if (state.getState().connection.kind === 'lost' || nowMs - heardAtMs >= silenceMs) {
      open();
    }
  };

  const heard = (): void => {
    heardAtMs = clock.nowMs();
  };

  return {
    state,
    metrics,
    platform: bridge.platform,
    request,
    start() {
      const endings = [
        bridge.onPush('cluster.updated', (update) => {
          heard();
          apply(update);
        }),
        bridge.onPush('metrics.appended', (point) => {
          heard();
          metrics.append(point, expectedNodes(state.getState().snapshot));
        }),
        clock.every(tickMs, tick),
      ];
      open();
      return () => {
        opening++;
        for (const end of endings) end();
      };
    },
  };
}

/** A refusal as it crossed the bridge: its words are kept as they are, whatever version made them. */
class ViewedError extends Error {
  readonly view: ErrorView;
  constructor(view: ErrorView) {
    super(view.text);
    this.view = view;
  }
}

/** What to show for anything that a request can throw. */
export const viewOf = (thrown: unknown): ErrorView =>
  thrown instanceof ViewedError ? thrown.view : toRingmasterError(thrown).view();
