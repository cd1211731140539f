/** What an operator can do about the cluster's health: compare all nodes, and mend what a finding names. */
import type { Finding } from '../../app/model/health/finding.js';
import { isRunning } from '../../app/model/plan.js';
import { attempt, type Command, proposeTransition, refuse, whenConnected } from './commands.js';

/** Compares all nodes. The subject is the share of the time that each node works for it, percent. */
export const startVerification: Command<number> = {
  id: 'verification.start',
  label: () => 'Compare all nodes',
  enabledWhen(state) {
    const { snapshot } = state;
    if (snapshot?.verification?.state === 'running')
      return refuse('all nodes are being compared', 'Wait until that ends, or stop it.');
    if (snapshot?.plan && isRunning(snapshot.plan))
      return refuse(`a plan is running: ${snapshot.plan.title}`, 'Wait until it ends, or stop it.');
    if ((snapshot?.ring.length ?? 0) < 2)
      return refuse('fewer than two nodes replicate', 'Bring another node online.');
    return whenConnected(state);
  },
  perform: (store, loadPercent) =>
    attempt(store, 'verification.start', async () => {
      await store.request('verification.start', { loadPercent });
    }),
};

export const stopVerification: Command<null> = {
  id: 'verification.stop',
  label: () => 'Stop',
  enabledWhen: (state) =>
    state.snapshot?.verification?.state === 'running'
      ? whenConnected(state)
      : refuse('nothing is being compared', 'Compare all nodes first.'),
  perform: (store) =>
    attempt(store, 'verification.stop', async () => {
      await store.request('verification.stop', {});
    }),
};

/** Are joining nodes compared before they take sessions? */
export const setVerifiesJoins: Command<boolean> = {
  id: 'verification.set',
  label: () => 'Verify each node that joins',
  enabledWhen: whenConnected,
  perform: (store, verifiesJoins) =>
    attempt(store, 'verification.set', async () => {
      await store.request('verification.set', { verifiesJoins });
    }),
};

/** Shows the plan that mends a finding; it runs when it is confirmed. */
export const mendFinding: Command<NonNullable<Finding['command']>> = {
  id: proposeTransition.id,
  label: (state, { node, target }) =>
    `${proposeTransition.label(state, { node, target, donor: null })}: ${node}`,
  enabledWhen: (state, { node, target }) =>
    proposeTransition.enabledWhen(state, { node, target, donor: null }),
  perform: (store, { node, target }) => proposeTransition.perform(store, { node, target, donor: null }),
};
