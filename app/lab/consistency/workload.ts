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

/** Keeps the first violations of a kind: thousands of the same say no more. */
export class Violations {
  private readonly texts: string[] = [];
  private left = 0;

  add(text: string): void {
    if (this.texts.length < 20) this.texts.push(text);
    else this.left++;
  }

  get list(): string[] {
    return this.left === 0 ? [...this.texts] : [...this.texts, `and ${this.left} more of this workload`];
  }
}
