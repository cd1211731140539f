/** How a node gets the data that it lacks: the choice between incremental and snapshot transfer. Pure. */
import {
  firstUnknownChange,
  formatGtid,
  lastChange,
  lastSequence,
  lostOwnTail,
  sequenceOf,
} from '../model/gtid.js';

/** Where a server stands; texts are GTID lists as MariaDB prints them. */
export interface Standing {
  readonly serverId: number;
  /** `@@gtid_binlog_pos`. */
  readonly binlog: string;
  /** `@@gtid_slave_pos`. */
  readonly applied: string;
  /** `@@gtid_binlog_state`. */
  readonly binlogState: string;
}

/** A possible source of what is missing. */
export interface Source extends Standing {
  /** Where its oldest binlog begins; changes up to here cannot be had from it any more. */
  readonly oldestBinlog: string;
}

export type JoinChoice =
  | { readonly method: 'incremental'; readonly missing: number; readonly why: string }
  | { readonly method: 'snapshot'; readonly why: string; readonly diverged: string | null };

/**
 * Incremental when the source's binlog reaches back to where the joiner stands and their histories agree.
 * Sequence numbers alone would not show divergence: the pair (server id, number) of every server is compared, and a
 * joiner that lost changes of its own in the middle is never let in on top of them.
 */
export function chooseJoin(joiner: Standing, source: Source): JoinChoice {
  const unknown = firstUnknownChange(joiner.binlogState, source.binlogState);
  if (unknown) {
    const gtid = formatGtid(unknown);
    return {
      method: 'snapshot',
      why: `it holds change ${gtid}, which the ring never received`,
      diverged: gtid,
    };
  }
  // When its last change is its own, all that it lost is later than everything it holds: its server, a semi-sync slave
  // in strict mode, takes such changes back though they are its own (MDEV-27760). Earlier ones it would drop in silence.
  const endsWithOwn = lastChange(joiner.binlog)?.serverId === joiner.serverId;
  if (!endsWithOwn && lostOwnTail(joiner.serverId, joiner.binlogState, source.binlogState)) {
    return { method: 'snapshot', why: 'it lost the tail of its own changes', diverged: null };
  }
  const mine = lastSequence(joiner);
  const oldest = sequenceOf(source.oldestBinlog);
  if (mine < oldest) {
    return {
      method: 'snapshot',
      why: `the donor's binlog begins at ${oldest}, after its position ${mine}`,
      diverged: null,
    };
  }
  const missing = Math.max(0, sequenceOf(source.binlog) - mine);
  return { method: 'incremental', missing, why: `the donor's binlog reaches back to its position ${mine}` };
}
