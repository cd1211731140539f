/** What an operator can do to several nodes at once, and to one node beyond its state: choose, restart, change options. */
import type { NodeName } from '../../app/model/ids.js';
import { hasEnded } from '../../app/model/plan.js';
import { type Prediction, predictRestart, predictTransition } from '../../app/model/predictor.js';
import { type Series, type SeriesAct, underWay } from '../../app/model/series.js';
import { parseOptions } from '../../app/model/server-options.js';
import { shownPlan, shownSeries } from '../selectors/plan-selectors.js';
import { type ConsoleState, type ConsoleStore, viewOf } from '../store/cluster-store.js';
import { always, attempt, type Command, plainVerbs, refuse, whenConnected } from './commands.js';

export interface SeriesSubject {
  readonly nodes: readonly NodeName[];
  readonly act: SeriesAct;
}

/** Nodes that a command on `name` is meant for: all that are chosen, when it is one of them. */
export const meantNodes = ({ chosen }: ConsoleState, name: NodeName): readonly NodeName[] =>
  chosen.length > 1 && chosen.includes(name) ? chosen : [name];

/** Adds a node to those that are chosen, or takes it out. */
export const chooseNode: Command<NodeName> = {
  id: 'node.choose',
  label: (state, name) => (state.chosen.includes(name) ? `Leave ${name} out` : `Choose ${name} too`),
  enabledWhen: always,
  async perform(store, name) {
    store.state.setState(({ chosen }) => ({
      chosen: chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name],
    }));
  },
};

export const chooseAll: Command<null> = {
  id: 'node.choose-all',
  label: () => 'Choose all',
  enabledWhen: always,
  async perform(store) {
    store.state.setState(({ snapshot }) => ({ chosen: snapshot?.nodes.map(({ name }) => name) ?? [] }));
  },
};

export const chooseNone: Command<null> = {
  id: 'node.choose-none',
  label: () => 'Clear',
  enabledWhen: always,
  async perform(store) {
    store.state.setState({ chosen: [] });
  },
};

/** The first refusal counts only when no node of them could go. */
function predicted(state: ConsoleState, { nodes, act }: SeriesSubject): Prediction | null {
  const { snapshot } = state;
  if (!snapshot) return null;
  const predictions = nodes.map((name) =>
    act.kind === 'restart' ? predictRestart(snapshot, name) : predictTransition(snapshot, name, act.target),
  );
  return predictions.find(({ allowed }) => allowed) ?? predictions[0] ?? null;
}

/** Asks for the series and shows it; nothing runs yet. */
export const proposeSeries: Command<SeriesSubject> = {
  id: 'series.propose',
  label(_state, { nodes, act }) {
    const several = nodes.length > 1;
    if (act.kind === 'move') return plainVerbs[act.target];
    return several ? 'Restart one after another' : 'Restart';
  },
  enabledWhen(state, subject) {
    const verdict = whenConnected(state);
    if (!verdict.enabled) return verdict;
    const prediction = predicted(state, subject);
    if (!prediction) return refuse('the cluster is not known yet', 'Wait a moment.');
    return prediction.allowed ? verdict : refuse(prediction.reason, prediction.remedy);
  },
  perform: (store, { nodes, act }) =>
    attempt(store, 'series.propose', async () => {
      const seriesProposal = await store.request('series.propose', { nodes: [...nodes], act });
      store.state.setState({ seriesProposal, proposal: null, panel: 'plan', optionsOf: null });
    }),
};

/** Opens the form for options of these nodes' servers. */
export const askOptions: Command<readonly NodeName[]> = {
  id: 'options.ask',
  label: () => 'Restart with other options …',
  enabledWhen: (state, nodes) =>
    proposeSeries.enabledWhen(state, { nodes, act: { kind: 'restart', options: null } }),
  async perform(store, nodes) {
    store.state.setState({ optionsOf: nodes, trouble: null });
  },
};

