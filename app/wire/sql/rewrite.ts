/**
 * Puts what only the front end knows in place of calls in a text: CONNECTION_ID() must be the id that the client was
 * told, and ROW_COUNT() the number of its own last statement, not that of a COMMIT which the client never sent.
 * Calls inside stored routines and views are out of reach.
 */
import { Lexer, type LexerOptions } from './lexer.js';

const endsSelectList = new Set([
  'FROM',
  'WHERE',
  'INTO',
  'ORDER',
  'GROUP',
  'LIMIT',
  'UNION',
  'SET',
  'VALUES',
  'HAVING',
]);

interface Token {
  readonly kind: string;
  readonly text: string;
  readonly upper: string;
  readonly start: number;
  readonly end: number;
}

/**
 * @param values function name in upper case -> the number to stand in its place
 * @returns the new text, or the same buffer when nothing was called
 */
export function replaceCalls(
  sql: Buffer,
  values: Readonly<Record<string, number | undefined>>,
  options: LexerOptions,
): Buffer {
  const tokens = tokensOf(sql, options);
  const pieces: Buffer[] = [];
  let from = 0;
  let depth = 0;
  let selecting = false;
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index] as Token;
    if (token.text === '(') depth++;
    else if (token.text === ')') depth--;
    else if (depth === 0 && token.upper === 'SELECT') selecting = true;
    else if (depth === 0 && endsSelectList.has(token.upper)) selecting = false;
    const value = token.kind === 'word' ? values[token.upper] : undefined;
    const close = tokens[index + 2];
    if (value === undefined || tokens[index + 1]?.text !== '(' || close?.text !== ')') continue;
    if (tokens[index - 1]?.text === '.') continue;
    const before = tokens[index - 1]?.upper;
    const after = tokens[index + 3]?.upper ?? ';';
    const named =
      selecting &&
      depth === 0 &&
      (before === 'SELECT' || before === ',') &&
      /^([,;]|FROM|LIMIT|UNION)$/.test(after);
    const original = sql.toString('latin1', token.start, close.end);
    const literal = value < 0 ? `(${value})` : String(value);
    pieces.push(
      sql.subarray(from, token.start),
      Buffer.from(named ? `${literal} AS \`${original}\`` : literal, 'latin1'),
    );
    from = close.end;
    index += 2;
  }
  if (pieces.length === 0) return sql;
  return Buffer.concat([...pieces, sql.subarray(from)]);
}

function tokensOf(sql: Buffer, options: LexerOptions): Token[] {
  const lexer = new Lexer(sql, options);
  const tokens: Token[] = [];
  while (lexer.next() !== 'end') {
    const { kind, start, end } = lexer;
    const text = kind === 'string' ? '' : lexer.text();
    tokens.push({ kind, text, upper: text.toUpperCase(), start, end });
  }
  return tokens;
}
