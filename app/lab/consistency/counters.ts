/** Counters that everybody increments: what was acknowledged was counted, and nothing else but what is unknown. */
import { newTally } from './client.js';
import { type NodeReader, Violations, type Workload } from './workload.js';

const counters = 6;

/** @returns what is wrong with a counter on a node; null when nothing is */
export function judgeCounter(
  where: string,
  value: number,
  { done, unknown }: { readonly done: number; readonly unknown: number },
): string | null {
  if (value >= done && value <= done + unknown) return null;
  return `${where} is ${value}; ${done} increments were acknowledged, ${unknown} are unknown`;
}

export function countersWorkload(): Workload {
  const violations = new Violations();
  const tally = newTally();
  const known = Array.from({ length: counters }, () => ({ done: 0, unknown: 0 }));

  return {
    name: 'counters',
    tally,
    greeting: [],
    prepare: [
      'DROP TABLE IF EXISTS counter',
      'CREATE TABLE counter (id INT PRIMARY KEY, value BIGINT NOT NULL) ENGINE=InnoDB',
      `INSERT INTO counter SELECT seq, 0 FROM seq_0_to_${counters - 1}`,
    ],
    async step(client, _number, stop) {
      const { random } = client.options;
      const id = random.integer(0, counters - 1);
      const explicit = random.chance(0.5);
      const outcome = await client.transaction(stop, async (attempt) => {
        if (!explicit) attempt.committing();
        else await attempt.run('START TRANSACTION');
        await attempt.run('UPDATE counter SET value = value + 1 WHERE id = ?', [id]);
        if (!explicit) return;
        attempt.committing();
        await attempt.run('COMMIT');
      });
      const counter = known[id];
      if (counter && (outcome.kind === 'done' || outcome.kind === 'unknown')) counter[outcome.kind]++;
    },
    async check(nodes: readonly NodeReader[]) {
      for (const node of nodes) {
        const rows = await node.rows('SELECT id, value FROM counter ORDER BY id');
        for (const [id, counter] of known.entries()) {
          const value = Number(rows.find((row) => Number(row.id) === id)?.value);
          const wrong = judgeCounter(`counter ${id} on ${node.name}`, value, counter);
          if (wrong !== null) violations.add(wrong);
        }
      }
      return violations.list;
    },
  };
}
