/**
 * Health by level, named after the layers at which a node is asked: 3 its host answers, 4 its port is open, 7 a query
 * is answered. One lost probe proves nothing: a level is lost after `fall` failures in a row and won after `rise`
 * successes in a row. A lost level takes the higher ones with it.
 */

/** 0: does not answer at all. */
export type HealthLevel = 0 | 3 | 4 | 7;

export interface HealthRules {
  readonly rise: number;
  readonly fall: number;
}

export const defaultHealthRules: HealthRules = { rise: 2, fall: 3 };

interface LevelState {
  readonly up: boolean;
  /** Probes in a row that say the opposite of `up`. */
  readonly against: number;
}

export interface Health {
  readonly levels: Readonly<Record<3 | 4 | 7, LevelState>>;
}

const down: LevelState = { up: false, against: 0 };

/** Nothing is known: the node must first answer. */
export const unknownHealth: Health = { levels: { 3: down, 4: down, 7: down } };

function probe(state: LevelState, answered: boolean, { rise, fall }: HealthRules): LevelState {
  if (answered === state.up) return { up: state.up, against: 0 };
  const against = state.against + 1;
  const needed = state.up ? fall : rise;
  return against >= needed ? { up: !state.up, against: 0 } : { up: state.up, against };
}

/**
 * One round of probes.
 * @param reached the highest level that answered in it: a query that is answered proves the port and the host too
 */
export function observe(health: Health, reached: HealthLevel, rules: HealthRules): Health {
  const { levels } = health;
  return {
    levels: {
      3: probe(levels[3], reached >= 3, rules),
      4: probe(levels[4], reached >= 4, rules),
      7: probe(levels[7], reached >= 7, rules),
    },
  };
}

/** The level that counts: the highest without a gap below it. */
export function levelOf({ levels }: Health): HealthLevel {
  if (!levels[3].up) return 0;
  if (!levels[4].up) return 3;
  return levels[7].up ? 7 : 4;
}
