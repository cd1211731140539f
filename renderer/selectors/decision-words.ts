/** "Why did 127.0.0.1:45312 go to db2?", answered from the score table of the decision. */
import { countOf, formatCount } from '../../app/base/format.js';
import { type Decision, type PolicyName, policyWords, type Score } from '../../app/model/routing.js';
import { listNames } from '../../app/model/sentence.js';

/** The policy that made the scores: where it needs samples and there were none, another one did. */
const scoredBy = ({ policy, fellBack }: Decision): PolicyName => (fellBack ? 'least-connections' : policy);

const measured: readonly PolicyName[] = ['response-time', 'cpu-load', 'optimal'];
const isMeasured = (policy: PolicyName): boolean => measured.includes(policy);

/** A score that can win. */
type Able = Score & { readonly score: number };
const isAble = (score: Score): score is Able => score.score !== null;

const digits = 3;

/** 0.4 -> "0.400", 12 -> "12", -3 -> "−3"; null, for a node that could not win, -> "none". */
export function scoreWords(score: number | null): string {
  if (score === null) return 'none';
  const text = Number.isInteger(score) ? formatCount(Math.abs(score)) : Math.abs(score).toFixed(digits);
  return score < 0 ? `−${text}` : text;
}

/** The question that the table answers. */
export const questionWords = ({ session, winner }: Decision): string =>
  winner === null ? `Why did ${session} go to no node?` : `Why did ${session} go to ${winner}?`;

const partNames: Readonly<Record<string, string>> = { cpu: 'processor', response: 'response time' };

/** What a node's score is made of, or why it has none. */
export function rowWords(decision: Decision, score: Score): string {
  if (score.reason !== null) return score.reason;
  const { parts, sessions, weight } = score;
  switch (scoredBy(decision)) {
    case 'round-robin':
      return score.score === 0 ? 'had no turn yet' : `had turn ${formatCount(score.score ?? 0)} last`;
    case 'weighted':
      return `owed ${formatCount(parts.owed ?? 0)} by weight ${formatCount(weight)}`;
    case 'least-connections':
      return `${countOf(sessions, 'session')} and this one, for weight ${formatCount(weight)}`;
    case 'response-time':
    case 'cpu-load':
    case 'optimal':
      return Object.entries(parts)
        .filter(([, value], _index, all) => value !== 0 || all.every(([, other]) => other === 0))
        .map(([name, value]) => `${partNames[name] ?? name} ${value.toFixed(digits)}`)
        .join(' + ');
  }
}

/** Why the lowest score is the lowest, by policy; without a full stop, for measured ones end with the figures. */
const reasonWords: Readonly<Record<PolicyName, (winner: string) => string>> = {
  'round-robin': (winner) => `It was the turn of ${winner}, which was served the longest ago`,
  weighted: (winner) => `${winner} was owed the most by its weight`,
  'least-connections': (winner) => `${winner} had the fewest sessions for its weight`,
  'response-time': (winner) => `${winner} had the lowest sum of response time and sessions just placed`,
  'cpu-load': (winner) => `${winner} had the lowest sum of processor use and sessions just placed`,
  optimal: (winner) => `${winner} had the lowest sum`,
};

function tieWords(winner: Able, equals: readonly Able[]): string {
  const names = listNames([winner, ...equals].map(({ node }) => node));
  const share = (score: Score) => score.sessions / score.weight;
  const fewer = equals.every((other) => share(other) > share(winner));
  return `${names} had the same score; of equal ones ${
    fewer
      ? `the node with the fewest sessions for its weight is taken: ${winner.node}.`
      : `with as many sessions the first by name is taken: ${winner.node}.`
  }`;
}

/** The answer in one to three sentences. */
export function answerWords(decision: Decision): string {
  const { scores, policy, fellBack } = decision;
  const able = scores.filter(isAble);
  const winner = able.find(({ node }) => node === decision.winner);
  if (!winner) return 'No node could take a session at that moment, so it was refused with error 1047.';
  const others = able.filter((score) => score !== winner);
  const equals = others.filter(({ score }) => score === winner.score);
  const fall = fellBack
    ? `${policyWords[policy].title} fell back to least connections because no node has a fresh sample. `
    : '';
  if (others.length === 0) return `${fall}${winner.node} was the only node that could be chosen.`;
  if (equals.length > 0) return fall + tieWords(winner, equals);
  const by = scoredBy(decision);
  const [next] = others.toSorted((left, right) => left.score - right.score);
  const figures = `: ${scoreWords(winner.score)} against ${scoreWords(next?.score ?? null)} of ${next?.node}`;
  return `${fall}${reasonWords[by](winner.node)}${isMeasured(by) ? figures : ''}.`;
}

/** How to read the numbers. */
export function scaleWords(decision: Decision): string {
  switch (scoredBy(decision)) {
    case 'round-robin':
    case 'least-connections':
      return 'The lowest score wins.';
    case 'weighted':
      return 'The score is what a node is owed, with a minus: the lowest wins.';
    case 'response-time':
    case 'cpu-load':
    case 'optimal':
      return 'The lowest score wins. Each part goes from 0 (idle) to 1 (full, or slowest of all).';
  }
}
