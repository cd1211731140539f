/** Who must give way so that the applier goes on: pure decisions from what the server shows of its locks. */

/** `waiter` waits for a lock that `blocker` holds, or waits for before it. Both are connection ids of the node. */
export interface WaitPair {
  readonly waiter: number;
  readonly blocker: number;
}

/** What a connection may be done to. */
export interface Roles {
  /** It must not wait: a thread of the applier, or a session that holds the permission to commit. */
  readonly mustGoOn: (id: number) => boolean;
  /** Its transaction may be rolled back. */
  readonly mayRollBack: (id: number) => boolean;
}

/**
 * The blockers of those who must go on. Only direct blockers give way: rolled back, they let go at once, whoever they
 * wait for themselves. One that must not be rolled back passes the demand on to whom it waits for.
 * @returns connection ids, ascending
 */
export function victimsOf(pairs: readonly WaitPair[], roles: Roles): number[] {
  const victims = new Set<number>();
  const seen = new Set<number>();
  const open = [...new Set(pairs.map(({ waiter }) => waiter).filter((id) => roles.mustGoOn(id)))];
  for (let waiter = open.pop(); waiter !== undefined; waiter = open.pop()) {
    if (seen.has(waiter)) continue;
    seen.add(waiter);
    for (const pair of pairs) {
      if (pair.waiter !== waiter) continue;
      if (!roles.mustGoOn(pair.blocker) && roles.mayRollBack(pair.blocker)) victims.add(pair.blocker);
      else open.push(pair.blocker);
    }
  }
  return [...victims].sort((a, b) => a - b);
}

/** One row of performance_schema.metadata_locks, with the connection that it belongs to. */
export interface MetadataLock {
  readonly owner: number;
  /** Such as `TABLE`, `SCHEMA`, `BACKUP`. */
  readonly kind: string;
  readonly schema: string;
  readonly name: string;
  /** Such as `SHARED_READ`, `EXCLUSIVE`. */
  readonly type: string;
  readonly pending: boolean;
}

/**
 * Which granted lock types let a request through. Source: MariaDB, sql/mdl.cc, the matrices above
 * `MDL_object_lock::m_granted_incompatible` and `MDL_scoped_lock`.
 */
const objectTypes = [
  'SHARED',
  'SHARED_HIGH_PRIO',
  'SHARED_READ',
  'SHARED_WRITE',
  'SHARED_UPGRADABLE',
  'SHARED_READ_ONLY',
  'SHARED_NO_WRITE',
  'SHARED_NO_READ_WRITE',
  'EXCLUSIVE',
] as const;
const letsThrough: Readonly<Record<string, string>> = {
  //                       S SH SR SW SU SRO SNW SNRW X, granted
  SHARED: '++++++++-',
  SHARED_HIGH_PRIO: '++++++++-',
  SHARED_READ: '+++++++--',
  SHARED_WRITE: '+++++----',
  SHARED_UPGRADABLE: '++++-+---',
  SHARED_READ_ONLY: '+++-+++--',
  SHARED_NO_WRITE: '+++--+---',
  SHARED_NO_READ_WRITE: '++-------',
  EXCLUSIVE: '---------',
};
/** Requests of these types, while they wait, hold up those that come after them. */
const holdsUpOthers = new Set(['SHARED_READ_ONLY', 'SHARED_NO_WRITE', 'SHARED_NO_READ_WRITE', 'EXCLUSIVE']);

/** Must a request of one type wait for a lock of another? Types that we do not know never block anybody. */
export function metadataConflict(requested: string, granted: string): boolean {
  if (requested === 'INTENTION_EXCLUSIVE') return granted === 'SHARED' || granted === 'EXCLUSIVE';
  if (granted === 'INTENTION_EXCLUSIVE') return requested === 'SHARED' || requested === 'EXCLUSIVE';
  const place = objectTypes.indexOf(granted as (typeof objectTypes)[number]);
  return place >= 0 && letsThrough[requested]?.[place] === '-';
}

/**
 * Who waits for whom, by the table of metadata locks. Locks of a backup are left out: a copy that is being taken is not
 * given up for a change of a table.
 */
export function metadataPairs(locks: readonly MetadataLock[]): WaitPair[] {
  const pairs: WaitPair[] = [];
  for (const wanted of locks) {
    if (!wanted.pending || wanted.kind === 'BACKUP') continue;
    for (const other of locks) {
      if (other.owner === wanted.owner || other.kind !== wanted.kind) continue;
      if (other.schema !== wanted.schema || other.name !== wanted.name) continue;
      if (other.pending && !holdsUpOthers.has(other.type)) continue;
      if (metadataConflict(wanted.type, other.type))
        pairs.push({ waiter: wanted.owner, blocker: other.owner });
    }
  }
  return pairs;
}
