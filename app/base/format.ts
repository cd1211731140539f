/** Numbers as people read them. Used on screen, on the command line and in sentences. */

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** 1_280_000_000 -> "1.28 GB" (decimal units, three significant digits). */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** 1234567 -> "1,234,567". */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** 0.42 -> "0.4 s", 75 -> "1 min 15 s", 3700 -> "1 h 2 min". */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    const rest = Math.round(seconds - minutes * 60);
    return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
  }
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 11.48 -> "11.5 ms", 0.42 -> "0.42 ms", 2300 -> "2.3 s". */
export function formatMilliseconds(milliseconds: number): string {
  if (milliseconds >= 1000) return formatSeconds(milliseconds / 1000);
  return `${milliseconds < 1 ? milliseconds.toFixed(2) : milliseconds < 100 ? milliseconds.toFixed(1) : milliseconds.toFixed(0)} ms`;
}

/** 1, "failure" -> "one failure"; 2 -> "2 failures". */
export function countOf(count: number, noun: string): string {
  return count === 1 ? `one ${noun}` : `${count === 0 ? 'no' : formatCount(count)} ${noun}s`;
}

/** Milliseconds since 1970 -> "2026-11-22T10:51:46.000Z": for files and programs. */
export const isoTime = (atMs: number): string => new Date(atMs).toISOString();

const timeOfDay: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' };
const dayOfMonth: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short' };

/** "18:00" today, "24 Nov, 18:00" on another day, "no end" for null; in the time of this machine. */
export function momentWords(atMs: number | null, nowMs: number): string {
  if (atMs === null) return 'no end';
  const moment = new Date(atMs);
  const today = moment.toDateString() === new Date(nowMs).toDateString();
  return moment.toLocaleString('en-GB', today ? timeOfDay : { ...dayOfMonth, ...timeOfDay });
}
