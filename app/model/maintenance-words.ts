/** A maintenance as people say it. */
import { momentWords } from '../base/format.js';
import type { MaintenanceView } from './cluster.js';

/** "until 18:00: new disks", "overdue since 18:00: new disks". */
export function maintenanceWords({ reason, untilMs, overdue }: MaintenanceView, nowMs: number): string {
  const until = momentWords(untilMs, nowMs);
  if (untilMs === null) return `${until}: ${reason}`;
  return `${overdue ? 'overdue since' : 'until'} ${until}: ${reason}`;
}
