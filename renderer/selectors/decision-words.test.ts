import { describe, expect, it } from 'vitest';
import type { Decision, PolicyName } from '../../app/model/routing.js';
import { decisionOf, scoreOf } from '../testing/decisions.js';
import { answerWords, questionWords, rowWords, scaleWords, scoreWords } from './decision-words.js';

const by = (policy: PolicyName, part: Partial<Decision> = {}) => decisionOf(12, 0, { policy, ...part });
const rowsOf = (decision: Decision) => decision.scores.map((score) => rowWords(decision, score));

describe('the explanation of a decision', () => {
  it.each<[PolicyName, string, string]>([
    ['round-robin', 'It was the turn of db2, which was served the longest ago.', 'had turn 40 last'],
    ['weighted', 'db2 was owed the most by its weight.', 'owed 2 by weight 1'],
    [
      'least-connections',
      'db2 had the fewest sessions for its weight.',
      '11 sessions and this one, for weight 1',
    ],
    [
      'response-time',
      'db2 had the lowest sum of response time and sessions just placed: 0.614 against 1.020 of db1.',
      'response time 0.614',
    ],
    [
      'cpu-load',
      'db2 had the lowest sum of processor use and sessions just placed: 0.642 against 0.931 of db1.',
      'processor 0.642',
    ],
    [
      'optimal',
      'db2 had the lowest sum: 1.966 against 2.641 of db1.',
      'processor 0.642 + response time 0.614 + load 0.710',
    ],
  ])('by %s says why, of what each score is made, and why a node has none', (policy, answer, ofWinner) => {
    const decision = by(policy);
    expect(questionWords(decision)).toBe('Why did 127.0.0.1:45312 go to db2?');
    expect(answerWords(decision)).toBe(answer);
    expect(rowsOf(decision)[1]).toBe(ofWinner);
    expect(rowsOf(decision)[2]).toBe('is offline');
    expect(scaleWords(decision)).toContain('lowest');
  });

  it('says that nobody was measured lately, and what was done instead', () => {
    const decision = by('cpu-load', {
      fellBack: true,
      scores: [scoreOf('db1', { score: 4, sessions: 3 }), scoreOf('db2', { score: 2, sessions: 1 })],
    });
    expect(answerWords(decision)).toBe(
      'CPU load fell back to least connections because no node has a fresh sample. db2 had the fewest sessions for its weight.',
    );
    expect(rowsOf(decision)).toEqual([
      '3 sessions and this one, for weight 1',
      'one session and this one, for weight 1',
    ]);
    expect(scaleWords(decision)).toBe('The lowest score wins.');
  });

  it('says how equal scores were told apart', () => {
    const tie = (sessions: number) =>
      by('round-robin', {
        scores: [scoreOf('db1', { score: 0, sessions }), scoreOf('db2', { score: 0, sessions: 1 })],
      });
    expect(answerWords(tie(2))).toBe(
      'db2 and db1 had the same score; of equal ones the node with the fewest sessions for its weight is taken: db2.',
    );
    expect(answerWords(tie(1))).toContain('with as many sessions the first by name is taken: db2.');
    expect(rowsOf(tie(2))).toEqual(['had no turn yet', 'had no turn yet']);
  });

  it('says when there was no choice, and when there was none to take it', () => {
    const scores = [scoreOf('db1', { reason: 'has weight 0' }), scoreOf('db2')];
    expect(answerWords(by('optimal', { scores }))).toBe('db2 was the only node that could be chosen.');
    const refused = by('optimal', { winner: null, scores: scores.slice(0, 1) });
    expect(questionWords(refused)).toBe('Why did 127.0.0.1:45312 go to no node?');
    expect(answerWords(refused)).toContain('refused with error 1047');
  });

  it('shows whole scores as such, parts of them with three digits, and none in words', () => {
    expect([0, 1200, -3, 0.4, -0.25, null].map(scoreWords)).toEqual([
      '0',
      '1,200',
      '−3',
      '0.400',
      '−0.250',
      'none',
    ]);
  });
});
