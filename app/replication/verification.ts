/** Judges what the nodes have in the same ranges at the same change: where they differ, and who stands alone. */
import { countOf } from '../base/format.js';
import type { NodeName } from '../model/ids.js';
import type { Drift, RangeSum, TableDefinition, TableRanges, TableSums } from '../model/verification.js';

/** What one node said. */
export interface NodeSums {
  readonly name: NodeName;
  readonly definitions: readonly TableDefinition[];
  readonly tables: readonly TableSums[];
}

export interface Judgement {
  readonly drift: readonly Drift[];
  readonly notCompared: readonly { readonly table: string; readonly why: string }[];
  /** Tables compared on all of the nodes. */
  readonly tables: number;
  /** Rows in them, on the node that has most. */
  readonly rows: number;
}

/** "db1", "db1 and db2", "db1, db2 and db3". */
export function listOf(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

/** The nodes that stand against an agreeing majority of those compared; empty when there is no majority. */
export function oddOnes(values: ReadonlyMap<NodeName, string>): readonly NodeName[] {
  const counts = new Map<string, number>();
  for (const value of values.values()) counts.set(value, (counts.get(value) ?? 0) + 1);
  for (const [value, count] of counts) {
    if (2 * count > values.size) return [...values].filter(([, own]) => own !== value).map(([name]) => name);
  }
  return [];
}

/** A row of a comparison that is not equal: "db2 differs from db1 and db3". */
function whoDiffers(names: readonly NodeName[], odd: readonly NodeName[]): string {
  if (odd.length === 0) return `${listOf(names)} differ from each other`;
  const others = names.filter((name) => !odd.includes(name));
  return `${listOf(odd)} ${odd.length === 1 ? 'differs' : 'differ'} from ${listOf(others)}`;
}

/**
 * Words for the range between two edges, numbered `first` to `last`.
 * Only whole numbers have a number before the next edge; other values are told as they are.
 */
export function rangeWords({ key, edges }: TableRanges, first: number, last: number): string {
  const from = first > 0 ? edges[first - 1] : undefined;
  const before = edges[last];
  if (!key || (from === undefined && before === undefined)) return 'the whole table';
  const whole = key.kind === 'number' && before !== undefined && /^-?\d+$/.test(before);
  const shown = (edge: string) => (key.kind === 'bytes' ? `0x${edge}` : edge);
  if (before === undefined) return `${key.column} from ${shown(from ?? '')} on`;
  if (from === undefined)
    return whole ? `${key.column} up to ${BigInt(before) - 1n}` : `${key.column} before ${shown(before)}`;
  return whole
    ? `${key.column} ${shown(from)} to ${BigInt(before) - 1n}`
    : `${key.column} from ${shown(from)} to before ${shown(before)}`;
}

interface TableOfNode {
  readonly name: NodeName;
  readonly definition: TableDefinition | undefined;
  readonly sums: TableSums | undefined;
}

/** @param ranges as they were cut on one node; tables that it lacks are found by the lists of the others */
export function judge(nodes: readonly NodeSums[], ranges: readonly TableRanges[]): Judgement {
  const drift: Drift[] = [];
  const notCompared: { table: string; why: string }[] = [];
  let tables = 0;
  let rows = 0;
  const cut = new Map(ranges.map((each) => [each.table, each]));
  const names = new Set(nodes.flatMap(({ definitions }) => definitions.map(({ table }) => table)));
  for (const table of [...names].sort()) {
    const found: readonly TableOfNode[] = nodes.map(({ name, definitions, tables: sums }) => ({
      name,
      definition: definitions.find((each) => each.table === table),
      sums: sums.find((each) => each.table === table),
    }));
    const unlike = unlikeDefinitions(table, found);
    const why = whyNotCompared(found);
    if (unlike && !found.some(({ sums }) => sums?.problem)) drift.push(unlike);
    else if (why) notCompared.push({ table, why });
    else {
      tables++;
      rows += Math.max(...found.map(({ sums }) => rowsOf(sums?.sums ?? [])));
      drift.push(...unlikeRanges(cut.get(table) ?? { table, key: null, edges: [] }, found));
    }
  }
  return { drift, notCompared, tables, rows };
}

const rowsOf = (sums: readonly RangeSum[]): number => sums.reduce((sum, { rows }) => sum + rows, 0);

function whyNotCompared(found: readonly TableOfNode[]): string | null {
  for (const { name, definition, sums } of found) {
    if (definition?.unreadable) return definition.unreadable;
    if (sums?.problem) return `${sums.problem} (${name})`;
    if (!sums) return `${name} did not read it`;
  }
  return null;
}

/** The tables themselves differ: missing on a node, or with other columns. */
function unlikeDefinitions(table: string, found: readonly TableOfNode[]): Drift | null {
  const values = new Map(found.map(({ name, definition }) => [name, definition?.definition ?? '']));
  if (new Set(values.values()).size === 1) return null;
  const odd = oddOnes(values);
  const names = [...values.keys()];
  const missing = names.filter((name) => values.get(name) === '');
  const words =
    missing.length > 0
      ? `${listOf(missing)} ${missing.length === 1 ? 'has' : 'have'} no table ${table}`
      : `${whoDiffers(names, odd)} in the definition of ${table}`;
  const where = missing.length > 0 ? 'no such table' : 'its definition';
  const rows = Object.fromEntries(
    found.map(({ name, definition, sums }) => [name, definition && sums ? rowsOf(sums.sums) : null]),
  );
  return { table, where, odd, words, rows };
}

/** Ranges that differ; neighbours with the same odd ones are told as one. */
function unlikeRanges(ranges: TableRanges, found: readonly TableOfNode[]): Drift[] {
  const names = found.map(({ name }) => name);
  const stretches: { first: number; last: number; odd: readonly NodeName[] }[] = [];
  for (let index = 0; index <= ranges.edges.length; index++) {
    const values = new Map(
      found.map(({ name, sums }) => {
        const sum = sums?.sums[index];
        return [name, sum ? `${sum.rows}:${sum.sum}` : 'not read'];
      }),
    );
    if (new Set(values.values()).size === 1) continue;
    const odd = oddOnes(values);
    const before = stretches.at(-1);
    if (before && before.last === index - 1 && before.odd.join() === odd.join()) before.last = index;
    else stretches.push({ first: index, last: index, odd });
  }
  return stretches.map(({ first, last, odd }) => {
    const where = rangeWords(ranges, first, last);
    return {
      table: ranges.table,
      where,
      odd,
      words: `${whoDiffers(names, odd)} in ${ranges.table}, ${where}`,
      rows: Object.fromEntries(
        found.map(({ name, sums }) => [name, sums ? rowsOf(sums.sums.slice(first, last + 1)) : null]),
      ),
    };
  });
}

/** The outcome in one sentence without a full stop. */
export function outcomeWords(
  compared: readonly NodeName[],
  leftOut: readonly NodeName[],
  position: string,
  { drift, notCompared, tables, rows }: Judgement,
): string {
  const [first] = drift;
  const more = drift.length - 1;
  const ends = [
    ...(notCompared.length > 0 ? [`${countOf(notCompared.length, 'table')} not compared`] : []),
    ...(leftOut.length > 0 ? [`${listOf(leftOut)} not compared`] : []),
  ];
  const end = ends.length > 0 ? `; ${ends.join('; ')}` : '';
  if (first) return `${first.words}${more > 0 ? `, and ${countOf(more, 'more place')}` : ''}${end}`;
  return `${countOf(compared.length, 'node')} equal at ${position || 'the beginning'}: ${countOf(tables, 'table')}, ${countOf(rows, 'row')}${end}`;
}
