/**
 * The six node states and the legal transitions between them, as data.
 *
 *              +--------------- transitional <------------+
 *              v                  ^   ^                    |
 *   active <-> standby ----------+    +---- offline, failed, maintenance
 *
 * A transition goes through `transitional` while its plan runs. `failed` is never a target: it happens.
 */
import { z } from 'zod';

const nodeStates = ['active', 'standby', 'transitional', 'maintenance', 'offline', 'failed'] as const;
export const nodeStateSchema = z.enum(nodeStates);
export type NodeState = z.infer<typeof nodeStateSchema>;

/** States that an operator can ask for. */
export const targetStates = ['active', 'standby', 'maintenance', 'offline'] as const;
export const targetStateSchema = z.enum(targetStates);
export type TargetState = z.infer<typeof targetStateSchema>;

/** How much harm a mistake could do: safe acts run at once, disruptive ones ask, destructive ones want the name typed. */
export type Danger = 'safe' | 'disruptive' | 'destructive';

/** One legal transition. */
export interface Transition {
  readonly from: NodeState;
  readonly to: TargetState;
  /** The verb on the button. */
  readonly verb: string;
  readonly danger: Danger;
}

const transition = (from: NodeState, to: TargetState, verb: string, danger: Danger): Transition => ({
  from,
  to,
  verb,
  danger,
});

/** Every legal transition. What is not here is refused, with a reason from the predictor. */
const transitions: readonly Transition[] = [
  transition('offline', 'active', 'Bring online', 'disruptive'),
  transition('offline', 'standby', 'Bring to standby', 'disruptive'),
  transition('failed', 'active', 'Bring online', 'disruptive'),
  transition('failed', 'standby', 'Bring to standby', 'disruptive'),
  transition('failed', 'offline', 'Take offline', 'disruptive'),
  transition('standby', 'active', 'Bring online', 'disruptive'),
  transition('active', 'standby', 'Put on standby', 'disruptive'),
  transition('active', 'offline', 'Take offline', 'disruptive'),
  transition('standby', 'offline', 'Take offline', 'disruptive'),
  transition('active', 'maintenance', 'Put into maintenance', 'disruptive'),
  transition('standby', 'maintenance', 'Put into maintenance', 'disruptive'),
  transition('offline', 'maintenance', 'Put into maintenance', 'disruptive'),
  transition('failed', 'maintenance', 'Put into maintenance', 'disruptive'),
  transition('maintenance', 'active', 'Bring online', 'disruptive'),
  transition('maintenance', 'standby', 'Bring to standby', 'disruptive'),
  transition('maintenance', 'offline', 'Take offline', 'disruptive'),
];

/** What each state means, in the words of the tooltip. */
export const stateMeanings: Readonly<Record<NodeState, string>> = {
  active: 'takes sessions and replicates',
  standby: 'replicates, takes no sessions, can become active at once',
  transitional: 'on its way between two states',
  maintenance: 'out of the ring on purpose, with a reason, an owner and an end time',
  offline: 'stopped on purpose',
  failed: 'was not meant to be away',
};

/** After "db1 is": "active", "in maintenance". */
export const stateInWords = (state: NodeState): string =>
  state === 'maintenance' ? 'in maintenance' : state;

/** Does a node in this state hold a place in the replication ring? */
export const replicates = (state: NodeState): boolean => state === 'active' || state === 'standby';

/** Does this change of state bring a node into the ring? */
export const joinsRing = (from: NodeState, to: TargetState): boolean => replicates(to) && !replicates(from);

/** The legal transition between two states, if there is one. */
export function findTransition(from: NodeState, to: TargetState): Transition | undefined {
  return transitions.find((candidate) => candidate.from === from && candidate.to === to);
}
