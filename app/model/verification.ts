/** Comparing the data of all nodes: what is read, and what came of it. */
import type { ErrorView } from '../base/errors.js';
import type { NodeName } from './ids.js';
import type { StepProgress } from './plan.js';

/** How values of a key are written in a comparison: numbers as they are, bytes as hexadecimal digits. */
export type KeyKind = 'number' | 'text' | 'bytes';

/** A table as one node has it. */
export interface TableDefinition {
  /** "bank.accounts". */
  readonly table: string;
  /** Fingerprint of its columns. */
  readonly definition: string;
  /** Why it cannot be read in a snapshot; null when it can. */
  readonly unreadable: string | null;
}

/**
 * How a table is cut: `edges` are ascending values of the first column of its primary key; the first range is everything
 * before the first edge, the last one everything from the last edge on, so that no row of any node is left out.
 */
export interface TableRanges {
  readonly table: string;
  readonly key: { readonly column: string; readonly kind: KeyKind } | null;
  readonly edges: readonly string[];
}

/** Number of rows of a range, and a sum over their contents. */
export interface RangeSum {
  readonly rows: number;
  readonly sum: string;
}

/** What one node has in the ranges of a table, in their order; `problem` when it could not be read. */
export interface TableSums {
  readonly table: string;
  readonly sums: readonly RangeSum[];
  readonly problem: string | null;
}

/** One place where nodes differ. */
export interface Drift {
  readonly table: string;
  /** "id 1000 to 1999", "the whole table", "its definition". */
  readonly where: string;
  /** The nodes that stand against an agreeing majority; empty when there is none. */
  readonly odd: readonly NodeName[];
  /** One sentence without a full stop: "db2 differs from db1 and db3 in bank.accounts, id 1000 to 1999". */
  readonly words: string;
  /** Rows there on each node; null where there is no such table. */
  readonly rows: Readonly<Record<NodeName, number | null>>;
}

/** One node in a comparison. */
export interface VerifiedNode {
  readonly name: NodeName;
  readonly progress: StepProgress | null;
  /** Why it could not be compared; null while it is, or was. */
  readonly leftOut: string | null;
  /** It was in the ring when the comparison began. */
  readonly expected: boolean;
}

export type VerificationState = 'running' | 'equal' | 'differs' | 'stopped' | 'failed';

/** The comparison that runs, or the last one. */
export interface VerificationView {
  readonly state: VerificationState;
  readonly askedBy: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  /** Share of the time that each node works for it. */
  readonly loadPercent: number;
  /** What it is doing, while it runs: "waits until all nodes are at one change". */
  readonly activity: string | null;
  readonly nodes: readonly VerifiedNode[];
  /** The one change at which all nodes were read. */
  readonly position: string | null;
  readonly tables: number;
  readonly rows: number;
  /** How long no node committed, in all; milliseconds. */
  readonly heldMs: number;
  /** The first ones. */
  readonly drift: readonly Drift[];
  /** All of them. */
  readonly driftCount: number;
  /** Tables that say nothing, with the reason. */
  readonly notCompared: readonly { readonly table: string; readonly why: string }[];
  /** The outcome in one sentence without a full stop; null while it runs. */
  readonly words: string | null;
  readonly error: ErrorView | null;
}
