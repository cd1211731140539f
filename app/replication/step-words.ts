/** What an operator reads for each step. Pure; exhaustive, so that a new kind of step cannot be wordless. */
import type { StepAction } from '../model/plan.js';
import { optionWords } from '../model/server-options.js';

/** Title and one sentence of detail for a step. */
export function describeStep(action: StepAction): { title: string; detail: string } {
  switch (action.kind) {
    case 'preflight':
      return {
        title: 'Preflight',
        detail: action.donor
          ? `Are ${action.node} and ${action.donor} reachable, of the same version, with enough disk space and no leftovers?`
          : `Is ${action.node} reachable and its data the most advanced?`,
      };
    case 'start-first':
      return {
        title: `Start ${action.node}`,
        detail: `${action.node} opens its own data and forms a ring of one.`,
      };
    case 'compare':
      return {
        title: `Compare with ${action.donor}`,
        detail: `${action.node} starts read-only; its history is compared with ${action.donor} by server id and number.`,
      };
    case 'step-aside':
      return {
        title: `${action.donor} steps aside`,
        detail: `Its sessions move to other nodes and its applier freezes; what arrives is cached.`,
      };
    case 'copy':
      return {
        title: 'Copy to a new folder',
        detail: `A physical copy streams from ${action.donor} to ${action.joiner}, beside the old data${action.donorAside ? '' : ', while clients keep working'}.`,
      };
    case 'donor-returns':
      return {
        title: `${action.donor} returns`,
        detail: 'It applies what was cached and takes sessions again.',
      };
    case 'prepare-copy':
      return {
        title: 'Prepare and check',
        detail: `The copy is made consistent before it replaces anything on ${action.joiner}.`,
      };
    case 'swap':
      return {
        title: 'Put it in place',
        detail: 'The old data is kept beside it until the node has entered the ring.',
      };
    case 'start-copy':
      return {
        title: `Start ${action.joiner}`,
        detail: 'On the copy, at the position where the copy stands.',
      };
    case 'catch-up':
      return {
        title: 'Catch up',
        detail: `${action.node} follows ${action.predecessor} and applies what it missed.`,
      };
    case 'verify':
      return {
        title: 'Verify',
        detail: `${action.node} stops at one position of ${action.against}; the checksums of all tables must be equal there.`,
      };
    case 'enter-ring':
      return {
        title: `New view, ${action.successor} follows ${action.node}`,
        detail: `The ring opens between ${action.predecessor} and ${action.successor}.`,
      };
    case 'open-sessions':
      return { title: `${action.node} takes sessions`, detail: 'From now on it is active.' };
    case 'drain':
      return {
        title: `Move the sessions of ${action.node}`,
        detail: 'Each finishes its transaction, then continues on another node.',
      };
    case 'leave-ring':
      return {
        title: 'New view without it',
        detail: `The successor of ${action.node} applies what it received, then follows the predecessor.`,
      };
    case 'stop-server':
      return { title: `Stop ${action.node}`, detail: 'A clean shutdown; its data stays where it is.' };
    case 'configure':
      return {
        title: `Check and keep the options`,
        detail: `${optionWords(action.options)}: from the next start of ${action.node} on.`,
      };
    case 'start-again':
      return {
        title: `Start ${action.node}`,
        detail: 'Read-only, on its own data; what a crash left undone is finished first.',
      };
    case 'form-ring':
      return {
        title: 'Form the ring again',
        detail: `The peers of ${action.members.join(', ')} compare what their servers hold and go on from the most advanced of them.`,
      };
    case 'set-aside':
      return {
        title: `Set ${action.node} aside`,
        detail: 'Reason, owner and end time are kept; nothing starts it until somebody brings it back.',
      };
  }
}
