/**
 * MariaDB global transaction ids `domain-server-sequence` and positions, which are lists of them.
 * Ringmaster uses one domain (0), so the sequence number is the place of a change in the total order.
 * Source: MariaDB documentation, "Global Transaction ID".
 */

/** One change: who committed it and its place in the total order. */
export interface Gtid {
  readonly domainId: number;
  readonly serverId: number;
  /** Up to 2^63-1 in MariaDB; exact in a double to 2^53, which 10,000 commits a second reach in 28,000 years. */
  readonly sequence: number;
}

const pattern = /^(\d+)-(\d+)-(\d+)$/;

/** "0-1-42" -> its parts; undefined when the text is not a GTID. */
function parseGtid(text: string): Gtid | undefined {
  const match = pattern.exec(text.trim());
  if (!match) return undefined;
  return { domainId: Number(match[1]), serverId: Number(match[2]), sequence: Number(match[3]) };
}

/** The parts -> "0-1-42". */
export const formatGtid = (gtid: Gtid): string => `${gtid.domainId}-${gtid.serverId}-${gtid.sequence}`;

/**
 * A list as MariaDB prints it ("0-1-42,0-2-40", empty for none), in its order.
 * @throws RangeError when an element is not a GTID.
 */
export function parseGtidList(text: string): Gtid[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const gtid = parseGtid(part);
      if (!gtid) throw new RangeError(`not a GTID: ${part}`);
      return gtid;
    });
}

export const formatGtidList = (gtids: readonly Gtid[]): string => gtids.map(formatGtid).join(',');

/** The highest sequence number of a position or binlog state; 0 when it is empty. */
export function sequenceOf(position: string): number {
  return parseGtidList(position).reduce((highest, gtid) => Math.max(highest, gtid.sequence), 0);
}

/**
 * How far a server is: the later of its binlog and its applier. The binlog shows own changes, which the applier's position
 * does not; a server that was restored may have a position and no binlog.
 */
export const lastSequence = ({
  binlog,
  applied,
}: {
  readonly binlog: string;
  readonly applied: string;
}): number => Math.max(sequenceOf(binlog), sequenceOf(applied));

/** The change that a position ends with: the one with the highest sequence number. */
export function lastChange(position: string): Gtid | undefined {
  return parseGtidList(position).reduce<Gtid | undefined>(
    (last, gtid) => (last === undefined || gtid.sequence > last.sequence ? gtid : last),
    undefined,
  );
}

/**
 * The first change in `mine` that `ring` never received, or undefined when there is none.
 * Both are binlog states: per server the highest sequence number. Sequence numbers alone do not show divergence,
 * because two servers can give the same number to different changes; the (server, sequence) pair does.
 */
export function firstUnknownChange(mine: string, ring: string): Gtid | undefined {
  const known = new Map(parseGtidList(ring).map((gtid) => [gtid.serverId, gtid.sequence]));
  return parseGtidList(mine).find((gtid) => gtid.sequence > (known.get(gtid.serverId) ?? 0));
}

/**
 * Did this server lose the tail of its own changes? True when the ring knows a later change of `serverId` than the
 * server itself. It would drop those as its own when they come back, and diverge in silence.
 */
export function lostOwnTail(serverId: number, mine: string, ring: string): boolean {
  const own = (state: string) =>
    parseGtidList(state).find((gtid) => gtid.serverId === serverId)?.sequence ?? 0;
  return own(ring) > own(mine);
}

/**
 * The binlog state of a copy: the donor's state, cut at the position of the copy. Strict mode would refuse changes
 * up to any higher number.
 * @param donorState `@@gtid_binlog_state` of the donor, read before the copy was taken
 * @param position where the copy stands (`xtrabackup_binlog_info`, third column)
 */
export function binlogStateAt(donorState: string, position: string): string {
  const end = lastChange(position);
  if (!end) return '';
  const earlier = parseGtidList(donorState).filter(
    (gtid) =>
      gtid.domainId === end.domainId && gtid.serverId !== end.serverId && gtid.sequence < end.sequence,
  );
  return formatGtidList([...earlier, end]);
}
