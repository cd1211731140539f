/** Every metric that is measured: what it is called, its unit, what it means and where it comes from. */
import type { LoadSample, NodeSample } from '../model/metrics.js';

export type MetricUnit = 'percent' | 'per second' | 'sessions' | 'bytes' | 'milliseconds' | 'per core';

/** One metric, as charts and panels introduce it. */
export interface MetricEntry {
  readonly name: string;
  readonly unit: MetricUnit;
  /** One sentence for an operator. */
  readonly meaning: string;
  /** Which counter, file or statement it is read from. */
  readonly source: string;
}

type MetricKey<Sample> = Exclude<keyof Sample, 'takenAtMs'>;

/** Metrics of one node; a field without an entry does not compile. */
export const nodeMetrics: Readonly<Record<MetricKey<NodeSample>, MetricEntry>> = {
  cpuPercent: {
    name: 'CPU',
    unit: 'percent',
    meaning: 'Share of its processor allowance that the server process used in the last second.',
    source: '/proc/<pid>/stat, user and system time, divided by the quota or by the cores of the host',
  },
  transactionsPerSecond: {
    name: 'Transactions',
    unit: 'per second',
    meaning:
      'Transactions that clients ended on this node; changes replayed from other nodes are not among them.',
    source: 'SHOW GLOBAL STATUS: Com_commit, Com_rollback and statements outside of transactions',
  },
  sessions: {
    name: 'Sessions',
    unit: 'sessions',
    meaning: 'Clients that are logged in to this node; our own connections are left out.',
    source: 'information_schema.PROCESSLIST',
  },
  sessionsRunning: {
    name: 'Sessions at work',
    unit: 'sessions',
    meaning: 'Clients whose statement runs at this moment.',
    source: 'information_schema.PROCESSLIST, command other than Sleep',
  },
  conflicts: {
    name: 'Conflicts',
    unit: 'per second',
    meaning:
      'Transactions of this node that were rolled back because a change that was ordered first needed their locks; their clients got error 1213.',
    source: "the peer's watch for blocked appliers",
  },
  memoryBytes: {
    name: 'Memory',
    unit: 'bytes',
    meaning: 'Memory of the server process that is in RAM.',
    source: '/proc/<pid>/status, VmRSS',
  },
  responseMs: {
    name: 'Response',
    unit: 'milliseconds',
    meaning: 'Time that one trivial query took, from our side.',
    source: 'SELECT 1 once a second',
  },
  loadPerCore: {
    name: 'Load',
    unit: 'per core',
    meaning: 'Processes of the host that ran or waited for a processor or disk, over one minute, per core.',
    source: '/proc/loadavg',
  },
};

/** Metrics of the load generator: what an application sees of the cluster. */
export const loadMetrics: Readonly<Record<MetricKey<LoadSample>, MetricEntry>> = {
  transactionsPerSecond: {
    name: 'Transactions of the application',
    unit: 'per second',
    meaning: 'Transactions that the load generator completed, over all nodes.',
    source: 'load generator',
  },
  errorsPerSecond: {
    name: 'Failed transactions',
    unit: 'per second',
    meaning: 'Transactions that the load generator could not complete, although it tried again.',
    source: 'load generator',
  },
  responseMsP50: {
    name: 'Response, median',
    unit: 'milliseconds',
    meaning: 'Half of the transactions took no longer than this, retries included.',
    source: 'load generator, HDR histogram of one second, two digits',
  },
  responseMsP95: {
    name: 'Response, 95 %',
    unit: 'milliseconds',
    meaning: 'Nineteen of twenty transactions took no longer than this.',
    source: 'load generator, HDR histogram of one second, two digits',
  },
  responseMsP99: {
    name: 'Response, 99 %',
    unit: 'milliseconds',
    meaning: 'All but one of a hundred transactions took no longer than this.',
    source: 'load generator, HDR histogram of one second, two digits',
  },
};
