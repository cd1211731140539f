/** What must hold after each fault, when the nodes are back and the clients have a rest. */
import type { Clock } from '../../base/clock.js';
import type { TableChecksum } from '../../contract/control.js';
import type { Admin } from '../../io/mariadb/admin.js';
import { checksumTables } from '../../io/mariadb/checksums.js';
import type { Crowd } from '../consistency/crowd.js';
import { differingRows, judgeNumbers, judgeTables, readNumbers, settle } from '../consistency/nodes.js';

/** Binlogs are read this far back: older ones were read after earlier faults. */
const binlogsRead = 2;

export interface Findings {
  /** What was acknowledged and is not there, or is there and was refused. */
  readonly lost: readonly string[];
  /** Nodes that differ, or do not meet. */
  readonly divergent: readonly string[];
}

/** Compares everything on all nodes with each other and with what the clients were told. */
export async function checkNodes(
  nodes: readonly { readonly name: string; readonly admin: Admin }[],
  crowd: Crowd,
  clock: Clock,
): Promise<Findings> {
  const apart = await settle(nodes, clock);
  if (apart.length > 0) return { lost: [], divergent: apart };
  const context = { signal: new AbortController().signal, progress: () => undefined };
  const read = await Promise.all(
    nodes.map(async ({ name, admin }) => ({
      name,
      tables: (await checksumTables(admin, clock, context)).tables,
      numbers: await readNumbers(admin, binlogsRead),
    })),
  );
  const tables = new Map<string, readonly TableChecksum[]>(read.map((each) => [each.name, each.tables]));
  const divergent = [
    ...judgeTables(tables),
    ...judgeNumbers(new Map(read.map((each) => [each.name, each.numbers]))),
  ];
  if (divergent.length > 0) divergent.push(...(await differingRows(nodes, crowd.database)));
  return { lost: await crowd.check(nodes), divergent };
}
