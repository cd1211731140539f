import { describe, expect, it } from 'vitest';
import { drain } from './drain.js';
import {
  defaultHealthRules,
  type Health,
  type HealthLevel,
  levelOf,
  observe,
  unknownHealth,
} from './health.js';

/** The level after each round of probes. */
const story = (rounds: readonly HealthLevel[], start: Health = unknownHealth): HealthLevel[] => {
  let health = start;
  return rounds.map((reached) => {
    health = observe(health, reached, defaultHealthRules);
    return levelOf(health);
  });
};

describe('health', () => {
  it('rises after two answers and falls after three failures', () => {
    expect(story([7, 7, 0, 0, 0, 7, 7])).toEqual([0, 7, 7, 7, 0, 0, 7]);
  });

  it('forgives a lost probe', () => {
    expect(story([7, 7, 0, 7, 0, 0, 7, 0, 0, 7])).toEqual([0, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
  });

  it('falls to the level that still answers', () => {
    expect(story([7, 7, 4, 4, 4])).toEqual([0, 7, 7, 7, 4]);
    expect(story([7, 7, 3, 3, 3])).toEqual([0, 7, 7, 7, 3]);
  });
});

describe('draining', () => {
  const sessions = [
    { id: 'idle', idle: true, committing: false },
    { id: 'working', idle: false, committing: false },
    { id: 'committing', idle: false, committing: true },
  ];

  it('lets idle sessions go, waits for the others, and never cuts a commit', () => {
    expect(drain(sessions, 1000, 400)).toEqual({
      end: ['idle'],
      wait: ['working', 'committing'],
      leftMs: 600,
    });
    expect(drain(sessions, 1000, 1000)).toEqual({
      end: ['idle', 'working'],
      wait: ['committing'],
      leftMs: 0,
    });
  });
});
