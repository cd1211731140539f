/** Orders for the node that waited for the disk: which of them still hold. */
import type { RingAction } from './model.js';
import type { State } from './state.js';

/** Is this order for the node, which may have waited, still what the protocol wants? */
export function isCurrent(state: State, action: RingAction): boolean {
  switch (action.kind) {
    case 'begin':
      return state.kind === 'operational' && state.view.ringId === action.view.ringId;
    case 'commit':
      return (
        state.kind === 'operational' &&
        state.view.ringId === action.ringId &&
        state.grip.kind === 'committing'
      );
    case 'fetch':
      return state.kind === 'recover';
    default:
      return true;
  }
}
