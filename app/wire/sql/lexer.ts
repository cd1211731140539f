/**
 * A small lexer for MariaDB's SQL: just enough to find statements and their first words without being fooled by
 * comments and strings. It works on bytes, allocates nothing per token, and never fails: what is cut or not
 * understood is reported by flags, and the classifier then takes the safe way.
 * Source: sql/sql_lex.cc (Lex_input_stream::lex_one_token, scan_ident, get_text, executable comments).
 */

export type TokenKind =
  /** An unquoted word: keyword, name or number that begins like one. */
  | 'word'
  /** `name`, or "name" with ANSI_QUOTES. */
  | 'quoted'
  | 'string'
  | 'number'
  /** @name: a user variable. */
  | 'userVariable'
  /** @@: a system variable follows as a word. */
  | 'systemVariable'
  /** One character that is none of the above. `:=` is one token. */
  | 'symbol'
  | 'end';

export interface LexerOptions {
  /** SQL mode ANSI_QUOTES: "..." is a name, not a string. */
  readonly ansiQuotes: boolean;
  /** SQL mode NO_BACKSLASH_ESCAPES, which the status flags of every OK packet show. */
  readonly noBackslashEscapes: boolean;
  /** The server's version as in executable comments: 101119 for 10.11.19. */
  readonly serverVersion: number;
}

const code = (character: string): number => character.charCodeAt(0);
const quote = code("'");
const doubleQuote = code('"');
const backtick = code('`');
const backslash = code('\\');
const star = code('*');
const slash = code('/');
const dash = code('-');
const hash = code('#');
const at = code('@');
const newline = code('\n');
const bang = code('!');
const letterM = code('M');
const dot = code('.');

/** 1 for bytes of words: letters, digits, _, $, and every byte above 127 (names may be in any character set). */
const wordBytes = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte);
  wordBytes[byte] = byte >= 128 || /[A-Za-z0-9_$]/.test(character) ? 1 : 0;
}
const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57;
const isSpace = (byte: number | undefined): boolean =>
  byte === 32 || byte === 9 || byte === 10 || byte === 13 || byte === 11 || byte === 12;

export class Lexer {
  kind: TokenKind = 'end';
  /** The token's bytes: [start, end). */
  start = 0;
  end = 0;
  /** A string, name or comment that never ends. */
  cut = false;
  /** A backslash inside "...": its meaning depends on ANSI_QUOTES. */
  backslashInDoubleQuotes = false;
  private depth = 0;

  constructor(
    readonly sql: Buffer,
    private readonly options: LexerOptions,
  ) {}

  /** Moves to the next token. */
  next(): TokenKind {
    this.skipSpace();
    this.start = this.end;
    const { sql, start } = this;
    if (start >= sql.length) return this.token('end', start);
    const byte = sql[start] as number;
    if (wordBytes[byte] === 1) return this.word(start, byte);
    switch (byte) {
      case quote:
        return this.quoted('string', quote, !this.options.noBackslashEscapes);
      case doubleQuote: {
        const ansi = this.options.ansiQuotes;
        return this.quoted(
          ansi ? 'quoted' : 'string',
          doubleQuote,
          !ansi && !this.options.noBackslashEscapes,
        );
      }
      case backtick:
        return this.quoted('quoted', backtick, false);
      case at:
        return this.variable(start);
      case dot:
        if (isDigit(sql[start + 1])) return this.word(start, 48);
        return this.token('symbol', start + 1);
      default:
        if (byte === code(':') && sql[start + 1] === code('=')) return this.token('symbol', start + 2);
        return this.token('symbol', start + 1);
    }
  }

  /** The present token as it stands. */
  text(): string {
    return this.sql.toString('latin1', this.start, this.end);
  }

  /** The present word in upper case; quoted names without their quotes; other tokens as they stand. */
  upper(): string {
    if (this.kind === 'quoted')
      return this.sql.toString('latin1', this.start + 1, this.end - 1).toUpperCase();
    return this.text().toUpperCase();
  }

  /** Is the present token this symbol? */
  isSymbol(symbol: string): boolean {
    return (
      this.kind === 'symbol' &&
      this.end - this.start === symbol.length &&
      this.sql[this.start] === symbol.charCodeAt(0)
    );
  }

  private token(kind: TokenKind, end: number): TokenKind {
    this.kind = kind;
    this.end = end;
    return kind;
  }