/** Proposes restarts with the options that were typed. */
export const proposeOptions: Command<{ readonly nodes: readonly NodeName[]; readonly text: string }> = {
  id: 'options.propose',
  label: () => 'Show the plan',
  enabledWhen(state, { text }) {
    const read = parseOptions(text);
    return 'problem' in read
      ? refuse(read.problem, 'Write one name = value on each line.')
      : whenConnected(state);
  },
  async perform(store, { nodes, text }) {
    const read = parseOptions(text);
    if ('problem' in read) return;
    await proposeSeries.perform(store, { nodes, act: { kind: 'restart', options: read.options } });
  },
};

/** Runs the series on the card. One that the cluster has overtaken is made again, to be confirmed again. */
export const confirmSeries: Command<Series> = {
  id: 'series.run',
  label: (_state, series) => (series.parts.length > 1 ? 'Begin' : series.title),
  enabledWhen(state, series) {
    if (series.state !== 'proposed') return refuse('it runs already', 'Watch its steps.');
    const { snapshot } = state;
    const other = snapshot && underWay(snapshot);
    if (other) return refuse(`another plan is running: ${other.title}`, 'Wait until it ends, or stop it.');
    return whenConnected(state);
  },
  perform: (store, series) =>
    attempt(store, 'series.run', async () => {
      try {
        const running = await store.request('series.run', { series: series.id });
        const known = store.state.getState().snapshot?.series?.id === running.id;
        store.state.setState({ seriesProposal: known ? null : running, chosen: [] });
      } catch (thrown) {
        const { code } = viewOf(thrown);
        if (code === 'plan.outdated' || code === 'plan.unknown') await again(store, series);
        throw thrown;
      }
    }),
};

async function again(store: ConsoleStore, { parts, act }: Series): Promise<void> {
  const nodes = parts.filter(({ state }) => state !== 'done').map(({ node }) => node);
  store.state.setState({ seriesProposal: await store.request('series.propose', { nodes, act }) });
}

export const stopSeries: Command<Series> = {
  id: 'series.stop',
  label: (_state, series) => (series.state === 'aborting' ? 'Stops after this node' : 'Stop after this node'),
  enabledWhen: (state, series) =>
    series.state === 'running'
      ? whenConnected(state)
      : refuse('it is being stopped', 'Wait until its node has arrived.'),
  perform: (store, series) =>
    attempt(store, 'series.stop', async () => {
      await store.request('series.stop', { series: series.id });
    }),
};

/** Proposes the rest of a series that did not come to its end. */
export const continueSeries: Command<Series> = {
  id: 'series.continue',
  label: () => 'Go on with the rest',
  enabledWhen: (state, series) =>
    series.parts.some((part) => part.state !== 'done')
      ? whenConnected(state)
      : refuse('all nodes are done', 'Nothing is left to do.'),
  perform: (store, series) => attempt(store, 'series.continue', () => again(store, series)),
};

/** Puts a proposed or an ended series away. */
export const dismissSeries: Command<Series> = {
  id: 'series.dismiss',
  label: (_state, series) => (series.state === 'proposed' ? 'Cancel' : 'Dismiss'),
  enabledWhen: (_state, series) =>
    series.state === 'proposed' || hasEnded(series)
      ? { enabled: true }
      : refuse('it is running', 'Stop it first.'),
  perform: (store, series) =>
    attempt(store, 'series.dismiss', async () => {
      const { seriesProposal } = store.state.getState();
      if (seriesProposal?.id === series.id) store.state.setState({ seriesProposal: null });
      await store.request('series.dismiss', { series: series.id }).catch((thrown: unknown) => {
        // The coordinator may have forgotten a mere proposal already, which is what is wanted.
        if (series.state !== 'proposed') throw thrown;
      });
      store.state.setState((state) => {
        const left = shownPlan(state) ?? shownSeries(state);
        return { panel: state.panel === 'plan' && !left ? 'load' : state.panel };
      });
    }),
};

/** Whether failed nodes are brought back without being asked for. */
export const setRecovery: Command<boolean> = {
  id: 'recovery.set',
  label: (_state, on) =>
    on ? 'Bring failed nodes back automatically' : 'Leave failed nodes to the operator',
  enabledWhen: whenConnected,
  perform: (store, on) =>
    attempt(store, 'recovery.set', async () => {
      const perHourMax = store.state.getState().snapshot?.recovery.perHourMax ?? 3;
      await store.request('recovery.set', { on, perHourMax });
    }),
};
