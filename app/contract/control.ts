/**
 * The control protocol of a peer: every method the coordinator can call over the peer's local socket (JSON-RPC 2.0),
 * and what the peer says by itself. Long methods report progress and can be cancelled.
 */
import { z } from 'zod';
import { serverIdSchema } from '../model/ids.js';
import type { NodeSample } from '../model/metrics.js';
import type { StepProgress } from '../model/plan.js';

interface MethodEntry<Params extends z.ZodType, Result> {
  readonly params: Params;
  /** Does it change the node? The guard of the control server asks. */
  readonly changes: boolean;
  /** Carries the type only. */
  readonly result: (() => Result) | null;
}

const method =
  <Result>() =>
  <Params extends z.ZodType>(params: Params, changes: boolean): MethodEntry<Params, Result> => ({
    params,
    changes,
    result: null,
  });

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

/** Everything a peer knows of its node. */
export interface PeerStatus {
  readonly node: string;
  readonly serverId: number;
  readonly server: ServerStatus;
  readonly position: ServerPosition | null;
  readonly follow: FollowStatus | null;
  readonly dataBytes: number | null;
  /** A finished, not yet used copy stands beside the data. */
  readonly preparedCopy: boolean;
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
  /** Closes idle application sessions at once, and those in a transaction after `deadlineSeconds`. */
  'sessions.close': method<{ closed: number }>()(
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
  /** Once a second while the server runs; null when the sample failed. */
  'peer.sampled': { readonly status: PeerStatus; readonly sample: NodeSample | null };
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
  })
  .strict();
export type PeerSettings = z.infer<typeof peerSettingsSchema>;
