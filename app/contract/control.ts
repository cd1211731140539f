/**
 * The control protocol of a peer: every method the coordinator can call over the peer's local socket (JSON-RPC 2.0),
 * and what the peer says by itself. Long methods report progress and can be cancelled.
 */
import { z } from 'zod';
import { serverIdSchema } from '../model/ids.js';
import type { NodeSample } from '../model/metrics.js';
import type { StepProgress } from '../model/plan.js';
import { type ServerOptions, serverOptionsSchema } from '../model/server-options.js';
import { memberIdMax, membersMax } from '../ring/model.js';
import { comparisonMethods } from './comparison-methods.js';
import { type MethodEntry, method } from './method.js';

const nothing = z.object({}).strict();
const position = z.string().regex(/^(\d+-\d+-\d+(,\d+-\d+-\d+)*)?$/);
const address = z
  .object({ host: z.string().min(1).max(253), port: z.number().int().min(1).max(65_535) })
  .strict();

export type SqlAddress = z.infer<typeof address>;

/** What a server process is doing. `stopped` knows whether anybody wanted it. */
export type ServerStatus =
  | { readonly kind: 'no-data' }
  | { readonly kind: 'stopped'; readonly unexpected: boolean; readonly reason: string }
  | { readonly kind: 'starting' }
  | { readonly kind: 'running'; readonly pid: number; readonly version: string; readonly readOnly: boolean }
  | { readonly kind: 'stopping' };

/** Where a server stands, in MariaDB's variables; texts are GTID lists. */
export interface ServerPosition {
  /** `@@gtid_binlog_pos`: last change in its own binlog. */
  readonly binlog: string;
  /** `@@gtid_slave_pos`: last change that the applier finished. */
  readonly applied: string;
  /** `@@gtid_binlog_state`: per server the last change in its binlog. */
  readonly binlogState: string;
  /** Where its oldest binlog begins: a follower behind this needs a full copy. */
  readonly oldestBinlog: string;
}

/** SHOW SLAVE STATUS, the part we use. */
export interface FollowStatus {
  readonly predecessor: SqlAddress | null;
  readonly receiver: 'running' | 'connecting' | 'stopped';
  readonly applier: 'running' | 'frozen' | 'stopped';
  /** `Gtid_IO_Pos`: last change received. */
  readonly received: string;
  readonly secondsBehind: number | null;
  readonly errorNumber: number;
  readonly errorText: string;
}

/** How a peer sees another member of the token ring. */
export interface RingSight {
  readonly member: number;
  readonly node: string;
  /** Networks on which there is a connection now: 0 the first, 1 the second. */
  readonly networks: readonly number[];
  /** Milliseconds since anything of the ring came from it; null for never. */
  readonly heardAgoMs: number | null;
  /** `suspect`: connected, and silent in spite of probes. `down`: no connection. */
  readonly sees: 'up' | 'suspect' | 'down';
}

/** The agreed membership as a peer holds it. */
export interface RingView {
  readonly ringId: number;
  /** "8.1": counter and leader. */
  readonly name: string;
  /** In ring order. */
  readonly members: readonly { readonly member: number; readonly node: string; readonly arbiter: boolean }[];
  readonly start: number;
}

/** A peer's part in the token ring. */
export interface RingStatus {
  readonly member: number;
  readonly state: 'stopped' | 'gather' | 'recover' | 'attest' | 'operational' | 'left';
  /** The state and its reason in words: "looks for a view, because the connection to a member was lost". */
  readonly words: string;
  /** Why the last view ended for this peer, in words; null before the first one. */
  readonly lastReason: string | null;
  /** The view that it is a member of now. */
  readonly view: RingView | null;
  /** The node follows its predecessor in this view, has what the view began with, and takes commits. */
  readonly ready: boolean;
  /** Views that this process entered. */
  readonly views: number;
  readonly holds: boolean;
  /** Node that keeps the token, as far as this peer knows; null while the token travels. */
  readonly holder: string | null;
  /** Tokens received since the process started. */
  readonly passes: number;
  /** Over the last seconds; 0 while the token rests. */
  readonly rotationsPerSecond: number;
  /** How long the token took to come back, over the last rotations under contention. */
  readonly rotationMs: { readonly p50: number; readonly p99: number } | null;
  readonly position: { readonly received: number; readonly applied: number };
  /** Every member has applied up to here, as far as this peer knows; null outside of a view. */
  readonly safe: number | null;
  /** The ring does not take this node in before its data are renewed or caught up. */
  readonly refused: 'needs-copy' | 'needs-catch-up' | null;
  /** Control messages handed over: the number of the last one. */
  readonly delivered: number;
  /** Times that this process itself was late by more than the ring tolerates, and the longest of them. */
  readonly stalls: { readonly count: number; readonly longestMs: number };
  /** Promises that this process wrote, and how long the slowest took (or takes by now): a slow disk delays commits. */
  readonly writes: { readonly count: number; readonly longestMs: number };
  readonly others: readonly RingSight[];
}

