/** A maintenance as people say it. */
import type { MaintenanceView } from './cluster.js';

const time: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' };
const date: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short' };

/** "18:00" today, "24 Nov, 18:00" on another day, "no end" for null; in the time of this machine. */
export function momentWords(atMs: number | null, nowMs: number): string {
  if (atMs === null) return 'no end';
  const moment = new Date(atMs);
  const today = moment.toDateString() === new Date(nowMs).toDateString();
  return moment.toLocaleString('en-GB', today ? time : { ...date, ...time });
}

/** "until 18:00: new disks", "overdue since 18:00: new disks". */
export function maintenanceWords({ reason, untilMs, overdue }: MaintenanceView, nowMs: number): string {
  const until = momentWords(untilMs, nowMs);
  if (untilMs === null) return `${until}: ${reason}`;
  return `${overdue ? 'overdue since' : 'until'} ${until}: ${reason}`;
}
