/**
 * What the load generator's process understands and what it says by itself: JSON-RPC 2.0 over the IPC channel of the
 * process that forked it. Both ends derive from this file.
 */
import { NotificationType, RequestType } from 'vscode-jsonrpc/node';
import { z } from 'zod';
import type { ErrorView } from '../../base/errors.js';
import { type LoadSettings, loadSettingsSchema } from '../../model/cluster.js';
import type { LoadSample } from '../../model/metrics.js';

const address = z
  .object({ host: z.string().min(1).max(253), port: z.number().int().min(1).max(65_535) })
  .strict();

/** Where a server listens. */
export type LoadAddress = z.infer<typeof address>;

export const loadTargetsSchema = z
  .object({
    /** Nodes that take writes; while there is none, writes wait. */
    writers: z.array(address).max(64),
    /** Every node that takes sessions, those of `writers` among them or not. */
    readers: z.array(address).max(64),
  })
  .strict();

/** Which nodes the generator's sessions may use. */
export type LoadTargets = z.infer<typeof loadTargetsSchema>;

export const loadStartSchema = z
  .object({
    /** The account that the generator's sessions log in with. */
    login: z.object({ user: z.string(), password: z.string(), database: z.string() }).strict(),
    settings: loadSettingsSchema,
  })
  .strict();

/** What the generator must know before it can work. */
export type LoadStart = z.infer<typeof loadStartSchema>;

export const loadSchemaSchema = z.object({ writer: address }).strict();

/** Where the bank's tables are to be made. */
export type LoadSchema = z.infer<typeof loadSchemaSchema>;

/** What the generator tells once a second. Counts are totals since it started. */
export interface LoadStats {
  /** Sessions that are logged in to a server now. */
  readonly connected: number;
  /** Sessions per server, logged in or logging in; keys as `addressKey` makes them. */
  readonly sessions: Readonly<Record<string, number>>;
  /** Transactions that the application completed. */
  readonly transactions: number;
  /** Transactions that the application could not complete, retries included. */
  readonly failedTransactions: number;
  /** Attempts that were rolled back (deadlock, lock timeout, lost connection before COMMIT) and made again. */
  readonly retriedTransactions: number;
  /** Transactions whose connection was lost between COMMIT and its answer: nobody can say whether they happened. */
  readonly unknownOutcomes: number;
  /** The last thing that went wrong, in one sentence. */
  readonly lastError: string | null;
  readonly sample: LoadSample;
}

/** What `prepare schema` found or made. */
export interface SchemaReport {
  /** False when the schema was already there, whole. */
  readonly created: boolean;
  readonly accounts: number;
  readonly customers: number;
}

/** The settings of a fresh lab. */
export const defaultLoadSettings: LoadSettings = { connections: 350, writePercent: 20, targetRate: null };

/** `127.0.0.1:3307`: how a server is called in counts and sentences. */
export const addressKey = (server: LoadAddress): string => `${server.host}:${server.port}`;

/** Logs in and begins to work as soon as there are targets. */
export const startRequest = new RequestType<LoadStart, null, ErrorView>('load.start');
/**
 * Moves the generator to these nodes. Answers when none of its sessions is left on any other node, and no write is
 * in flight on any node but the new writer: the caller may then stop or freeze the nodes that were left.
 */
export const setTargetsRequest = new RequestType<LoadTargets, null, ErrorView>('load.set-targets');
export const setSettingsRequest = new RequestType<LoadSettings, null, ErrorView>('load.set-settings');
/** Makes the bank's tables and rows on this writer, if they are missing. Before there are targets: sessions need tables. */
export const prepareSchemaRequest = new RequestType<LoadSchema, SchemaReport, ErrorView>(
  'load.prepare-schema',
);
/** Ends all sessions, each after its transaction. The process may then be ended. */
export const stopRequest = new RequestType<object, null, ErrorView>('load.stop');
export const statsNotification = new NotificationType<LoadStats>('load.stats');
