import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../base/random.js';
import { classify } from './classify.js';
import type { LexerOptions } from './lexer.js';
import { mayWrite } from './statement.js';
import { readStatementTable } from './testing/table.js';

const options: LexerOptions = { ansiQuotes: false, noBackslashEscapes: false, serverVersion: 101119 };
const statementsOf = (sql: string, changed: Partial<LexerOptions> = {}) =>
  classify(Buffer.from(sql), { ...options, ...changed }).statements;
const classesOf = (sql: string, changed: Partial<LexerOptions> = {}) =>
  statementsOf(sql, changed)
    .map((statement) => statement.class)
    .join('+');

describe('the classifier', () => {
  const { statements } = readStatementTable();

  it('has a table of at least 150 statements', () => {
    expect(statements.length).toBeGreaterThanOrEqual(150);
  });

  it.each(statements.map((row) => [row.sql, row] as const))('%s', (sql, row) => {
    expect(classesOf(sql)).toBe(row.classes);
    const may = statementsOf(sql).some(mayWrite);
    const refused = row.classes.includes('refused');
    if (!refused) expect(may).toBe(row.mayWrite === 'yes');
  });

  it('reads the access mode of a transaction', () => {
    expect(statementsOf('START TRANSACTION READ ONLY')).toEqual([
      { class: 'transaction', act: 'begin', access: 'read-only', snapshot: false },
    ]);
    expect(statementsOf('START TRANSACTION /*!40100 WITH CONSISTENT SNAPSHOT */')).toEqual([
      { class: 'transaction', act: 'begin', access: null, snapshot: true },
    ]);
    expect(statementsOf('SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY')).toEqual([
      { class: 'session', act: 'access', scope: 'session', access: 'read-only' },
    ]);
  });

  it('reads assignments with their literal values', () => {
    expect(statementsOf("SET @ringmaster_read = 'causal', @b := 1 + 1, SESSION sql_mode=ansi")).toEqual([
      {
        class: 'session',
        act: 'set',
        assignments: [
          { scope: 'user', name: 'ringmaster_read', literal: 'causal', portable: "'causal'" },
          { scope: 'user', name: 'b', literal: null, portable: null },
          { scope: 'session', name: 'sql_mode', literal: 'ansi', portable: null },
        ],
      },
    ]);
    expect(statementsOf('SET autocommit=0')).toEqual([
      { class: 'transaction', act: 'autocommit', on: false },
    ]);
    expect(statementsOf('SET autocommit=@x')).toEqual([
      { class: 'transaction', act: 'autocommit', on: null },
    ]);
  });

  it('reads kills', () => {
    expect(statementsOf('KILL SOFT QUERY 17')).toEqual([
      { class: 'kill', connectionId: 17, target: 'query', head: 'KILL SOFT QUERY ' },
    ]);
    expect(statementsOf('kill user somebody')).toMatchObject([{ class: 'kill', connectionId: null }]);
    expect(statementsOf('KILL CONNECTION_ID() - 1')).toMatchObject([{ class: 'kill', connectionId: null }]);
  });

  it('keeps the text that a prepared statement was given', () => {
    expect(statementsOf("PREPARE Named FROM 'SELECT 1'")).toEqual([
      { class: 'session', act: 'prepare', name: 'named', sql: Buffer.from('SELECT 1') },
    ]);
    expect(statementsOf('PREPARE named FROM @text')).toMatchObject([{ sql: null }]);
    expect(statementsOf("EXECUTE IMMEDIATE CONCAT('DEL', 'ETE')")).toMatchObject([{ name: null, sql: null }]);
  });

  it('knows what depends on the session alone', () => {
    for (const sql of [
      'SELECT ROW_COUNT()',
      'select @@session.tx_read_only as a',
      'SHOW WARNINGS',
      'SELECT 1',
    ]) {
      expect(statementsOf(sql), sql).toEqual([{ class: 'read', plain: true }]);
    }
    for (const sql of [
      'SELECT f()',
      'SELECT (SELECT 1)',
      'SELECT a FROM b',
      'SHOW TABLES',
      'SELECT user.f()',
    ]) {
      expect(statementsOf(sql), sql).toEqual([{ class: 'read', plain: false }]);
    }
  });

  it('mentions what must be answered as the client sees it', () => {
    const mentions = (sql: string) => classify(Buffer.from(sql), options).mentions;
    expect(mentions('SELECT ROW_COUNT()')).toMatchObject({ rowCount: true, connectionId: false });
    expect(mentions('SELECT row_count')).toMatchObject({ rowCount: false });
    expect(mentions('KILL QUERY connection_id ()')).toMatchObject({ connectionId: true });
    expect(mentions("SELECT 'CONNECTION_ID()'")).toMatchObject({ connectionId: false });
    expect(mentions('SELECT @@tx_read_only')).toMatchObject({ accessMode: true });
    expect(mentions('SELECT LAST_INSERT_ID()')).toMatchObject({ earlier: true });
    expect(mentions('SET STATEMENT max_statement_time = 1 FOR SELECT 1')).toMatchObject({
      statementSettings: true,
    });
  });

  it('finds signs of state that only one node has', () => {
    const leaves = (sql: string) => classify(Buffer.from(sql), options).mentions.leaves;
    expect(leaves('CREATE TEMPORARY TABLE t (a INT)')).toBe('temporary-table');
    expect(leaves("SELECT GET_LOCK('a', 1)")).toBe('user-lock');
    for (const sql of [
      'SELECT @a := 1',
      'SELECT a INTO @a FROM t',
      "LOAD DATA INFILE 'f' INTO TABLE t (a, @b)",
      'SET @a := 1; SELECT 1',
    ])
      expect(leaves(sql), sql).toBe('user-variable');
    for (const sql of ['SET @a := 1', 'SELECT @a', 'INSERT INTO t VALUES (@a)', "SELECT 'TEMPORARY'"])
      expect(leaves(sql), sql).toBeNull();
  });

  it('takes the safe way where the SQL mode decides what the text is', () => {
    const trap = 'SELECT "a\\"; DELETE FROM item; -- "';
    expect(classesOf(trap)).toBe('unknown+unknown');
    expect(classesOf('SELECT "a\\"b"')).toBe('read');
    expect(classesOf('SELECT "a\\"; SET sql_log_bin = 0; -- "')).toBe('refused+unknown');
    expect(classesOf("SELECT 'a\\'; DELETE FROM item; -- '", { noBackslashEscapes: true })).toBe(
      'read+write',
    );
  });

  it('finds statements behind comments that only look like the end', () => {
    expect(classesOf('SELECT 1; -- comment\nDELETE FROM item')).toBe('read+write');
    expect(classesOf('SELECT 1 --not a comment\n; DELETE FROM item')).toBe('read+write');
    expect(classesOf('/* a */ /*! ; */ DELETE FROM item')).toBe('write');
    expect(classesOf('SELECT 1 /*!50000 ; */ DELETE FROM item')).toBe('read+write');
    expect(classesOf('SELECT 1 /*!99999 /* nested */ ; */ ; SELECT 2')).toBe('read+read');
  });

  it('swallows any bytes without failing', () => {
    const random = seededRandom(11);
    const pieces = [
      "'",
      '"',
      '`',
      '/*',
      '*/',
      '/*!',
      '--',
      '#',
      ';',
      '(',
      ')',
      'SET',
      ' ',
      'SELECT',
      '@',
      '@@',
      '\\',
      '=',
      ',',
      'KILL',
      'FROM',
      '\0',
      'é',
    ];
    for (let round = 0; round < 20_000; round++) {
      let text = '';
      for (let length = random.integer(0, 12); length > 0; length--) text += random.pick(pieces);
      expect(classify(Buffer.from(text), options).statements.length).toBeGreaterThan(0);
    }
  });
});
