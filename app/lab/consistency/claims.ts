/** Several clients insert the same key on different nodes: exactly one is told that it has it, and has it. */
import { newTally } from './client.js';
import { type NodeReader, Violations, type Workload } from './workload.js';

/** ER_DUP_ENTRY */
const duplicateKey = 1062;

/** Everything known of one key. */
export interface ClaimHistory {
  readonly key: number;
  /** Who was told that the key is theirs. */
  readonly winners: readonly string[];
  readonly losers: readonly string[];
  readonly unknown: readonly string[];
  /** The owner in the end, by node; null where the key does not exist. */
  readonly owners: ReadonlyMap<string, string | null>;
}

/** @returns what is wrong with a key */
export function judgeClaim({ key, winners, losers, unknown, owners }: ClaimHistory): string[] {
  const wrong: string[] = [];
  if (winners.length > 1) wrong.push(`key ${key} was given to ${winners.join(' and ')}`);
  for (const [node, owner] of owners) {
    if (owner === null) {
      if (winners.length > 0) wrong.push(`key ${key} of ${winners.join(' ')} is lost on ${node}`);
      else if (losers.length > 0)
        wrong.push(`key ${key} is nobody's on ${node}, and ${losers.join(' ')} were told that it is taken`);
    } else if (winners.length > 0 ? !winners.includes(owner) : !unknown.includes(owner))
      wrong.push(`key ${key} is ${owner}'s on ${node}, who was never told so`);
  }
  if (new Set(owners.values()).size > 1)
    wrong.push(`key ${key}: ${[...owners].map(([node, owner]) => `${owner} on ${node}`).join(', ')}`);
  return wrong;
}

export function claimsWorkload(clients: number): Workload {
  const violations = new Violations();
  const tally = newTally();
  const known = new Map<number, { winners: string[]; losers: string[]; unknown: string[] }>();
  let tickets = 0;

  return {
    name: 'claims',
    tally,
    greeting: [],
    prepare: [
      'DROP TABLE IF EXISTS claim',
      'CREATE TABLE claim (id INT PRIMARY KEY, owner VARCHAR(40) NOT NULL, UNIQUE KEY (owner)) ENGINE=InnoDB',
    ],
    async step(client, number, stop) {
      // As many tries for each key as there are clients: so they meet.
      const ticket = tickets++;
      const key = Math.floor(ticket / clients);
      const owner = `${number}.${ticket}`;
      const history = known.get(key) ?? { winners: [], losers: [], unknown: [] };
      known.set(key, history);
      const outcome = await client.transaction(
        stop,
        async (attempt) => {
          attempt.committing();
          await attempt.run('INSERT INTO claim VALUES (?, ?)', [key, owner]);
        },
        [duplicateKey],
      );
      if (outcome.kind === 'done') history.winners.push(owner);
      if (outcome.kind === 'unknown') history.unknown.push(owner);
      if (outcome.kind === 'refused' && outcome.errorNumber === duplicateKey) history.losers.push(owner);
    },
    async check(nodes: readonly NodeReader[]) {
      const owners = new Map<string, Map<number, string>>();
      for (const node of nodes) {
        const rows = await node.rows('SELECT id, owner FROM claim');
        owners.set(node.name, new Map(rows.map(({ id, owner }) => [Number(id), String(owner)])));
      }
      const keys = new Set([...known.keys(), ...[...owners.values()].flatMap((map) => [...map.keys()])]);
      for (const key of keys) {
        const history = known.get(key) ?? { winners: [], losers: [], unknown: [] };
        const ends = new Map([...owners].map(([node, map]) => [node, map.get(key) ?? null] as const));
        for (const wrong of judgeClaim({ key, ...history, owners: ends })) violations.add(wrong);
      }
      return violations.list;
    },
  };
}
