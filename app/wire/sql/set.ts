/** SET in all its forms: variables, transaction characteristics, passwords, roles, and SET STATEMENT ... FOR. */
import type { Cursor } from './cursor.js';
import type { AccessMode, Assignment, Statement } from './statement.js';

/** Variables that decide whether and how changes reach the binlog: setting them in a session breaks the order. */
const binlogSettings = new Set([
  'sql_log_bin',
  'gtid_domain_id',
  'gtid_seq_no',
  'server_id',
  'binlog_format',
  'binlog_row_image',
  'skip_replication',
  'wsrep_on',
  'pseudo_slave_mode',
  'pseudo_thread_id',
]);

/** Global variables that belong to the coordinator. */
const coordinatorSettings =
  /^(gtid_|rpl_|slave_|replicate_|relay_log|binlog_|sync_binlog|read_only|log_bin|server_id|wsrep_|auto_increment_|innodb_flush_log_at_trx_commit|event_scheduler|enforce_storage_engine)/;

const scopes: Readonly<Record<string, 'session' | 'global'>> = {
  GLOBAL: 'global',
  SESSION: 'session',
  LOCAL: 'session',
};

/** Reads what follows SET; the cursor stands behind that word. @param inner classifies what follows SET STATEMENT ... FOR */
export function classifySet(cursor: Cursor, inner: () => Statement): Statement {
  if (cursor.word === 'STATEMENT') {
    cursor.next();
    const assignments = readAssignments(cursor, 'FOR');
    const refused = refusalOf(assignments);
    const statement = cursor.accept('FOR') ? inner() : ({ class: 'unknown' } as const);
    if (refused) return refused;
    // SET STATEMENT tx_read_only=... and the like would change the ground under the statement.
    const moved = assignments.some(({ name }) => /^(tx|transaction)_|^autocommit$/.test(name));
    return moved ? { class: 'unknown' } : statement;
  }
  if (cursor.word === 'PASSWORD' || cursor.word === 'DEFAULT') {
    cursor.skipStatement();
    return { class: 'ddl' };
  }
  if (cursor.word === 'ROLE') {
    cursor.skipStatement();
    return { class: 'session', act: 'other' };
  }
  const access = readTransaction(cursor);
  if (access) return access;
  const assignments = readAssignments(cursor, null);
  if (!cursor.atEnd) {
    cursor.skipStatement();
    return { class: 'unknown' };
  }
  const refused = refusalOf(assignments);
  if (refused) return refused;
  const autocommit = assignments.filter(({ name, scope }) => name === 'autocommit' && scope === 'session');
  const last = autocommit.at(-1);
  if (last) {
    const on = autocommit.length === 1 && assignments.length === 1 ? truth(last.literal) : null;
    return { class: 'transaction', act: 'autocommit', on };
  }
  const mode = assignments
    .filter(({ name }) => name === 'tx_read_only' || name === 'transaction_read_only')
    .at(-1);
  if (mode) return accessAssignment(mode, assignments.length);
  return { class: 'session', act: 'set', assignments };
}

function truth(literal: string | null): boolean | null {
  if (literal === null) return null;
  if (/^(1|on|true)$/i.test(literal)) return true;
  if (/^(0|off|false)$/i.test(literal)) return false;
  return null;
}

/** SET tx_read_only = ...: the same as SET SESSION TRANSACTION, where the value can be read. */
function accessAssignment(mode: Assignment, count: number): Statement {
  const on = truth(mode.literal);
  if (on === null || count > 1) return { class: 'unknown' };
  return {
    class: 'session',
    act: 'access',
    scope: mode.scope === 'global' ? 'global' : 'session',
    access: on ? 'read-only' : 'read-write',
  };
}

/** SET [SESSION | GLOBAL] TRANSACTION ...: undefined, with the cursor where it was, when it is something else. */
function readTransaction(cursor: Cursor): Statement | undefined {
  const scope = scopes[cursor.word];
  if (cursor.word === 'TRANSACTION') {
    return { class: 'session', act: 'access', scope: 'next', access: readAccess(cursor) };
  }
  if (scope === undefined || !cursor.followedBy('TRANSACTION')) return undefined;
  cursor.next();
  return { class: 'session', act: 'access', scope, access: readAccess(cursor) };
}

