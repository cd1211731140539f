/**
 * Everything an operator can do, as records: buttons, menus, keys and tests use the same ones. A command says what it is
 * called, whether it can be done now and if not why, and does it.
 */
import type { LoadSettings } from '../../app/model/cluster.js';
import type { NodeName } from '../../app/model/ids.js';
import { type MaintenanceRequest, problemOfReason } from '../../app/model/maintenance.js';
import { findTransition, type TargetState } from '../../app/model/node-state.js';
import { hasEnded, isRunning, type Plan } from '../../app/model/plan.js';
import { predictTransition } from '../../app/model/predictor.js';
import { shownPlan } from '../selectors/plan-selectors.js';
import {
  type ConsoleState,
  type ConsoleStore,
  emptyMaintenanceDraft,
  viewOf,
} from '../store/cluster-store.js';

/** Can it be done now? The reason and remedy are for the operator. */
export type Verdict =
  | { readonly enabled: true }
  | { readonly enabled: false; readonly reason: string; readonly remedy: string };

export interface Command<Subject> {
  readonly id: string;
  /** What the button or the menu entry says. */
  label(state: ConsoleState, subject: Subject): string;
  enabledWhen(state: ConsoleState, subject: Subject): Verdict;
  /** Does it. Failures end as `trouble` in the state, never as an exception. */
  perform(store: ConsoleStore, subject: Subject): Promise<void>;
}

const enabled: Verdict = { enabled: true };
export const refuse = (reason: string, remedy: string): Verdict => ({ enabled: false, reason, remedy });
export const always = (): Verdict => enabled;

export const whenConnected = (state: ConsoleState): Verdict =>
  state.connection.kind === 'open'
    ? enabled
    : refuse('the coordinator does not answer', 'Wait until the connection is back.');

/** Runs one request at a time under this id, and shows what went wrong. */
export async function attempt(store: ConsoleStore, id: string, act: () => Promise<void>): Promise<void> {
  if (store.state.getState().busy.includes(id)) return;
  store.state.setState((state) => ({ busy: [...state.busy, id], trouble: null }));
  try {
    await act();
  } catch (thrown) {
    store.state.setState({ trouble: viewOf(thrown) });
  } finally {
    store.state.setState((state) => ({ busy: state.busy.filter((other) => other !== id) }));
  }
}

interface ProposalSubject {
  readonly node: NodeName;
  readonly target: TargetState;
  /** Null lets the planner choose. */
  readonly donor: NodeName | null;
}

const showProposal = (store: ConsoleStore, proposal: Plan): void =>
  store.state.setState({ proposal, seriesProposal: null, panel: 'plan' });

/** What the entry says of a target that this node cannot reach. */
export const plainVerbs: Readonly<Record<TargetState, string>> = {
  active: 'Bring online',
  standby: 'Put on standby',
  maintenance: 'Put into maintenance',
  offline: 'Take offline',
};

/** Asks for the plan of a state change and shows it; nothing runs yet. */
export const proposeTransition: Command<ProposalSubject> = {
  id: 'plan.propose',
  label(state, { node, target }) {
    const from = state.snapshot?.nodes.find((candidate) => candidate.name === node)?.state;
    return (from && findTransition(from, target)?.verb) ?? plainVerbs[target];
  },
  enabledWhen(state, { node, target }) {
    if (!state.snapshot) return refuse('the cluster is not known yet', 'Wait a moment.');
    const verdict = whenConnected(state);
    if (!verdict.enabled) return verdict;
    const prediction = predictTransition(state.snapshot, node, target);
    return prediction.allowed ? enabled : refuse(prediction.reason, prediction.remedy);
  },
  perform: (store, subject) =>
    attempt(store, 'plan.propose', async () => {
      const plan = await store.request('plan.propose', { ...subject });
      store.state.setState({ maintenanceDraft: emptyMaintenanceDraft });
      showProposal(store, plan);
    }),
};

/** What the operator said of a maintenance; null for a plan that is none. */
const maintenanceOf = ({ maintenanceDraft }: ConsoleState, plan: Plan): MaintenanceRequest | null =>
  plan.target === 'maintenance' ? maintenanceDraft : null;

/** Runs the plan that is on the card. A plan that the cluster has overtaken is made again, to be confirmed again. */
export const confirmPlan: Command<Plan> = {
  id: 'plan.run',
  label: (_state, plan) => plan.title,
  enabledWhen(state, plan) {
    if (plan.state !== 'proposed') return refuse('it runs already', 'Watch its steps.');
    const verdict = whenConnected(state);
    if (!verdict.enabled) return verdict;
    const other = state.snapshot?.plan;
    if (other && isRunning(other))
      return refuse(`another plan is running: ${other.title}`, 'Wait until it ends, or stop it.');
    const maintenance = maintenanceOf(state, plan);
    const problem = maintenance && problemOfReason(maintenance.reason);
    return problem ? refuse(problem, `Say why ${plan.node} is set aside.`) : enabled;
  },
  perform: (store, plan) =>
    attempt(store, 'plan.run', async () => {
      try {
        const maintenance = maintenanceOf(store.state.getState(), plan);
        const running = await store.request('plan.run', { plan: plan.id, maintenance });
        const known = store.state.getState().snapshot?.plan?.id === running.id;
        store.state.setState({ proposal: known ? null : running });
      } catch (thrown) {
        const { code } = viewOf(thrown);
        if (code === 'plan.outdated' || code === 'plan.unknown') {
          const donor = plan.donor?.name ?? null;
          const subject = { node: plan.node, target: plan.target, donor };
          showProposal(store, await store.request('plan.propose', subject));
        }
        throw thrown;
      }
    }),
};

