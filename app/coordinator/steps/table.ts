/** Step kind -> its executor. The compiler refuses a kind without one. */
import type { StepAction, StepKind } from '../../model/plan.js';
import { configure, formRingAgain, startAgain } from './again.js';
import type { StepContext, StepExecutor } from './context.js';
import { copy, donorReturns, preflight, prepareCopy, startCopy, stepAside, swap } from './copy.js';
import { catchUp, compare, enterRing, openSessions, startFirst, verify } from './join.js';
import { drain, leaveRing, setAside, stopServer } from './leave.js';

const executors: { readonly [Kind in StepKind]: StepExecutor<Kind> } = {
  preflight,
  'start-first': startFirst,
  compare,
  'start-copy': startCopy,
  drain,
  'step-aside': stepAside,
  copy,
  'prepare-copy': prepareCopy,
  swap,
  'catch-up': catchUp,
  'donor-returns': donorReturns,
  'enter-ring': enterRing,
  'leave-ring': leaveRing,
  verify,
  'open-sessions': openSessions,
  'stop-server': stopServer,
  'set-aside': setAside,
  configure,
  'start-again': startAgain,
  'form-ring': formRingAgain,
};

/** Runs one step and answers what came of it. */
export function execute(action: StepAction, context: StepContext): Promise<string | null> {
  const executor = executors[action.kind] as StepExecutor<StepKind>;
  return executor(action, context);
}
