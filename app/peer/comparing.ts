/** A peer's part in comparing all nodes: it keeps commits back for a moment, and reads its own node's snapshot. */
import type { Timer } from '../base/clock.js';
import { RingmasterError } from '../base/errors.js';
import type { MethodContext, MethodHandlers } from '../contract/control.js';
import { Admin } from '../io/mariadb/admin.js';
import { Comparison } from '../io/mariadb/comparison.js';
import type { CommitPause } from './engine/commit-queue-tools.js';
import type { Peer } from './peer.js';

/** How long the token may take to come; without one, nobody is in a view. Milliseconds. */
const tokenWaitMs = 3_000;
/** A snapshot that nobody asks for any more: whoever compares has gone. It would keep old versions of rows for ever. */
const idleMaxMs = 120_000;

type ComparisonHandlers = Pick<
  MethodHandlers,
  | 'commits.pause'
  | 'commits.resume'
  | 'compare.prepare'
  | 'compare.open'
  | 'compare.ranges'
  | 'compare.sums'
  | 'compare.close'
>;

/** Commits are kept back, until `limit` at the latest. */
interface Paused {
  readonly pause: CommitPause;
  readonly beganMs: number;
  readonly limitMs: number;
  readonly limit: Timer;
}

/** What these methods share: one pause and one snapshot at a time. */
class Comparing {
  readonly #peer: Peer;
  #pause: Paused | null = null;
  #snapshot: Comparison | null = null;
  #connection: Admin | null = null;
  #reading = 0;
  #idle: Timer | null = null;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  async pause(limitMs: number, signal: AbortSignal): Promise<{ sequence: number }> {
    const { engine, tools, settings } = this.#peer;
    const { clock } = tools;
    const queue = engine.ordered?.queue;
    if (!queue) throw new RingmasterError('server.not-running', { node: settings.node });
    // One that nobody ended has ended itself: whoever asked for it is gone.
    if (this.#pause && clock.monotonicMs() < this.#pause.beganMs + this.#pause.limitMs)
      throw new RingmasterError('verification.busy');
    const late = new AbortController();
    const patience = clock.after(tokenWaitMs, () =>
      late.abort(
        new RingmasterError('verification.refused', {
          reason: `${settings.node} did not get the token within ${tokenWaitMs / 1_000} s`,
          remedy: 'Compare again when the ring is closed.',
        }),
      ),
    );
    const pause = await queue.pause(AbortSignal.any([signal, late.signal])).finally(() => patience.cancel());
    const limit = clock.after(limitMs, () => pause.end());
    this.#pause = { pause, limit, limitMs, beganMs: clock.monotonicMs() };
    return { sequence: pause.sequence };
  }
  resume(): { heldMs: number; unbroken: boolean } {
    const held = this.#pause;
    this.#pause = null;
    if (!held) return { heldMs: 0, unbroken: false };
    held.limit.cancel();
    const tookMs = this.#peer.tools.clock.monotonicMs() - held.beganMs;
    const unbroken = held.pause.end();
    return { heldMs: Math.min(tookMs, held.limitMs), unbroken: unbroken && tookMs < held.limitMs };
  }

  /** Everything that needs no pause of commits. */
  async prepare(): Promise<void> {
    const { settings, folder, server } = this.#peer;
    await this.close();
    server.requireRunning();
    const admin = await Admin.local(settings, folder);
    this.#connection = admin;
    this.#peer.engine.reads(admin.threadId, true);
    this.#rest();
    await Comparison.prepare(admin);
  }

  async open(sequence: number, patienceMs: number): Promise<{ tables: Comparison['tables'] }> {
    const { settings, tools } = this.#peer;
    const { node } = settings;
    if (this.#snapshot || !this.#connection || this.#connection.lost) await this.prepare();
    const admin = this.#connection;
    const gone = () => new RingmasterError('verification.snapshot-gone', { node, cause: 'it was given up' });
    if (!admin) throw gone();
    const snapshot = await Comparison.open(admin, tools.clock, { node, sequence, patienceMs });
    if (this.#connection !== admin) throw gone();
    this.#snapshot = snapshot;
    this.#rest();
    return { tables: snapshot.tables };
  }

  /** Reads in the snapshot; it is not idle meanwhile. */
  async read<Result>(
    { signal }: MethodContext,
    use: (snapshot: Comparison) => Promise<Result>,
  ): Promise<Result> {
    const { node } = this.#peer.settings;
    const snapshot = this.#snapshot;
    if (!snapshot)
      throw new RingmasterError('verification.snapshot-gone', {
        node,
        cause: 'none was opened, or it was left',
      });
    this.#reading++;
    this.#idle?.cancel();
    const stop = () => void this.close();
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await use(snapshot);
    } finally {
      signal.removeEventListener('abort', stop);
      this.#reading--;
      if (this.#snapshot === snapshot) this.#rest();
    }
  }

  /** Gives the snapshot up. A read that is under way is ended on the server: it would go on without anybody. */
  async close(): Promise<void> {
    this.#idle?.cancel();
    const connection = this.#connection;
    this.#connection = null;
    this.#snapshot = null;
    if (!connection) return;
    const id = connection.threadId;
    this.#peer.engine.reads(id, false);
    if (connection.lost) return;
    if (this.#reading === 0) return await connection.close();
    connection.destroy();
    await this.#peer.withAdmin((admin) => admin.query('KILL ?', [id])).catch(() => undefined);
  }

  #rest(): void {
    this.#idle?.cancel();
    this.#idle = this.#peer.tools.clock.after(idleMaxMs, () => void this.close());
  }
}

/** What a peer answers to `commits.*` and `compare.*`. */
export function comparisonHandlers(peer: Peer): ComparisonHandlers {
  const comparing = new Comparing(peer);
  return {
    'commits.pause': ({ limitMs }, { signal }) => comparing.pause(limitMs, signal),
    'commits.resume': async () => comparing.resume(),
    'compare.prepare': async () => {
      await comparing.prepare();
      return null;
    },
    'compare.open': ({ sequence, patienceMs }) => comparing.open(sequence, patienceMs),
    'compare.ranges': ({ loadPercent }, context) =>
      comparing.read(context, async (snapshot) => ({
        tables: await snapshot.ranges({ loadPercent, context }),
      })),
    'compare.sums': ({ tables, loadPercent }, context) =>
      comparing.read(context, (snapshot) => snapshot.sums(tables, { loadPercent, context })),
    'compare.close': async () => {
      await comparing.close();
      return null;
    },
  };
}
