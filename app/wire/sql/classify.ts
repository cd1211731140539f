/**
 * Finds out what a text does before the server sees it. It errs on one side only: what is not surely harmless is
 * `unknown`, which waits for the permission to commit before it runs. What is taken for a read runs where the server
 * refuses to write (error 1792), so a view or function that writes is caught too.
 */
import { Cursor } from './cursor.js';
import type { LexerOptions } from './lexer.js';
import { classifySet, readAccess } from './set.js';
import type { Classified, Refusal, Statement } from './statement.js';

const unknown: Statement = { class: 'unknown' };
const ddl: Statement = { class: 'ddl' };
const implicitCommit: Statement = { class: 'implicit-commit' };
const read: Statement = { class: 'read', plain: false };
const plainRead: Statement = { class: 'read', plain: true };
const session: Statement = { class: 'session', act: 'other' };
const refused = (refusal: Refusal): Statement => ({ class: 'refused', refusal });

/** Functions that depend on the session only and call nothing: a SELECT of these alone runs anywhere. */
const plainFunctions = new Set([
  'ROW_COUNT',
  'FOUND_ROWS',
  'LAST_INSERT_ID',
  'CONNECTION_ID',
  'VERSION',
  'DATABASE',
  'SCHEMA',
  'USER',
  'CURRENT_USER',
]);
const plainWords = new Set(['SELECT', 'AS', 'LIMIT', 'SESSION', 'GLOBAL', 'LOCAL', 'NULL', 'TRUE', 'FALSE']);

type Handler = (cursor: Cursor, options: LexerOptions) => Statement;

/** The rest does not matter. */
const always =
  (statement: Statement): Handler =>
  (cursor) => {
    cursor.skipStatement();
    return statement;
  };

/** A read unless it locks rows for writing or draws from a sequence. The cursor may stand on its first word. */
const select: Handler = (cursor) => {
  let previous = '';
  let beforeThat = '';
  let writes = false;
  cursor.skipStatement((word) => {
    if (word === '') return;
    if (previous === 'FOR' && word === 'UPDATE') writes = true;
    if (beforeThat === 'NEXT' && previous === 'VALUE' && word === 'FOR') writes = true;
    if (word === 'NEXTVAL' || word === 'SETVAL') writes = true;
    beforeThat = previous;
    previous = word;
  });
  return writes ? { class: 'write', repeatable: !cursor.assigns } : read;
};

/** SELECT: is it made of variables, literals and harmless calls only? */
const selectOrPlain: Handler = (cursor, options) => {
  let plain = true;
  let afterAs = false;
  while (!cursor.atEnd && plain) {
    const { kind, word } = cursor;
    const called = kind === 'word' && plainFunctions.has(word);
    const afterDots = kind === 'systemVariable';
    if (kind === 'word' && !plainWords.has(word) && !called && !afterAs) plain = false;
    else if (kind === 'symbol' && !/^[(),.=*+-]$/.test(cursor.text())) plain = false;
    else if (cursor.symbol('(') && !plainFunctions.has(cursor.before)) plain = false;
    afterAs =
      word === 'AS' ||
      afterDots ||
      (afterAs && (cursor.symbol('.') || word === 'SESSION' || word === 'GLOBAL' || word === 'LOCAL'));
    if (plain) cursor.next();
  }
  if (plain) return plainRead;
  return select(cursor, options);
};

const dml: Handler = (cursor) => {
  cursor.skipStatement();
  return { class: 'write', repeatable: !cursor.assigns };
};

const withClause: Handler = (cursor) => {
  let writes = false;
  let previous = '';
  cursor.skipStatement((word) => {
    const verb = word === 'UPDATE' || word === 'DELETE' || word === 'INSERT' || word === 'REPLACE';
    if (verb && (cursor.depth === 0 || previous === 'FOR')) writes = true;
    if (word === 'NEXTVAL' || word === 'SETVAL' || (previous === 'NEXT' && word === 'VALUE')) writes = true;
    if (word !== '') previous = word;
  });
  return writes ? { class: 'write', repeatable: !cursor.assigns } : read;
};

