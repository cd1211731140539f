/** What an operator can do about where sessions go: look, choose a policy, give weights, ask why. */
import type { Decision, Routing } from '../../app/model/routing.js';
import { weightOf } from '../../app/model/routing.js';
import type { DecisionFilter } from '../store/decision-list.js';
import { always, type Command, refuse, sendNewest, whenConnected } from './commands.js';

/** Shows the policies to choose from. */
export const showPolicies: Command<null> = {
  id: 'routing.show',
  label: () => 'Choose who gets the next session',
  enabledWhen: always,
  async perform(store) {
    store.state.setState({ panel: 'sessions', policyOpen: true });
  },
};

/** Sets policy and weights for the sessions that come from now on. */
export const setRouting: Command<Routing> = {
  id: 'routing.set',
  label: () => 'Set weights',
  enabledWhen(state, routing) {
    const nodes = state.snapshot?.nodes ?? [];
    if (nodes.every(({ name }) => weightOf(routing, name) === 0))
      return refuse('with weight 0 on every node no session could be placed', 'Give one of them more.');
    return whenConnected(state);
  },
  perform: (store, routing) =>
    sendNewest(
      store,
      'routing.set',
      { read: ({ routingDraft }) => routingDraft, write: (routingDraft) => ({ routingDraft }) },
      routing,
      (newest) => store.request('routing.set', newest),
    ),
};

/** Narrows the list of decisions. */
export const filterDecisions: Command<Partial<DecisionFilter>> = {
  id: 'decisions.filter',
  label: () => 'Filter',
  enabledWhen: always,
  async perform(store, part) {
    store.state.setState(({ decisionFilter }) => ({ decisionFilter: { ...decisionFilter, ...part } }));
  },
};

/** Shows why a session went where it went; null puts the explanation away. */
export const explainDecision: Command<Decision | null> = {
  id: 'decision.explain',
  label: (_state, decision) => (decision === null ? 'Close the explanation' : 'Explain'),
  enabledWhen: always,
  async perform(store, explained) {
    store.state.setState({ explained });
  },
};
