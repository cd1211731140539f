/** Walks through one statement for the classifier, and notes on the way what matters wherever it stands. */
import { Lexer, type LexerOptions } from './lexer.js';

import type { Leftover } from './statement.js';

/** Words that matter wherever they stand. */
const notable: Readonly<Record<string, 'access' | 'earlier' | Leftover>> = {
  TX_READ_ONLY: 'access',
  TRANSACTION_READ_ONLY: 'access',
  SESSION_VARIABLES: 'access',
  VARIABLES: 'access',
  LAST_INSERT_ID: 'earlier',
  FOUND_ROWS: 'earlier',
  TEMPORARY: 'temporary-table',
  GET_LOCK: 'user-lock',
};

export class Cursor {
  private readonly lexer: Lexer;
  /** The present word in upper case, quoted or not; '' for other tokens. */
  word = '';
  private nesting = 0;
  rowCount = false;
  connectionId = false;
  accessMode = false;
  earlier = false;
  statementSettings = false;
  leaves: Leftover | null = null;
  /** `:=` was met: running the statement twice would not be the same. */
  assigns = false;
  /** The word before the present token; '' when that was no word. */
  before = '';

  constructor(
    private readonly sql: Buffer,
    private readonly options: LexerOptions,
  ) {
    this.lexer = new Lexer(sql, options);
    this.next();
  }

  get kind() {
    return this.lexer.kind;
  }
  /** Where the present token begins and ends. */
  get start(): number {
    return this.lexer.start;
  }
  get end(): number {
    return this.lexer.end;
  }
  get cut(): boolean {
    return this.lexer.cut;
  }
  get ambiguous(): boolean {
    return this.lexer.backslashInDoubleQuotes;
  }
  /** Open parentheses before the present token. */
  get depth(): number {
    return this.nesting;
  }
  /** At the end of the statement: a semicolon or the end of the text. */
  get atEnd(): boolean {
    return this.lexer.kind === 'end' || this.symbol(';');
  }
  get atTextEnd(): boolean {
    return this.lexer.kind === 'end';
  }

  symbol(symbol: string): boolean {
    return this.lexer.isSymbol(symbol);
  }

  text(): string {
    return this.lexer.text();
  }

  next(): void {
    if (this.symbol('(')) this.nesting++;
    else if (this.symbol(')')) this.nesting = Math.max(0, this.nesting - 1);
    this.before = this.word;
    const kind = this.lexer.next();
    this.word = kind === 'word' ? this.lexer.upper() : '';
    if (kind === 'symbol') {
      if (this.symbol('(')) this.noteCall();
      else if (this.symbol(':=')) this.assigns = true;
    } else if (kind === 'word') this.noteWord();
    else if (kind === 'userVariable' && this.before === 'INTO') this.leaves ??= 'user-variable';
  }

  private noteWord(): void {
    if (this.word === 'STATEMENT' && this.before === 'SET') this.statementSettings = true;
    if (!Object.hasOwn(notable, this.word)) return;
    const note = notable[this.word];
    if (note === 'access') this.accessMode = true;
    else if (note === 'earlier') this.earlier = true;
    else if (note) this.leaves ??= note;
  }

  private noteCall(): void {
    if (this.before === 'ROW_COUNT') this.rowCount = true;
    else if (this.before === 'CONNECTION_ID') this.connectionId = true;
  }

  /** The present word or quoted name as it stands, without quotes. */
  name(): string {
    const text = this.lexer.text();
    return this.lexer.kind === 'quoted' ? text.slice(1, -1) : text;
  }

  /** Is the next token this word? */
  followedBy(word: string): boolean {
    const ahead = new Lexer(this.sql.subarray(this.lexer.end), this.options);
    return ahead.next() === 'word' && ahead.upper() === word;
  }

  /** Passes over the given words if they come next, in this order. */
  accept(...words: readonly string[]): boolean {
    if (this.word !== words[0]) return false;
    for (const word of words) {
      if (this.word !== word) return false;
      this.next();
    }
    return true;
  }

  /** The rest of the statement, word by word (`''` for other tokens), until it ends. */
  skipStatement(visit?: (word: string) => void): void {
    while (!this.atEnd) {
      visit?.(this.word);
      this.next();
    }
  }

  /** The text from `start` to the present token. */
  slice(start: number): string {
    return this.sql.toString('latin1', start, this.lexer.start);
  }

  /** Goes behind the semicolon. */
  nextStatement(): void {
    if (this.symbol(';')) this.next();
    this.nesting = 0;
  }
}
