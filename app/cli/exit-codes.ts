/** How `ringmaster` ends: the first four as monitoring plugins do, the others for what was asked and did not happen. */
import type { RingmasterError } from '../base/errors.js';
import type { ClusterSnapshot } from '../model/cluster.js';
import type { PlanState } from '../model/plan.js';
import { describeCluster } from '../model/sentence.js';
import type { VerificationView } from '../model/verification.js';

export const exitCodes = {
  /** All is well, or what was asked is done. */
  good: 0,
  /** `status`: no failure is tolerated, no node takes sessions, or the cluster is still starting. */
  warning: 1,
  /** `status`: a node failed, nodes differ, or the cluster has a problem. */
  bad: 2,
  /** It is not known: no console runs, its connection was lost, or the command line cannot be understood. */
  unknown: 3,
  /** Nothing was changed: the console refused, or nobody confirmed. */
  refused: 4,
  /** The plan failed; what it had changed was undone. */
  failed: 5,
  /** The plan was stopped; what it had changed was undone. */
  aborted: 6,
  /** `verify`: nodes differ from each other. */
  differs: 7,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** For people who type `--help`. */
export const exitCodeHelp = `
Exit codes:
  0  good, or done          4  refused or not confirmed: nothing was changed
  1  warning (status)       5  the plan failed, and was undone
  2  bad (status)           6  the plan was stopped, and was undone
  7  nodes differ (verify)
  3  not known: no console runs, its connection was lost, or the command line cannot be understood`;

const byTone = {
  good: exitCodes.good,
  busy: exitCodes.warning,
  warning: exitCodes.warning,
  bad: exitCodes.bad,
} as const;

/** How the cluster is. While a plan runs, the states that the nodes are in count: planned work is no trouble by itself. */
export const statusExitCode = (snapshot: ClusterSnapshot): ExitCode =>
  byTone[describeCluster({ ...snapshot, plan: null }).tone];

/** How a plan ended. */
export function planExitCode(state: PlanState): ExitCode {
  switch (state) {
    case 'done':
      return exitCodes.good;
    case 'failed':
      return exitCodes.failed;
    case 'aborted':
      return exitCodes.aborted;
    case 'proposed':
    case 'running':
    case 'aborting':
      return exitCodes.unknown;
  }
}

/** How a comparison ended. What was not compared is never equal: then it is not known. */
export function verificationExitCode({ state, nodes, notCompared, error }: VerificationView): ExitCode {
  switch (state) {
    case 'differs':
      return exitCodes.differs;
    case 'equal':
      return notCompared.length > 0 || nodes.some(({ leftOut, expected }) => expected && leftOut !== null)
        ? exitCodes.unknown
        : exitCodes.good;
    case 'stopped':
      return exitCodes.aborted;
    case 'failed':
      return error?.category === 'refused' ? exitCodes.refused : exitCodes.failed;
    case 'running':
      return exitCodes.unknown;
  }
}

/** Why a command could not do what was asked. */
export function errorExitCode({ code, category }: RingmasterError): ExitCode {
  if (code.startsWith('console.') || code.startsWith('coordinator.')) return exitCodes.unknown;
  switch (category) {
    case 'input':
    case 'refused':
      return exitCodes.refused;
    case 'cancelled':
      return exitCodes.aborted;
    case 'environment':
    case 'failure':
      return exitCodes.failed;
    case 'defect':
      return exitCodes.unknown;
  }
}