const create: Handler = (cursor) => {
  cursor.next();
  cursor.accept('OR', 'REPLACE');
  const temporary = cursor.word === 'TEMPORARY' && cursor.followedBy('TABLE');
  cursor.skipStatement();
  return temporary ? { class: 'write', repeatable: false, temporary } : ddl;
};

const drop: Handler = (cursor) => {
  cursor.next();
  if (cursor.accept('PREPARE')) return deallocated(cursor);
  const temporary = cursor.word === 'TEMPORARY' && cursor.followedBy('TABLE');
  cursor.skipStatement();
  return temporary ? { class: 'write', repeatable: false, temporary } : ddl;
};

function deallocated(cursor: Cursor): Statement {
  const name = cursor.name().toLowerCase();
  cursor.skipStatement();
  return { class: 'session', act: 'deallocate', name };
}

const begin: Handler = (cursor) => {
  cursor.next();
  cursor.accept('WORK');
  if (cursor.atEnd) return { class: 'transaction', act: 'begin', access: null, snapshot: false };
  cursor.skipStatement();
  return unknown;
};

const start: Handler = (cursor) => {
  cursor.next();
  if (cursor.word !== 'TRANSACTION') {
    cursor.skipStatement();
    return refused('statement.replication-control');
  }
  let snapshot = false;
  const from = cursor.start;
  const access = readAccess(cursor);
  snapshot = /\bsnapshot\b/i.test(cursor.slice(from));
  return { class: 'transaction', act: 'begin', access, snapshot };
};

const rollback: Handler = (cursor) => {
  let savepoint = false;
  cursor.skipStatement((word) => {
    if (word === 'TO') savepoint = true;
  });
  return { class: 'transaction', act: savepoint ? 'savepoint' : 'rollback' };
};

const analyze: Handler = (cursor, options) => {
  cursor.next();
  if (/^(TABLE|TABLES|LOCAL|NO_WRITE_TO_BINLOG)$/.test(cursor.word)) {
    cursor.skipStatement();
    return implicitCommit;
  }
  // ANALYZE [FORMAT = JSON] statement: runs the statement.
  if (cursor.word === 'FORMAT') {
    cursor.next();
    if (cursor.symbol('=')) cursor.next();
    cursor.next();
  }
  return classifyOne(cursor, options);
};

const flush: Handler = (cursor) => {
  let locks = false;
  let previous = '';
  cursor.skipStatement((word) => {
    if ((previous === 'READ' && word === 'LOCK') || (previous === 'FOR' && word === 'EXPORT')) locks = true;
    previous = word;
  });
  return locks ? refused('statement.global-lock') : implicitCommit;
};

const prepare: Handler = (cursor) => {
  cursor.next();
  const name = cursor.name().toLowerCase();
  cursor.next();
  if (!cursor.accept('FROM')) {
    cursor.skipStatement();
    return unknown;
  }
  const sql = onlyLiteral(cursor);
  return { class: 'session', act: 'prepare', name, sql };
};