/** Everything a peer knows of its node. */
export interface PeerStatus {
  readonly node: string;
  readonly serverId: number;
  readonly server: ServerStatus;
  readonly position: ServerPosition | null;
  readonly follow: FollowStatus | null;
  readonly dataBytes: number | null;
  /** The file system of its folder; null before it was looked at. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | null;
  /** A finished, not yet used copy stands beside the data. */
  readonly preparedCopy: boolean;
  /** null when the peer belongs to no token ring. */
  readonly ring: RingStatus | null;
}

/** Checksum of one table. */
export interface TableChecksum {
  readonly table: string;
  readonly checksum: string;
  readonly rows: number;
}

export const controlMethods = {
  'peer.status': method<PeerStatus>()(nothing, false),
  /** Ends the peer. `stopServer` stops its MariaDB cleanly first; else the server goes on. */
  'peer.end': method<null>()(z.object({ stopServer: z.boolean() }).strict(), true),
  /** Makes an empty database in the data folder, if there is none: system tables, our accounts, nothing else. */
  'server.initialise': method<null>()(nothing, true),
  /** Starts MariaDB read-only, replication stopped; resolves when it answers queries. */
  'server.start': method<PeerStatus>()(nothing, true),
  'server.stop': method<null>()(nothing, true),
  /**
   * Options of the operator, from the next start on; null for the default. A running server is asked whether it knows them.
   * Answers what puts them back. @throws server.option-reserved, server.option-unknown
   */
  'server.configure': method<ServerOptions>()(z.object({ options: serverOptionsSchema }).strict(), true),
  'server.set-read-only': method<null>()(z.object({ readOnly: z.boolean() }).strict(), true),
  /** Semi-synchronous AFTER_SYNC: commits wait until the successor has received them. Off wakes who waits. */
  'server.set-lossless': method<null>()(z.object({ lossless: z.boolean() }).strict(), true),
  /** Processor quota in cores; null for none. Answers whether the host could do it. */
  'server.set-quota': method<{ applied: boolean; why: string }>()(
    z.object({ cores: z.number().positive().nullable() }).strict(),
    true,
  ),
  /**
   * Follows this predecessor from where the node stands. What was received is applied first (re-pointing deletes relay
   * logs). `fromOwnBinlog`: this node's last change is its own (it was alone, or writes), so its position is its binlog's.
   */
  'replication.follow': method<FollowStatus>()(
    z.object({ predecessor: address, fromOwnBinlog: z.boolean() }).strict(),
    true,
  ),
  /** Stops following: applies what was received, then forgets the predecessor. */
  'replication.stop': method<null>()(nothing, true),
  /** Stops the applier only; what arrives is cached in the relay log. */
  'replication.freeze': method<null>()(nothing, true),
  'replication.unfreeze': method<null>()(nothing, true),
  /** Applies everything already received, after the predecessor is gone. Answers the position reached. */
  'replication.drain-relay-log': method<ServerPosition>()(nothing, true),
  /** Resolves when this node has applied `position`; progress counts changes. Fails when no progress for `stallSeconds`. */
  'replication.wait-for': method<ServerPosition>()(
    z.object({ position, stallSeconds: z.number().positive() }).strict(),
    false,
  ),
  /** Sessions of applications on this node. */
  'sessions.count': method<{ sessions: number }>()(nothing, false),
  /**
   * Where sessions of this front end belong from now on: `here`, when its node takes sessions, and then those that went
   * elsewhere come back as soon as they are idle; `others` are the front ends of the other nodes that take sessions. Idle
   * sessions go on there when the node's server is lost, or is left (sessions.close). Does not wait for them.
   */
  'sessions.place': method<null>()(
    z.object({ here: z.boolean(), others: z.array(address).max(membersMax) }).strict(),
    true,
  ),
  /**
   * Empties the node. Idle sessions go on at another node where that can be done without their clients noticing, working
   * ones when their transaction ends; after `deadlineSeconds`, and where nobody else takes them, they are closed.
   */
  'sessions.close': method<{ moved: number; closed: number }>()(
    z.object({ deadlineSeconds: z.number().min(0) }).strict(),
    true,
  ),
  /** Disk space at the data folder and size of the data, bytes. */
  'disk.space': method<{ freeBytes: number; dataBytes: number }>()(nothing, false),
  /** Opens a listener for one copy into a new folder beside the data; the donor connects to it with `token`. */
  'copy.receive': method<{ address: SqlAddress; token: string }>()(
    z.object({ expectedBytes: z.number().min(0) }).strict(),
    true,
  ),
  /** Resolves when the whole copy opened by copy.receive has arrived. Progress in bytes. */
  'copy.received': method<{ bytes: number }>()(nothing, true),
  /** Streams a physical copy (mariabackup) to the listener. Progress in bytes. */
  'copy.send': method<{ bytes: number; binlogState: string }>()(
    z
      .object({ to: address, token: z.string().min(16).max(128), parallel: z.number().int().min(1).max(16) })
      .strict(),
    true,
  ),
  /** Makes the received copy consistent (mariabackup --prepare). Answers where it stands. */
  'copy.prepare': method<{ position: string }>()(nothing, true),
  /** Puts the prepared copy in the place of the data; the old data is kept beside it. The server must be stopped. */
  'copy.swap': method<null>()(nothing, true),
  /** After the swap and the start: sets the position of the copy and the donor's binlog state cut at it. */
  'copy.set-position': method<null>()(z.object({ position, donorBinlogState: position }).strict(), true),
  /** Throws the copy away; after a swap the old data comes back. The server must be stopped after a swap. */
  'copy.discard': method<null>()(nothing, true),
  /** The joiner is active: the old data may go. */
  'copy.accept': method<null>()(nothing, true),
  /**
   * Lets a frozen applier go on exactly to `position` (START SLAVE SQL_THREAD UNTIL) and leaves it frozen there.
   * The node must stand before `position`.
   */
  'replication.apply-until': method<ServerPosition>()(
    z.object({ position, stallSeconds: z.number().positive() }).strict(),
    true,
  ),
  /**
   * Checksums and row counts of all application tables in one consistent snapshot, while writes go on, and the GTID
   * position of that snapshot (START TRANSACTION WITH CONSISTENT SNAPSHOT, Binlog_snapshot_file/position, BINLOG_GTID_POS).
   * Progress in tables.
   */
  'data.checksums': method<{ position: string; tables: readonly TableChecksum[] }>()(nothing, false),
  ...comparisonMethods,
  /**
   * The data of this node are those of a member of ring `lineage` now (copied, or caught up and compared): the ring may
   * take it in. Without a ring these five do nothing.
   */
  'ring.copied': method<null>()(z.object({ lineage: z.number().int().min(0) }).strict(), true),
  /**
   * The ring may use the server, which was started by `server.start`, on the data that the peer's promises speak of.
   * A server that was running when its peer began is used at once.
   */
  'ring.serve': method<null>()(nothing, true),
  /** Leaves the ring on purpose: the others do not count this peer any more. Resolves when they agreed, or gave no answer. */
  'ring.leave': method<{ agreed: boolean }>()(nothing, true),
  'ring.rejoin': method<null>()(nothing, true),
  /** Puts a control message into the total order. @throws ring.submit-refused */
  'ring.submit': method<null>()(z.object({ payload: z.string().min(1).max(1024) }).strict(), true),
} as const satisfies Record<string, MethodEntry<z.ZodType, unknown>>;