export const abortPlan: Command<Plan> = {
  id: 'plan.abort',
  label: (_state, plan) => (plan.state === 'aborting' ? 'Stopping …' : 'Stop'),
  enabledWhen: (state, plan) =>
    plan.state === 'running'
      ? whenConnected(state)
      : refuse(plan.state === 'aborting' ? 'it is being stopped' : 'it does not run', 'Wait until it ends.'),
  perform: (store, plan) =>
    attempt(store, 'plan.abort', async () => {
      await store.request('plan.abort', { plan: plan.id });
    }),
};

/** Puts a proposed or an ended plan away. */
export const dismissPlan: Command<Plan> = {
  id: 'plan.dismiss',
  label: (_state, plan) => (plan.state === 'proposed' ? 'Cancel' : 'Dismiss'),
  enabledWhen: (_state, plan) =>
    plan.state === 'proposed' || hasEnded(plan) ? enabled : refuse('it is running', 'Stop it first.'),
  perform: (store, plan) =>
    attempt(store, 'plan.dismiss', async () => {
      const { proposal, panel, selected } = store.state.getState();
      const page = selected === null ? 'load' : 'node';
      if (proposal?.id === plan.id) {
        // The coordinator may have forgotten a mere proposal already, which is what is wanted.
        store.state.setState({ proposal: null });
        const left = shownPlan(store.state.getState());
        if (!left) store.state.setState({ panel: panel === 'plan' ? page : panel });
        await store.request('plan.dismiss', { plan: plan.id }).catch(() => null);
        return;
      }
      await store.request('plan.dismiss', { plan: plan.id });
      store.state.setState((state) => ({
        panel: state.panel === 'plan' ? page : state.panel,
        snapshot: state.snapshot?.plan?.id === plan.id ? { ...state.snapshot, plan: null } : state.snapshot,
      }));
    }),
};

/** What an operator sets faster than it can be sent: the value that waits, in the state. */
interface Draft<Value> {
  read(state: ConsoleState): Value | null;
  write(value: Value | null): Partial<ConsoleState>;
}

/**
 * Sends a setting at once. While one change is on its way the newest of the next ones waits, so that dragging a slider
 * sends as many requests as the coordinator can take and ends with the last value.
 */
export async function sendNewest<Value>(
  store: ConsoleStore,
  id: string,
  draft: Draft<Value>,
  value: Value,
  send: (value: Value) => Promise<unknown>,
): Promise<void> {
  const underWay = draft.read(store.state.getState()) !== null;
  store.state.setState(draft.write(value));
  if (underWay) return;
  await attempt(store, id, async () => {
    let sent: Value | null = null;
    try {
      for (;;) {
        const newest = draft.read(store.state.getState());
        if (newest === null || newest === sent) break;
        sent = newest;
        await send(newest);
      }
    } finally {
      store.state.setState(draft.write(null));
    }
  });
}

export const setLoad: Command<LoadSettings> = {
  id: 'load.set',
  label: () => 'Set load',
  enabledWhen: (state) =>
    state.snapshot?.load ? whenConnected(state) : refuse('there is no load generator', 'Use the lab.'),
  perform: (store, settings) =>
    sendNewest(
      store,
      'load.set',
      { read: ({ loadDraft }) => loadDraft, write: (loadDraft) => ({ loadDraft }) },
      settings,
      (newest) => store.request('load.set', newest),
    ),
};

export const setQuota: Command<number> = {
  id: 'lab.set-quota',
  label: () => 'Set quota',
  enabledWhen: whenConnected,
  perform: (store, cores) =>
    attempt(store, 'lab.set-quota', async () => {
      await store.request('lab.set-quota', { cores });
    }),
};

/** Erases the lab. The subject is what the operator typed: it must be the lab's name. */
export const resetLab: Command<string> = {
  id: 'lab.reset',
  label: (state) => `Reset ${state.snapshot?.name ?? 'lab'}`,
  enabledWhen(state, typed) {
    const name = state.snapshot?.name;
    if (name === undefined || typed.trim() !== name)
      return refuse('the name is not typed', `Type ${name ?? 'the name'} exactly.`);
    return whenConnected(state);
  },
  perform: (store, typed) =>
    attempt(store, 'lab.reset', async () => {
      store.state.setState({ resetOpen: false });
      await store.request('lab.reset', { confirmation: typed.trim() });
    }),
};

/** Shows a node's facts at the side. A plan that runs stays one tab away. */
export const selectNode: Command<NodeName> = {
  id: 'node.select',
  label: (_state, name) => `Show ${name}`,
  enabledWhen: always,
  async perform(store, name) {
    store.state.setState({ selected: name, panel: 'node' });
  },
};

export const openStateMenu: Command<NodeName> = {
  id: 'node.menu',
  label: (_state, name) => `Change the state of ${name}`,
  enabledWhen: always,
  async perform(store, name) {
    store.state.setState({ menuOf: name });
  },
};

export const toggleEvents: Command<null> = {
  id: 'events.toggle',
  label: (state) => (state.eventsOpen ? 'Events: close the list' : 'Events: open the list'),
  enabledWhen: always,
  async perform(store) {
    store.state.setState((state) => ({ eventsOpen: !state.eventsOpen }));
  },
};

export const dismissTrouble: Command<null> = {
  id: 'trouble.dismiss',
  label: () => 'Dismiss',
  enabledWhen: always,
  async perform(store) {
    store.state.setState({ trouble: null });
  },
};
