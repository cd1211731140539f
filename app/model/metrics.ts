/** What is measured: one sample of a node, and the catalogue that charts and panels are drawn from. */
import type { NodeName } from './ids.js';

/** One second in the life of a node. A value that could not be read is null: never a zero. */
export interface NodeSample {
  /** When it was taken, wall clock. */
  readonly takenAtMs: number;
  /** Share of its processor quota that the server used, 0 to 100; of one core's worth times `processorCores`. */
  readonly cpuPercent: number | null;
  /** Commits and rollbacks of sessions and autocommit statements per second (Com_commit + Com_rollback or statements). */
  readonly transactionsPerSecond: number | null;
  /** Client sessions, our own left out. */
  readonly sessions: number | null;
  /** Sessions running a statement now. */
  readonly sessionsRunning: number | null;
  /** Transactions that were rolled back in this second, because a change that was ordered first needed their locks. */
  readonly conflicts: number | null;
  /** Resident memory of the server, bytes. */
  readonly memoryBytes: number | null;
  /** Time that one trivial query took, milliseconds. */
  readonly responseMs: number | null;
  /** Load average of the host over one minute, per core. */
  readonly loadPerCore: number | null;
}

/** One point of one chart: a time and the value of each series; null is a gap. */
export interface MetricsPoint {
  readonly atMs: number;
  readonly nodes: Readonly<Record<NodeName, NodeSample | null>>;
  readonly load: LoadSample | null;
}

/** One second of the load generator. */
export interface LoadSample {
  readonly takenAtMs: number;
  readonly transactionsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly responseMsP50: number | null;
  readonly responseMsP95: number | null;
  readonly responseMsP99: number | null;
}