export type ControlMethods = typeof controlMethods;
export type MethodName = keyof ControlMethods;
export type MethodParams<Name extends MethodName> = z.output<ControlMethods[Name]['params']>;
export type MethodResult<Name extends MethodName> = ReturnType<NonNullable<ControlMethods[Name]['result']>>;

/** What a long method is given to report and to stop. */
export interface MethodContext {
  readonly signal: AbortSignal;
  readonly progress: (progress: StepProgress) => void;
}

/** What a peer implements. */
export type MethodHandlers = {
  readonly [Name in MethodName]: (
    params: MethodParams<Name>,
    context: MethodContext,
  ) => Promise<MethodResult<Name>>;
};

/** What a peer says by itself. */
export interface PeerNotices {
  /** Something other than the sample changed: a server died, replication stopped, a position moved on a stopped node. */
  'peer.changed': PeerStatus;
  /** Once a second while the server runs or the peer belongs to a ring; null when there is no sample. */
  'peer.sampled': { readonly status: PeerStatus; readonly sample: NodeSample | null };
  /** A control message of the ring: every member tells the same ones in the same order. */
  'ring.delivered': { readonly number: number; readonly from: number; readonly payload: string };
}
export type NoticeName = keyof PeerNotices;

/** A peer as the coordinator sees it: the methods above, whatever carries them. */
export interface PeerControl {
  call<Name extends MethodName>(
    name: Name,
    params: MethodParams<Name>,
    options?: {
      signal?: AbortSignal | undefined;
      onProgress?: ((progress: StepProgress) => void) | undefined;
    },
  ): Promise<MethodResult<Name>>;
  onNotice<Name extends NoticeName>(name: Name, listener: (notice: PeerNotices[Name]) => void): () => void;
  /** Calls `listener` once when the connection to the peer is lost. */
  onClosed(listener: () => void): () => void;
  close(): void;
}

