/** Decisions to build scenes from, and a router in memory that makes and gives them out. */
import { nodeName } from '../../app/model/ids.js';
import {
  type Decision,
  type DecisionPage,
  type DecisionQuery,
  type PolicyName,
  policyWords,
  type Score,
} from '../../app/model/routing.js';
import type { MemoryBridge } from './memory-bridge.js';

/** A row of a score table; one that can win unless it has a reason. */
export const scoreOf = (node: string, part: Partial<Score> = {}): Score => ({
  node: nodeName(node),
  score: part.reason === undefined ? 1 : null,
  parts: {},
  reason: null,
  sessions: 0,
  weight: 1,
  ...part,
});

const rows: Readonly<Record<PolicyName, readonly Score[]>> = {
  'round-robin': [scoreOf('db1', { score: 41 }), scoreOf('db2', { score: 40 })],
  weighted: [
    scoreOf('db1', { score: -1, parts: { owed: 1 } }),
    scoreOf('db2', { score: -2, parts: { owed: 2 } }),
  ],
  'least-connections': [
    scoreOf('db1', { score: 13, sessions: 12, parts: { 'sessions per weight': 13 } }),
    scoreOf('db2', { score: 12, sessions: 11, parts: { 'sessions per weight': 12 } }),
  ],
  'response-time': [
    scoreOf('db1', { score: 1.02, parts: { response: 1, 'just placed': 0.02 } }),
    scoreOf('db2', { score: 0.614, parts: { response: 0.614, 'just placed': 0 } }),
  ],
  'cpu-load': [
    scoreOf('db1', { score: 0.931, parts: { cpu: 0.911, 'just placed': 0.02 } }),
    scoreOf('db2', { score: 0.642, parts: { cpu: 0.642, 'just placed': 0 } }),
  ],
  optimal: [
    scoreOf('db1', { score: 2.641, parts: { cpu: 0.911, response: 1, 'just placed': 0.02, load: 0.71 } }),
    scoreOf('db2', { score: 1.966, parts: { cpu: 0.642, response: 0.614, 'just placed': 0, load: 0.71 } }),
  ],
};

/** The session `number` went to db2, for what the policy found; db3 takes none. */
export const decisionOf = (number: number, atMs: number, part: Partial<Decision> = {}): Decision => ({
  number,
  atMs,
  session: `127.0.0.1:${45_300 + number}`,
  policy: 'least-connections',
  winner: nodeName('db2'),
  fellBack: false,
  scores: [...rows[part.policy ?? 'least-connections'], scoreOf('db3', { reason: 'is offline' })],
  ...part,
});

export interface MemoryRouter {
  /** Newest last. */
  readonly decisions: Decision[];
  beganAtMs: number;
}

/** Answers the requests about routing as the lab does. */
export function answerRouting(bridge: MemoryBridge, decisions: Decision[]): MemoryRouter {
  const router = { decisions, beganAtMs: 1 };
  bridge.handlers['routing.decisions'] = ({ node, session, after, count }: DecisionQuery): DecisionPage => ({
    decisions: router.decisions
      .filter((each) => each.number > after && each.session.includes(session))
      .filter((each) => node === null || each.winner === node)
      .toReversed()
      .slice(0, count),
    last: router.decisions.at(-1)?.number ?? 0,
    beganAtMs: router.beganAtMs,
  });
  bridge.handlers['routing.set'] = ({ policy, weights }) => {
    const { frontEnd } = bridge.snapshot();
    const { title, meaning } = policyWords[policy];
    if (frontEnd)
      bridge.update({ frontEnd: { ...frontEnd, policy: { name: policy, title, meaning }, weights } });
    return null;
  };
  return router;
}