/** The statement's rest where it is one string literal without escapes; null otherwise. */
function onlyLiteral(cursor: Cursor): Buffer | null {
  const text = cursor.kind === 'string' ? cursor.text().slice(1, -1) : null;
  cursor.next();
  const alone = cursor.atEnd;
  cursor.skipStatement();
  if (!alone || text === null || /[\\'"]/.test(text)) return null;
  return Buffer.from(text, 'latin1');
}

const execute: Handler = (cursor) => {
  cursor.next();
  if (cursor.accept('IMMEDIATE')) return { class: 'execute', name: null, sql: onlyLiteral(cursor) };
  const name = cursor.name().toLowerCase();
  cursor.skipStatement();
  return { class: 'execute', name, sql: null };
};

const kill: Handler = (cursor) => {
  const from = cursor.start;
  cursor.next();
  if (cursor.word === 'HARD' || cursor.word === 'SOFT') cursor.next();
  let target: 'connection' | 'query' = 'connection';
  if (cursor.word === 'CONNECTION') cursor.next();
  else if (cursor.accept('QUERY')) {
    target = 'query';
    if (cursor.word === 'ID') {
      // KILL QUERY ID names a statement of this node, not a connection.
      cursor.skipStatement();
      return session;
    }
  }
  const head = cursor.slice(from);
  const digits = cursor.kind === 'number' ? cursor.text() : '';
  const connectionId = /^\d{1,15}$/.test(digits) ? Number(digits) : null;
  cursor.next();
  const alone = cursor.atEnd;
  cursor.skipStatement();
  return { class: 'kill', connectionId: alone ? connectionId : null, target, head };
};

const show: Handler = (cursor) => {
  cursor.next();
  const diagnostics = /^(WARNINGS|ERRORS|COUNT)$/.test(cursor.word);
  const variables = /^(VARIABLES|SESSION|GLOBAL|LOCAL)$/.test(cursor.word);
  let calls = false;
  while (!cursor.atEnd) {
    if (cursor.symbol('(')) calls = true;
    cursor.next();
  }
  return diagnostics || (variables && !calls) ? plainRead : read;
};

const lock: Handler = (cursor) => {
  cursor.skipStatement();
  return refused('statement.lock-tables');
};

const firstWord =
  (words: Readonly<Record<string, Statement>>, otherwise: Statement): Handler =>
  (cursor) => {
    cursor.next();
    const statement = words[cursor.word] ?? otherwise;
    cursor.skipStatement();
    return statement;
  };

/** LOAD DATA may fill user variables on its way. */
const load: Handler = (cursor) => {
  cursor.next();
  const statement: Statement =
    cursor.word === 'INDEX' ? implicitCommit : { class: 'write', repeatable: false };
  cursor.skipStatement(() => {
    if (cursor.kind === 'userVariable') cursor.leaves ??= 'user-variable';
  });
  return statement;
};

const replication = refused('statement.replication-control');

const handlers: Readonly<Record<string, Handler>> = {
  SELECT: selectOrPlain,
  VALUES: select,
  WITH: withClause,
  SHOW: show,
  EXPLAIN: always(read),
  DESCRIBE: always(read),
  DESC: always(read),
  HELP: always(read),
  DO: select,
  CHECKSUM: always(read),
  USE: always({ class: 'session', act: 'use' }),
  HANDLER: always(session),
  UNLOCK: always(session),
  GET: always(session),
  SIGNAL: always(session),
  RESIGNAL: always(session),
  INSERT: dml,
  REPLACE: dml,
  UPDATE: dml,
  DELETE: dml,
  LOAD: load,
  CREATE: create,
  DROP: drop,
  ALTER: always(ddl),
  TRUNCATE: always(ddl),
  RENAME: always(ddl),
  GRANT: always(ddl),
  REVOKE: always(ddl),
  INSTALL: always(ddl),
  UNINSTALL: always(ddl),
  ANALYZE: analyze,
  OPTIMIZE: always(implicitCommit),
  REPAIR: always(implicitCommit),
  CHECK: always(implicitCommit),
  CACHE: always(implicitCommit),
  FLUSH: flush,
  BEGIN: begin,
  START: start,
  COMMIT: always({ class: 'transaction', act: 'commit' }),
  ROLLBACK: rollback,
  SAVEPOINT: always({ class: 'transaction', act: 'savepoint' }),
  RELEASE: always({ class: 'transaction', act: 'savepoint' }),
  SET: (cursor, options) => {
    cursor.next();
    return classifySet(cursor, () => classifyOne(cursor, options));
  },
  PREPARE: prepare,
  EXECUTE: execute,
  DEALLOCATE: (cursor) => {
    cursor.next();
    cursor.accept('PREPARE');
    return deallocated(cursor);
  },
  KILL: kill,
  LOCK: lock,
  XA: firstWord({ RECOVER: read }, refused('statement.xa')),
  BACKUP: always(refused('statement.global-lock')),
  RESET: firstWord({ QUERY: implicitCommit }, replication),
  CHANGE: always(replication),
  STOP: always(replication),
  PURGE: always(replication),
  BINLOG: always(refused('statement.binlog-setting')),
  SHUTDOWN: always(refused('statement.shutdown')),
};

/** Definitions whose bodies hold semicolons: the pieces behind them are not statements of their own. */
const hasBody = /^(PROCEDURE|FUNCTION|TRIGGER|EVENT|PACKAGE)$/;

function classifyOne(cursor: Cursor, options: LexerOptions): Statement {
  if (cursor.symbol('(')) return select(cursor, options);
  const handler =
    cursor.word !== '' && Object.hasOwn(handlers, cursor.word) ? handlers[cursor.word] : undefined;
  if (handler) return handler(cursor, options);
  cursor.skipStatement();
  return unknown;
}

function classifyAs(sql: Buffer, options: LexerOptions): Classified & { ambiguous: boolean; cut: boolean } {
  const cursor = new Cursor(sql, options);
  const statements: Statement[] = [];
  let insideBody = false;
  while (!cursor.atTextEnd) {
    if (cursor.atEnd) {
      cursor.nextStatement();
      continue;
    }
    const first = cursor.word;
    const from = cursor.start;
    const statement = classifyOne(cursor, options);
    statements.push(insideBody && statement.class !== 'refused' ? unknown : statement);
    // The server runs no more than this many in one text anyway without its own limits; the rest counts as unknown.
    if (statements.length >= statementsMax) {
      statements.push(unknown);
      break;
    }
    if (statement.class === 'unknown' || (first === 'CREATE' && definesBody(cursor.slice(from))))
      insideBody = true;
    cursor.nextStatement();
  }
  if (statements.length === 0) statements.push(plainRead);
  if (cursor.cut) statements.push(unknown);
  const { rowCount, connectionId, accessMode, earlier, statementSettings, ambiguous, cut } = cursor;
  // In a SET alone, `:=` is nothing but its equals sign: what it assigns is read where that can be read.
  const only = statements.length === 1 ? statements[0] : undefined;
  const sets = only?.class === 'session' && only.act === 'set';
  const leaves = cursor.leaves ?? (cursor.assigns && !sets ? 'user-variable' : null);
  const mentions = { rowCount, connectionId, accessMode, earlier, statementSettings, leaves };
  return { statements, mentions, ambiguous, cut };
}

const statementsMax = 1000;

const definesBody = (text: string): boolean =>
  text
    .slice(0, 300)
    .toUpperCase()
    .split(/[^A-Z]+/)
    .some((word) => hasBody.test(word));

/**
 * Classifies a text.
 * @param options `ansiQuotes` is what is believed; where the answer depends on it, the text counts as unknown.
 */
export function classify(sql: Buffer, options: LexerOptions): Classified {
  const { ambiguous, cut, ...first } = classifyAs(sql, options);
  if (!ambiguous) return first;
  const second = classifyAs(sql, { ...options, ansiQuotes: !options.ansiQuotes });
  const firstRuns = runnable(first.statements, cut);
  const secondRuns = runnable(second.statements, second.cut);
  if (firstRuns === secondRuns || (second.cut && firstRuns.startsWith(secondRuns))) return first;
  const refusing = [...first.statements, ...second.statements].find(
    (statement) => statement.class === 'refused',
  );
  return { ...first, statements: [refusing ?? unknown, unknown] };
}

/** The classes of what the server would run: a statement whose string never ends is a syntax error to it. */
function runnable(statements: readonly Statement[], cut: boolean): string {
  return (cut ? statements.slice(0, -2) : statements).map((statement) => `${statement.class};`).join('');
}
