/**
 * Lists that are only appended to. What is acknowledged stays, once, and whoever reads a list anywhere at any time sees a
 * beginning of what it is in the end: one order on all nodes. The idea is list-append of Elle (Kingsbury and Alvaro, VLDB
 * 2021), without its search for cycles.
 */
import { newTally } from './client.js';
import { type NodeReader, Violations, type Workload } from './workload.js';

/** Lists that are appended to at the same time. */
const openLists = 8;
/** After so many appends the next lists are taken: a long list is written whole at each append. */
const appendsPerWindow = 800;
const lists = 4_000;
/** Readings kept for the check, and how often one is taken. */
const readingsMax = 5_000;
const readShare = 0.2;

/** Everything known of one list. */
export interface ListHistory {
  readonly id: number;
  readonly acknowledged: readonly string[];
  /** May be there or not. */
  readonly unknown: readonly string[];
  /** What was read while it was written: text of the list, and who read it. */
  readonly readings: readonly { readonly by: string; readonly text: string }[];
  /** What it is in the end, by node. */
  readonly final: ReadonlyMap<string, string>;
}

const elementsOf = (text: string): string[] => text.split(',').filter((element) => element !== '');

/** @returns what is wrong with a list */
export function judgeList({ id, acknowledged, unknown, readings, final }: ListHistory): string[] {
  const wrong: string[] = [];
  const allowed = new Set([...acknowledged, ...unknown]);
  for (const [node, text] of final) {
    const elements = elementsOf(text);
    const present = new Set(elements);
    const lost = acknowledged.filter((element) => !present.has(element));
    if (lost.length > 0) wrong.push(`list ${id} on ${node}: acknowledged, and lost: ${lost.join(' ')}`);
    if (present.size < elements.length) {
      const doubled = elements.filter((element, index) => elements.indexOf(element) !== index);
      wrong.push(`list ${id} on ${node}: more than once: ${doubled.join(' ')}`);
    }
    const strange = elements.filter((element) => !allowed.has(element));
    if (strange.length > 0)
      wrong.push(`list ${id} on ${node}: never appended, or refused: ${strange.join(' ')}`);
  }
  const [first, ...others] = [...final];
  for (const [node, text] of others)
    if (text !== first?.[1])
      wrong.push(`list ${id}: ${node} has ${text}, and ${first?.[0]} has ${first?.[1]}`);
  const end = elementsOf(first?.[1] ?? '');
  for (const { by, text } of readings) {
    const read = elementsOf(text);
    const place = read.findIndex((element, index) => element !== end[index]);
    if (place >= 0)
      wrong.push(
        `list ${id}: ${by} read ${read[place]} at place ${place}, where ${end[place] ?? 'nothing'} is in the end`,
      );
  }
  return wrong;
}

export function listsWorkload(): Workload {
  const violations = new Violations();
  const tally = newTally();
  const acknowledged = new Map<number, string[]>();
  const unknown = new Map<number, string[]>();
  const readings = new Map<number, { by: string; text: string }[]>();
  let appends = 0;
  let kept = 0;
  const into = <T>(map: Map<number, T[]>, id: number, value: T) => {
    const list = map.get(id);
    if (list) list.push(value);
    else map.set(id, [value]);
  };

  return {
    name: 'lists',
    tally,
    greeting: [],
    prepare: [
      'DROP TABLE IF EXISTS list',
      'CREATE TABLE list (id INT PRIMARY KEY, elements MEDIUMTEXT NOT NULL) ENGINE=InnoDB',
      `INSERT INTO list SELECT seq, '' FROM seq_1_to_${lists}`,
    ],
    async step(client, number, stop) {
      const { random } = client.options;
      const window = Math.floor(appends / appendsPerWindow) * openLists;
      const id = ((window + random.integer(0, openLists - 1)) % lists) + 1;
      if (random.chance(readShare) && kept < readingsMax) {
        const rows = await client.read(stop, 'SELECT elements FROM list WHERE id = ?', [id]);
        if (!rows) return;
        kept++;
        into(readings, id, { by: `client ${number}`, text: String(rows[0]?.elements) });
        return;
      }
      appends++;
      const element = `${number}.${appends}`;
      const outcome = await client.transaction(stop, async (attempt) => {
        attempt.committing();
        await attempt.run("UPDATE list SET elements = CONCAT(elements, ',', ?) WHERE id = ?", [element, id]);
      });
      if (outcome.kind === 'done') into(acknowledged, id, element);
      if (outcome.kind === 'unknown') into(unknown, id, element);
    },
    async check(nodes: readonly NodeReader[]) {
      const finals = new Map<number, Map<string, string>>();
      for (const node of nodes) {
        for (const { id, elements } of await node.rows('SELECT id, elements FROM list ORDER BY id')) {
          const final = finals.get(Number(id)) ?? new Map<string, string>();
          final.set(node.name, String(elements));
          finals.set(Number(id), final);
        }
      }
      for (const [id, final] of finals) {
        if (final.size < nodes.length) violations.add(`list ${id} is on ${[...final.keys()].join(' ')} only`);
        const history = {
          id,
          acknowledged: acknowledged.get(id) ?? [],
          unknown: unknown.get(id) ?? [],
          readings: readings.get(id) ?? [],
          final,
        };
        for (const wrong of judgeList(history)) violations.add(wrong);
      }
      return violations.list;
    },
  };
}
