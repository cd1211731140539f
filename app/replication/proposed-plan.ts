/** A plan as it is shown before it runs, from what the makers of plans decide. */
import type { Plan, StepAction } from '../model/plan.js';
import { waitingStep } from '../model/plan.js';
import { describeStep } from './step-words.js';

/** What differs between plans; the rest of a proposed plan is always the same. */
export type PlanParts = Pick<
  Plan,
  | 'id'
  | 'act'
  | 'title'
  | 'node'
  | 'from'
  | 'target'
  | 'danger'
  | 'effects'
  | 'warnings'
  | 'expectedSeconds'
  | 'askedBy'
  | 'createdAtMs'
  | 'abortNote'
> &
  Partial<Pick<Plan, 'method' | 'donor'>> & { readonly actions: readonly StepAction[] };

/** The whole plan, ready to be shown. */
export function proposedPlan({ actions, method = null, donor = null, ...parts }: PlanParts): Plan {
  return {
    ...parts,
    method,
    donor,
    maintenance: null,
    steps: actions.map((action) => waitingStep(action, describeStep(action))),
    startedAtMs: null,
    endedAtMs: null,
    state: 'proposed',
    error: null,
  };
}
