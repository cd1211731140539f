/** What a consistency workload is: something to prepare, clients that do it, and a check of what remained. */
import type { RowDataPacket } from 'mysql2/promise';
import type { Client, Tally } from './client.js';

/** A node as the checks read it: directly, after the end. */
export interface NodeReader {
  readonly name: string;
  rows(statement: string): Promise<RowDataPacket[]>;
}

export interface Workload {
  readonly name: string;
  readonly tally: Tally;
  /** Statements that each session begins with. */
  readonly greeting: readonly string[];
  /** Statements that make its tables. */
  readonly prepare: readonly string[];
  /** What client `number` does once; called again and again until time is up. */
  step(client: Client, number: number, stop: AbortSignal): Promise<void>;
  /** What is wrong; empty when nothing is. Violations seen while it ran are among it. */
  check(nodes: readonly NodeReader[]): Promise<string[]>;
}

const kindsMax = 20;
const textLengthMax = 600;

/** Keeps the first violations, each once: thousands of the same say no more. */
export class Violations {
  private readonly counts = new Map<string, number>();
  private left = 0;

  add(text: string): void {
    const shown = text.length > textLengthMax ? `${text.slice(0, textLengthMax)}…` : text;
    const count = this.counts.get(shown);
    if (count === undefined && this.counts.size >= kindsMax) this.left++;
    else this.counts.set(shown, (count ?? 0) + 1);
  }

  get list(): string[] {
    const texts = [...this.counts].map(([text, count]) => (count === 1 ? text : `${text} (${count} times)`));
    return this.left === 0 ? texts : [...texts, `and ${this.left} more`];
  }
}
