/** How components reach the store: one context, and one hook that reads a narrow part of it. */
import { createContext, type ReactNode, useContext } from 'react';
import { useStore } from 'zustand';
import { invariant } from '../../app/base/errors.js';
import type { ConsoleState, ConsoleStore } from './cluster-store.js';

const ConsoleContext = createContext<ConsoleStore | null>(null);

export function ConsoleProvider(props: { readonly store: ConsoleStore; readonly children: ReactNode }) {
  return <ConsoleContext.Provider value={props.store}>{props.children}</ConsoleContext.Provider>;
}

/** The store itself, for commands and for what draws without React. */
export function useConsole(): ConsoleStore {
  const store = useContext(ConsoleContext);
  invariant(store, 'a view outside of ConsoleProvider');
  return store;
}

/** A part of the state; renders again only when that part is another value. */
export const useConsoleState = <Part,>(select: (state: ConsoleState) => Part): Part =>
  useStore(useConsole().state, select);
