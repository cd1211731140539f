/**
 * One second in the life of a node, from the server's counters and from /proc. A value that could not be read is null,
 * never a zero.
 *
 * Transactions of sessions, the applier's work left out. `Com_commit` counts the applier's commits too and no autocommit
 * statement, `Handler_commit` counts each engine and each statement, InnoDB's `trx_rw_commits` counts a node's own
 * changes again when they come round the ring (all seen on 10.11). What adds up is
 *   changes written to the binlog (`Binlog_commits`), explicit or autocommit,
 *     less those that the applier wrote there (`Slave_*_Groups` of SHOW SLAVE STATUS; DDL is in neither),
 *   + read-only transactions (`trx_ro_commits`) and autocommit reads (`trx_nl_ro_commits`) of InnoDB,
 *   + rollbacks that sessions asked for (`Com_rollback`).
 */
import type { Clock } from '../../base/clock.js';
import type { PeerSettings } from '../../contract/control.js';
import type { NodeSample } from '../../model/metrics.js';
import type { Host } from '../../model/ports.js';
import { type Admin, numberOf, type Row } from './admin.js';
import { applicationSessions } from './sessions.js';

/** Ticks of /proc/<pid>/stat per second: USER_HZ, 100 on every Linux that runs Node. */
const ticksPerSecond = 100;
const pageBytes = 4096;

/** Counters that only grow, at one moment. */
interface Counters {
  readonly atMs: number;
  readonly pid: number;
  readonly processorTicks: number | null;
  /** Everything counted, the applier's changes among it. */
  readonly counted: number | null;
  /** Changes of the applier; begins anew when the node follows another. */
  readonly applied: number;
  readonly sessions: number;
  readonly conflicts: number;
}

/** What one look at the server gives beside the sample: the status is made of the same rows. */
export interface SampleRows {
  readonly sample: NodeSample;
  /** SHOW SLAVE STATUS; undefined when it follows nobody. */
  readonly slaveStatus: Row | undefined;
}

export class Sampler {
  readonly #settings: PeerSettings;
  readonly #host: Host;
  readonly #clock: Clock;
  #before: Counters | null = null;

  constructor(settings: PeerSettings, host: Host, clock: Clock) {
    this.#settings = settings;
    this.#host = host;
    this.#clock = clock;
  }

  /** Forgets the last counters: the next sample has no rates. */
  reset(): void {
    this.#before = null;
  }

  /**
   * Takes one sample. The first one has no rates.
   * @param quotaCores the processor quota; null when the server may use the whole machine
   * @param conflicts transactions rolled back for others, counted since the peer began
   * @throws server.not-running, server.query-failed: then there is no sample
   */
  async take(admin: Admin, pid: number, quotaCores: number | null, conflicts: number): Promise<SampleRows> {
    const askedAtMs = this.#clock.monotonicMs();
    await admin.query('SELECT 1');
    const responseMs = this.#clock.monotonicMs() - askedAtMs;
    const [slaveStatus] = await admin.query('SHOW SLAVE STATUS');
    const counted = await readCounted(admin);
    const sessions = await admin.one(
      `SELECT COUNT(*) AS sessions, COALESCE(SUM(command <> 'Sleep'), 0) AS running
       FROM information_schema.processlist WHERE ${applicationSessions}`,
      [this.#settings.admin.user, this.#settings.replication.user],
    );
    const process = await this.#readProcess(pid);
    const now: Counters = {
      atMs: this.#clock.monotonicMs(),
      pid,
      processorTicks: process?.ticks ?? null,
      counted,
      applied: appliedGroups(slaveStatus),
      sessions: numberOf(sessions, 'sessions') ?? 0,
      conflicts,
    };
    const before = this.#before?.pid === pid ? this.#before : null;
    this.#before = now;
    const cores = quotaCores ?? (await this.#host.processorCores());
    const ticks = before && growth(before.processorTicks, now.processorTicks, now.atMs - before.atMs);
    const sample: NodeSample = {
      takenAtMs: this.#clock.wallMs(),
      cpuPercent: ticks === null ? null : Math.min(100, (100 * ticks) / ticksPerSecond / cores),
      transactionsPerSecond: before && transactionRate(before, now),
      sessions: numberOf(sessions, 'sessions'),
      sessionsRunning: numberOf(sessions, 'running'),
      conflicts: before && now.conflicts - before.conflicts,
      memoryBytes: process?.memoryBytes ?? null,
      responseMs,
      loadPerCore: await this.#readLoad(),
    };
    return { sample, slaveStatus };
  }

  async #readProcess(pid: number): Promise<{ ticks: number; memoryBytes: number } | null> {
    const stat = await this.#host.readText(`/proc/${pid}/stat`).catch(() => undefined);
    return stat === undefined ? null : parseProcessStat(stat);
  }

  async #readLoad(): Promise<number | null> {
    const text = await this.#host.readText('/proc/loadavg').catch(() => undefined);
    const load = Number(text?.split(' ')[0]);
    return text === undefined || !Number.isFinite(load) ? null : load / (await this.#host.processorCores());
  }
}

/** The growth of a counter per second; null without two values, and when it began anew. */
function growth(from: number | null, to: number | null, elapsedMs: number): number | null {
  if (from === null || to === null || to < from || elapsedMs <= 0) return null;
  return ((to - from) * 1000) / elapsedMs;
}

/** Share of the applier's rate that may be the noise of reading two moving counters one after the other. */
const noiseShare = 0.02;

function transactionRate(before: Counters, now: Counters): number | null {
  const elapsedMs = now.atMs - before.atMs;
  const counted = growth(before.counted, now.counted, elapsedMs);
  const applied = growth(before.applied, now.applied, elapsedMs);
  if (counted === null || applied === null) return null;
  const rate = Math.max(0, counted - applied);
  const nobody = before.sessions === 0 && now.sessions === 0;
  return nobody && rate <= applied * noiseShare ? 0 : rate;
}

/**
 * Processor ticks (user and system) and resident memory from the text of /proc/<pid>/stat (proc_pid_stat(5): fields 14,
 * 15 and 24). The second field is the name in parentheses and may hold blanks.
 */
export function parseProcessStat(stat: string): { ticks: number; memoryBytes: number } | null {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system, pages] = [fields[11], fields[12], fields[21]].map(Number);
  if (
    user === undefined ||
    system === undefined ||
    pages === undefined ||
    Number.isNaN(user + system + pages)
  )
    return null;
  return { ticks: user + system, memoryBytes: pages * pageBytes };
}

/** Everything counted since the server started, see the head; null when a counter could not be read. */
async function readCounted(admin: Admin): Promise<number | null> {
  const status = await admin.query(
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Binlog_commits', 'Com_rollback')",
  );
  const metrics = await admin.query(
    "SELECT name, count FROM information_schema.innodb_metrics WHERE name IN ('trx_ro_commits', 'trx_nl_ro_commits')",
  );
  const counted = [...status, ...metrics].map((row) => numberOf(row, 'Value') ?? numberOf(row, 'count'));
  if (counted.length !== 4) return null;
  return counted.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

/** Changes that the applier committed since it follows this predecessor. */
function appliedGroups(slaveStatus: Row | undefined): number {
  if (!slaveStatus) return 0;
  return ['Slave_Transactional_Groups', 'Slave_Non_Transactional_Groups'].reduce(
    (sum, name) => sum + (numberOf(slaveStatus, name) ?? 0),
    0,
  );
}