  private word(start: number, first: number): TokenKind {
    const { sql } = this;
    let end = start + 1;
    while (end < sql.length && wordBytes[sql[end] as number] === 1) end++;
    if (isDigit(first)) {
      // 1.5, 1.e3 and .5 are one number; 1e-3 leaves its sign outside, which changes nothing here.
      if (sql[end] === dot && isDigit(sql[end + 1])) {
        end++;
        while (end < sql.length && wordBytes[sql[end] as number] === 1) end++;
      }
      return this.token('number', end);
    }
    return this.token('word', end);
  }

  private quoted(kind: TokenKind, mark: number, escapes: boolean): TokenKind {
    const { sql } = this;
    let index = this.start + 1;
    while (index < sql.length) {
      const byte = sql[index];
      if (byte === backslash) {
        if (mark === doubleQuote) this.backslashInDoubleQuotes = true;
        index += escapes ? 2 : 1;
      } else if (byte !== mark) index++;
      else if (sql[index + 1] === mark) index += 2;
      else return this.token(kind, index + 1);
    }
    this.cut = true;
    return this.token(kind, sql.length);
  }

  private variable(start: number): TokenKind {
    const { sql } = this;
    const second = sql[start + 1];
    if (second === at) return this.token('systemVariable', start + 2);
    if (second === quote || second === doubleQuote || second === backtick) {
      this.start = start + 1;
      this.quoted('userVariable', second, second !== backtick && !this.options.noBackslashEscapes);
      this.start = start;
      return this.kind;
    }
    let end = start + 1;
    while (end < sql.length && (wordBytes[sql[end] as number] === 1 || sql[end] === dot)) end++;
    return this.token('userVariable', end);
  }

  /** Passes over white space and comments; the words inside executable comments count. */
  private skipSpace(): void {
    const { sql } = this;
    for (;;) {
      while (isSpace(sql[this.end])) this.end++;
      const byte = sql[this.end];
      const second = sql[this.end + 1];
      if (byte === hash) this.skipLine();
      else if (byte === dash && second === dash && this.endsDashes(sql[this.end + 2])) this.skipLine();
      else if (byte === slash && second === star) this.openComment();
      else if (byte === star && second === slash && this.depth > 0) {
        this.depth--;
        this.end += 2;
      } else return;
    }
  }

  /** `--` is a comment only before white space, a control character or the end. */
  private endsDashes(byte: number | undefined): boolean {
    return byte === undefined || byte <= 32;
  }

  private skipLine(): void {
    const line = this.sql.indexOf(newline, this.end);
    this.end = line < 0 ? this.sql.length : line + 1;
  }

  private openComment(): void {
    const { sql } = this;
    const marked = sql[this.end + 2];
    const maria = marked === letterM && sql[this.end + 3] === bang;
    if (marked !== bang && !maria) {
      this.skipComment(this.end + 2, false);
      return;
    }
    let index = this.end + (maria ? 4 : 3);
    const digitsFrom = index;
    while (index - digitsFrom < 6 && isDigit(sql[index])) index++;
    const digits = index - digitsFrom;
    // Fewer than five digits are no version but the beginning of the statement's text.
    if (digits < 5) {
      this.depth++;
      this.end = digitsFrom;
      return;
    }
    const version = Number(sql.toString('latin1', digitsFrom, index));
    // MariaDB leaves out what is meant for MySQL 5.7 and later, unless it says M.
    const executed = version <= this.options.serverVersion && (version < 50_700 || version > 99_999 || maria);
    if (!executed) {
      this.skipComment(index, true);
      return;
    }
    this.depth++;
    this.end = index;
  }

  /** Passes over a comment; one that is left out because of its version may hold another inside. */
  private skipComment(from: number, nests: boolean): void {
    const { sql } = this;
    let index = from;
    let depth = 1;
    while (index < sql.length) {
      const close = sql.indexOf('*/', index, 'latin1');
      if (close < 0) break;
      if (nests && depth === 1) {
        const open = sql.indexOf('/*', index, 'latin1');
        if (open >= 0 && open < close) {
          depth = 2;
          index = open + 2;
          continue;
        }
      }
      index = close + 2;
      depth--;
      if (depth === 0) {
        this.end = index;
        return;
      }
    }
    this.cut = true;
    this.end = sql.length;
  }

  /** True when an executable comment is still open at this point. */
  get insideComment(): boolean {
    return this.depth > 0;
  }
}