/** The ring's timings that operators change. Milliseconds. */
const ringTimings = z
  .object({
    /** Silence in spite of probes after which a member is expelled. */
    expelAfterMs: z.number().min(50).max(60_000),
    /** Token silence after which a member is probed. */
    probeAfterMs: z.number().min(1).max(10_000),
  })
  .strict();

const memberNumber = z.number().int().min(1).max(memberIdMax);

const ringMember = z
  .object({
    member: memberNumber,
    node: z.string().regex(/^[!-~]{1,64}$/),
    /** Primary network, then secondary where the cluster has one. */
    addresses: z.tuple([address, address.nullable()]),
    /** Its MariaDB server, for its successor; null for members without one. */
    sql: address.nullable(),
  })
  .strict();

/** A member of the very first view. Its store must have been given this life. */
const founder = z
  .object({ member: memberNumber, life: z.number().int().min(1), arbiter: z.boolean() })
  .strict();

/** A peer's part in the token ring. */
const ringSettingsSchema = z
  .object({
    cluster: z.string().regex(/^[!-~]{1,64}$/),
    /** Number of this peer in the ring. */
    member: memberNumber,
    /**
     * What stands behind the member: its MariaDB server; nothing, as an arbiter that votes only; or `none`, a member
     * without changes, for rings that order control messages alone.
     */
    data: z.enum(['server', 'arbiter', 'none']),
    /** The cluster's key as hexadecimal digits, 32 bytes at least. */
    key: z.string().regex(/^([0-9a-f]{2}){32,}$/),
    /** Everybody, this peer too. */
    members: z.array(ringMember).min(1).max(membersMax),
    /** The first agreed membership, for a store that is made now; null when the cluster exists already. */
    founders: z.array(founder).min(1).nullable(),
    timings: ringTimings,
  })
  .strict();
export type RingPeerSettings = z.infer<typeof ringSettingsSchema>;

/** The MySQL address that a peer offers to applications. */
const frontEndSchema = z
  .object({
    host: z.string().min(1).max(253),
    port: z.number().int().min(0).max(65_535),
    /** Sessions at the same time; the next one is refused with error 1040. */
    sessionsMax: z.number().int().min(1).max(100_000),
  })
  .strict();

/** What a peer process is started with (one JSON argument). */
export const peerSettingsSchema = z
  .object({
    node: z.string().min(1),
    serverId: serverIdSchema,
    /** Everything of this node lives below it: data/, run/, log/, copy/. */
    folder: z.string().min(1),
    /** Address of the MariaDB server. */
    sql: address,
    /** User and password of our own account on the server (made by server.initialise, present in every copy). */
    admin: z.object({ user: z.string(), password: z.string() }).strict(),
    /** Account that neighbours replicate with. */
    replication: z.object({ user: z.string(), password: z.string() }).strict(),
    /** Account of applications, made by server.initialise. */
    application: z.object({ user: z.string(), password: z.string(), database: z.string() }).strict(),
    /** Local socket of the control server. */
    controlSocket: z.string().min(1),
    /** Operating-system user that runs the server when we are root; null for our own. */
    runAs: z.string().nullable(),
    /** InnoDB buffer pool, megabytes. */
    bufferPoolMegabytes: z.number().int().min(5).max(1_000_000),
    /** Processor quota in cores at start; null for none. */
    cpuQuotaCores: z.number().positive().nullable(),
    logFile: z.string().min(1),
    /** Embedded peers stop their server cleanly and end when the process that forked them goes away (IPC `disconnect`). */
    endsWithParent: z.boolean(),
    /** The token ring; null for a peer outside of any. */
    ring: ringSettingsSchema.nullable(),
    /** Where applications connect; null for a peer without a front end. */
    frontEnd: frontEndSchema.nullable(),
  })
  .strict();
export type PeerSettings = z.infer<typeof peerSettingsSchema>;
