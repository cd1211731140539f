/** What is said about a node, derived: on its glyph, in its panel, to a screen reader, and on the command line. */
import { formatCount } from '../base/format.js';
import type { NodeView } from './cluster.js';
import { maintenanceWords } from './maintenance-words.js';
import { replicates } from './node-state.js';

const roleWords = { donor: 'donor', joiner: 'joiner' } as const;

/** State and role in words: "active, donor", "joining", "offline", "maintenance, overdue". */
export function stateWords(node: NodeView): string {
  if (node.maintenance?.overdue) return 'maintenance, overdue';
  if (node.state === 'transitional') {
    if (node.role === 'joiner') return 'joining';
    if (node.role === 'donor') return 'donor, standing aside';
    return 'changing';
  }
  return node.role === null ? node.state : `${node.state}, ${roleWords[node.role]}`;
}

/** "350 sessions · CPU 96 %"; parts that are not known are left out, never shown as zero. */
export function loadWords(node: NodeView): string | null {
  const { sample } = node;
  if (!sample) return null;
  const parts: string[] = [];
  if (sample.sessions !== null)
    parts.push(`${formatCount(sample.sessions)} session${sample.sessions === 1 ? '' : 's'}`);
  if (sample.cpuPercent !== null) parts.push(`CPU ${Math.round(sample.cpuPercent)} %`);
  return parts.length === 0 ? null : parts.join(' · ');
}

/** What deserves a line under the load: trouble before activity before lag. Null when all is as it should be. */
export function noteWords(node: NodeView, nowMs: number): string | null {
  if (node.maintenance) return maintenanceWords(node.maintenance, nowMs);
  if (node.state === 'failed') return node.reason;
  if (replicates(node.state) && node.ring && node.ring.ringId === null)
    return 'waits for a majority of the ring';
  if (node.replication?.error) return node.replication.error;
  if (node.activity) return node.activity;
  const behind = node.replication?.changesBehind;
  if (behind) return `${formatCount(behind)} change${behind === 1 ? '' : 's'} behind`;
  if (node.state === 'offline') return node.hasData ? node.reason : 'no data yet';
  return null;
}

/** A sample older than this is stale. */
const staleAfterMs = 3_000;

/** Whole seconds since the last sample, once that is too long ago; null while it is fresh or none is expected. */
export function staleSeconds(node: NodeView, nowMs: number): number | null {
  if (!node.sample || !(replicates(node.state) || node.state === 'transitional')) return null;
  const ageMs = nowMs - node.sample.takenAtMs;
  return ageMs > staleAfterMs ? Math.floor(ageMs / 1000) : null;
}
