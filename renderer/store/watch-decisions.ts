/** Keeps the list of decisions up to date while somebody looks at it: once a second, one question at a time. */
import { type ConsoleStore, viewOf } from './cluster-store.js';
import { decisionsShown, grown } from './decision-list.js';

/** Asks for what is new, at once, with every tick of the store and with every other filter, until told to end. */
export function watchDecisions({ state, request }: ConsoleStore): () => void {
  let ended = false;
  let asking = false;
  let askAgain = false;

  const read = async (): Promise<void> => {
    const { decisionFilter: filter, decisions } = state.getState();
    // What is known fits this very filter, or nothing is known.
    const known = decisions?.filter === filter ? decisions : null;
    try {
      const page = await request('routing.decisions', {
        node: filter.node,
        session: filter.session,
        after: known?.last ?? 0,
        count: decisionsShown,
      });
      if (ended || state.getState().decisionFilter !== filter) return;
      const next = grown(known, filter, page);
      if (next === null) askAgain = true;
      state.setState({ decisions: next });
    } catch (thrown) {
      if (ended) return;
      const error = viewOf(thrown);
      const none = { entries: [], filter, last: 0, beganAtMs: 0 };
      state.setState(({ decisions: shown }) => ({ decisions: { ...(shown ?? none), error } }));
    }
  };

  const ask = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    do {
      askAgain = false;
      await read();
    } while (askAgain && !ended);
    asking = false;
  };

  const unsubscribe = state.subscribe((now, before) => {
    if (now.decisionFilter !== before.decisionFilter) askAgain = true;
    else if (now.nowMs === before.nowMs) return;
    void ask();
  });
  void ask();
  return () => {
    ended = true;
    unsubscribe();
  };
}