/** READ ONLY or READ WRITE somewhere in the rest of the statement. */
export function readAccess(cursor: Cursor): AccessMode | null {
  let access: AccessMode | null = null;
  let previous = '';
  cursor.skipStatement((word) => {
    if (previous === 'READ' && word === 'ONLY') access = 'read-only';
    if (previous === 'READ' && word === 'WRITE') access = 'read-write';
    previous = word;
  });
  return access;
}

function readAssignments(cursor: Cursor, until: string | null): Assignment[] {
  const assignments: Assignment[] = [];
  while (!cursor.atEnd && cursor.word !== until) {
    const target = readTarget(cursor);
    if (!target) return [...assignments, { scope: 'session', name: '', literal: null, portable: null }];
    if (target.name !== 'names') {
      assignments.push({ ...target, ...readValue(cursor, until) });
    } else {
      // SET NAMES x COLLATE y is two settings.
      assignments.push({ ...target, ...readValue(cursor, 'COLLATE') });
      if (cursor.accept('COLLATE')) {
        assignments.push({ scope: 'session', name: 'collation_connection', ...readValue(cursor, until) });
      }
    }
    if (!cursor.symbol(',')) break;
    cursor.next();
  }
  return assignments;
}

function readTarget(cursor: Cursor): Pick<Assignment, 'scope' | 'name'> | undefined {
  if (cursor.kind === 'userVariable') {
    const name = cursor
      .text()
      .slice(1)
      .replace(/^['"`]|['"`]$/g, '')
      .toLowerCase();
    cursor.next();
    return afterEquals(cursor) ? { scope: 'user', name } : undefined;
  }
  if (cursor.word === 'NAMES' || cursor.word === 'CHARSET') {
    cursor.next();
    return { scope: 'session', name: 'names' };
  }
  if (cursor.word === 'CHARACTER') {
    if (!cursor.accept('CHARACTER', 'SET')) return undefined;
    return { scope: 'session', name: 'names' };
  }
  let scope: 'session' | 'global' = 'session';
  const marked = cursor.kind === 'systemVariable';
  if (marked) cursor.next();
  const named = scopes[cursor.word];
  if (named) {
    scope = named;
    cursor.next();
    if (marked && cursor.symbol('.')) cursor.next();
    else if (marked) return undefined;
  }
  if (cursor.kind !== 'word' && cursor.kind !== 'quoted') return undefined;
  let name = cursor.name();
  cursor.next();
  // A structured variable such as default.key_buffer_size.
  if (cursor.symbol('.')) {
    cursor.next();
    name += `.${cursor.name()}`;
    cursor.next();
  }
  return afterEquals(cursor) ? { scope, name: name.toLowerCase() } : undefined;
}

function afterEquals(cursor: Cursor): boolean {
  if (!cursor.symbol('=') && !cursor.symbol(':=')) return false;
  cursor.next();
  return true;
}

function readValue(cursor: Cursor, until: string | null): Pick<Assignment, 'literal' | 'portable'> {
  let tokens = 0;
  let literal: string | null = null;
  let portable: string | null = null;
  const depth = cursor.depth;
  while (!cursor.atEnd) {
    if (cursor.depth === depth && (cursor.symbol(',') || (until !== null && cursor.word === until))) break;
    tokens++;
    if (tokens === 1) {
      const { kind } = cursor;
      const text = cursor.text();
      if (kind === 'word' || kind === 'number') literal = text;
      if (kind === 'string') literal = text.slice(1, -1);
      if (isPortable(text)) portable = text;
    }
    cursor.next();
  }
  return tokens === 1 ? { literal, portable } : { literal: null, portable: null };
}

/** No escapes, no other quotes, nothing that depends on a character set. */
const isPortable = (text: string): boolean => /^(\d+(\.\d+)?|NULL|TRUE|FALSE|'[ !#-&(-[\]-~]*')$/i.test(text);

function refusalOf(assignments: readonly Assignment[]): Statement | undefined {
  for (const { scope, name, literal } of assignments) {
    if (scope === 'user') continue;
    const harmless =
      (name === 'sql_log_bin' && truth(literal) === true) ||
      (name === 'binlog_format' && literal?.toUpperCase() === 'ROW') ||
      (name === 'wsrep_on' && scope === 'session' && truth(literal) === true);
    if (binlogSettings.has(name) && !harmless)
      return { class: 'refused', refusal: 'statement.binlog-setting' };
    if (scope === 'global' && coordinatorSettings.test(name))
      return { class: 'refused', refusal: 'statement.replication-control' };
  }
  return undefined;
}
