/** Sees the end time of a maintenance pass: the node is left alone all the same, and everybody is told. */
import type { Timer } from '../base/clock.js';
import { isOverdue, type Maintenance } from '../model/maintenance.js';
import type { Cluster } from './cluster.js';

/** Looking at the wall clock, and not one timer until the end, is right after a suspended machine too. */
const lookEveryMs = 1_000;

export class MaintenanceWatch {
  private readonly told = new WeakSet<Maintenance>();
  private timer: Timer | undefined;

  constructor(private readonly cluster: Cluster) {}

  /** Looks from now on. */
  begin(): void {
    this.timer = this.cluster.clock.every(lookEveryMs, () => this.look());
  }

  close(): void {
    this.timer?.cancel();
  }

  private look(): void {
    const { cluster } = this;
    const nowMs = cluster.clock.wallMs();
    for (const { name, state, maintenance } of cluster.nodes) {
      if (state !== 'maintenance' || !maintenance || !isOverdue(maintenance, nowMs)) continue;
      if (this.told.has(maintenance)) continue;
      this.told.add(maintenance);
      const { reason, owner } = maintenance;
      const text = `${name} is in maintenance past its end time (${reason}, asked for by ${owner})`;
      cluster.say({ kind: 'notice', severity: 'warning', node: name, text, mark: true });
    }
  }
}
