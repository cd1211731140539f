/** Reads the table of statements that the classifier and the real server are held against. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface StatementLine {
  readonly line: number;
  readonly sql: string;
  /** The classes of its parts, joined by a plus. */
  readonly classes: string;
  readonly mayWrite: 'yes' | 'no' | 'caught';
  /** The server's error: a number, `any`, or null when it succeeds. */
  readonly error: string | null;
}

export interface StatementTable {
  readonly preparation: readonly string[];
  readonly statements: readonly StatementLine[];
}

/** @throws Error naming the line that has not the form of the table */
export function readStatementTable(): StatementTable {
  const text = readFileSync(join(import.meta.dirname, 'statements.txt'), 'utf8');
  const preparation: string[] = [];
  const statements: StatementLine[] = [];
  for (const [index, content] of text.split('\n').entries()) {
    const line = index + 1;
    if (content.startsWith('+ ')) preparation.push(content.slice(2));
    else if (content.includes(' => ')) {
      const parts = /^(.*) => ([a-z+-]+), (yes|no|caught)(?:, error (\d+|any))?$/.exec(content);
      if (!parts) {
        if (content.startsWith('#')) continue;
        throw new Error(`line ${line} of the table of statements is not understood: ${content}`);
      }
      const [, sql = '', classes = '', mayWrite, error] = parts;
      statements.push({ line, sql, classes, mayWrite: mayWrite as 'yes', error: error ?? null });
    }
  }
  return { preparation, statements };
}
