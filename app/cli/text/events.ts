/** Events as lines. */
import type { ClusterEvent } from '../../model/cluster.js';
import { cutTo } from './table.js';

const marks: Readonly<Record<ClusterEvent['severity'], string>> = {
  info: ' ',
  good: '✓',
  warning: '!',
  bad: '✗',
};

/** "2026-11-22 10:51:46", in the time zone of the terminal. */
export const timeOf = (atMs: number): string => new Date(atMs).toLocaleString('sv-SE');

/** Columns that the name of a node takes, so that lines that come later stand below those before. */
const nodeColumns = 6;

/** "2026-11-22 10:51:46  ✓ db2     db2 active after 38 s (Ringmaster)". */
export const eventLine = ({ atMs, severity, node, text, by }: ClusterEvent): string =>
  `${timeOf(atMs)}  ${marks[severity]} ${cutTo(node ?? '', nodeColumns).padEnd(nodeColumns)}  ${text} (${by})`;
