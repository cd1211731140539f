import { describe, expect, it } from 'vitest';
import { commandCode } from '../packets/capabilities.js';
import { encodeStatementCommand, lastPrepared } from '../packets/commands.js';
import { encodeLocalInfile, encodePrepareOk, framed } from '../packets/responses.js';
import { Stage, type StageOptions } from './testing/stage.js';
import { trackEverything } from './tracking.js';

const stage = (options: StageOptions = {}) => new Stage(options).logIn();
const readOnly = 'node 0: SET SESSION TRANSACTION READ ONLY';
const readWrite = 'node 0: SET SESSION TRANSACTION READ WRITE';
const wrote = 'T___W___';
const clean = 'T_______';
const none = '________';

/** A session whose reads are guarded already. */
const guarded = (options: StageOptions = {}) => {
  const play = stage(options).query('SELECT * FROM t');
  play.ok().rows(['1']);
  play.tell();
  return play;
};

/** A session in a transaction that wrote. */
const writing = (options: StageOptions = {}) => {
  const play = stage(options).query('BEGIN').ok({ open: true, transaction: clean });
  play.query('UPDATE t SET a = 1').ok({ transaction: wrote, rows: 1 });
  play.tell();
  return play;
};

describe('reads', () => {
  it('run where the node lets nothing be written, prepared once', () => {
    const play = stage().query('SELECT * FROM t');
    expect(play.tell()).toEqual([readOnly, 'node 0: SELECT * FROM t']);
    play.ok().rows(['1', '2']);
    expect(play.tell()).toEqual([
      'client 1: bytes .',
      'client 2: bytes .def-definition',
      'client 3: bytes .1',
      'client 4: bytes .2',
      'client 5: ok 0',
    ]);
    play.query('SELECT * FROM t');
    expect(play.tell()).toEqual(['node 0: SELECT * FROM t']);
  });

  it('that touch nothing need no ground at all', () => {
    expect(stage().query('SELECT 1').tell()).toEqual(['node 0: SELECT 1']);
  });

  it('that turn out to write run again as a write', () => {
    const play = guarded().query('SELECT f()').error(1792);
    expect(play.tell()).toEqual([
      'node 0: SELECT f()',
      'note caught',
      'node 0: START TRANSACTION READ WRITE',
      'node 0: SELECT f()',
    ]);
    play.ok({ open: true, transaction: clean }).rows(['1'], { transaction: wrote });
    expect(play.tell().slice(-1)).toEqual(['ask for commit']);
    play.step({ kind: 'granted' });
    play.ok({ open: false, transaction: none });
    play.step({ kind: 'safe' });
    expect(play.tell()).toEqual(['node 0: COMMIT', 'release done', 'await lossless', 'client 4: ok 0']);
    expect(play.query('SELECT f()').tell()).toEqual([
      'node 0: START TRANSACTION READ WRITE',
      'node 0: SELECT f()',
    ]);
  });

  it('of a client that asked for READ ONLY are refused as it asked', () => {
    const play = stage().query('SET SESSION TRANSACTION READ ONLY').ok();
    play.tell();
    play.query('INSERT INTO t VALUES (1)').error(1792);
    expect(play.tell()).toEqual(['node 0: INSERT INTO t VALUES (1)', 'client 1: error 1792']);
  });

  it('wait for what was acknowledged before, where the session asks for it', () => {
    const play = guarded().query("SET @ringmaster_read = 'causal'").ok();
    play.tell();
    play.query('SELECT * FROM t');
    expect(play.tell()).toEqual(['ask for read']);
    play.step({ kind: 'granted' });
    expect(play.tell()).toEqual(['node 0: SELECT * FROM t']);
  });
});

describe('a changing statement in autocommit mode', () => {
  it('runs at once in a transaction of the machine, and only its commit waits', () => {
    const play = guarded().query('INSERT INTO t VALUES (1)');
    expect(play.tell()).toEqual(['node 0: START TRANSACTION READ WRITE', 'node 0: INSERT INTO t VALUES (1)']);
    play.ok({ open: true, transaction: clean }).ok({ transaction: wrote, rows: 3 });
    expect(play.tell()).toEqual(['ask for commit']);
    play.step({ kind: 'granted' });
    expect(play.tell()).toEqual(['node 0: COMMIT']);
    play.ok({ open: false, transaction: none });
    expect(play.tell()).toEqual(['release done', 'await lossless']);
    play.step({ kind: 'safe' });
    expect(play.tell()).toEqual(['client 1: ok 3']);
  });

  it('tells ROW_COUNT() as if there had been no COMMIT', () => {
    const play = guarded()
      .query('DELETE FROM t')
      .ok({ open: true, transaction: clean })
      .ok({ transaction: wrote, rows: 3 });
    play.step({ kind: 'granted' });
    play.ok({ open: false, transaction: none });
    play.step({ kind: 'safe' });
    play.tell();
    expect(play.query('SELECT ROW_COUNT()').tell()).toEqual(['node 0: SELECT 3 AS `ROW_COUNT()`']);
    play.rows(['3']);
    play.tell();
    expect(play.query('SELECT ROW_COUNT()').tell()).toEqual(['node 0: SELECT ROW_COUNT()']);
  });

  it('needs no permission when it wrote nothing', () => {
    const play = guarded().query('UPDATE t SET a = 1 WHERE 0').ok({ open: true, transaction: clean }).ok();
    expect(play.tell().slice(-1)).toEqual(['node 0: COMMIT']);
  });

  it('that fails is rolled back, and the next command waits for that', () => {
    const play = guarded()
      .query('INSERT INTO t VALUES (1)')
      .ok({ open: true, transaction: clean })
      .error(1062);
    expect(play.tell().slice(-2)).toEqual(['node 0: ROLLBACK', 'client 1: error 1062']);
    expect(play.query('SELECT * FROM t').tell()).toEqual(['pauseClient']);
    play.ok({ open: false, transaction: none });
    expect(play.tell()).toEqual(['node 0: SELECT * FROM t', 'resumeClient']);
  });

  it('gives the error of its commit', () => {
    const play = guarded()
      .query('INSERT INTO t VALUES (1)')
      .ok({ open: true, transaction: clean })
      .ok({ transaction: wrote });
    play.step({ kind: 'granted' });
    play.error(1213);
    expect(play.tell().slice(-3)).toEqual(['node 0: ROLLBACK', 'release failed', 'client 1: error 1213']);
  });

  it('gives the error of the node when no transaction can be opened', () => {
    const play = guarded().query('INSERT INTO t VALUES (1)').error(1290).error(1792);
    expect(play.tell().slice(-1)).toEqual(['client 1: error 1290']);
  });

  it('waits before it runs where the session holds its writes', () => {
    const play = guarded({ autocommitWrites: 'held' }).query('INSERT INTO t VALUES (1)');
    expect(play.tell()).toEqual(['ask for commit']);
    play.step({ kind: 'granted' });
    expect(play.tell()).toEqual([readWrite, 'node 0: INSERT INTO t VALUES (1)']);
    play.ok().ok({ rows: 1 });
    play.step({ kind: 'safe' });
    expect(play.tell()).toEqual(['release done', 'await lossless', 'client 1: ok 1']);
  });

  it('is answered when every node has it, where the session asks for that', () => {
    const play = guarded().query("SET @ringmaster_acknowledge = 'everywhere'").ok();
    play.query('INSERT INTO t VALUES (1)').ok({ open: true, transaction: clean }).ok({ transaction: wrote });
    play.step({ kind: 'granted' });
    play.ok({ open: false, transaction: none });
    expect(play.tell().slice(-2)).toEqual(['release done', 'await everywhere']);
    play.step({ kind: 'safe' });
    expect(play.tell()).toEqual(['client 1: ok 0']);
  });

  it('gives the permission back with the number of its commit, where the node tells it', () => {
    const play = guarded().query('INSERT INTO t VALUES (1)');
    play.ok({ open: true, transaction: clean }).ok({ transaction: wrote });
    play.step({ kind: 'granted' });
    play.ok({ open: false, transaction: none, tracked: { last_gtid: '0-1-42' } });
    expect(play.tell().slice(-2)).toEqual(['release done 42', 'await lossless']);
  });

  it('does not take the number of an earlier commit, told late, for its own', () => {
    const play = stage({ old: true }).query('ANALYZE TABLE t').step({ kind: 'granted' });
    play.rows(['told nothing']).step({ kind: 'safe' });
    expect(play.tell()).toContain('release done');
    play.query('CALL p()').step({ kind: 'granted' });
    play.ok({ tracked: { last_gtid: '0-1-42' } });
    expect(play.tell().slice(-2)).toEqual(['release done', 'await lossless']);
  });

  it('shows the client what it asked to have tracked and nothing else', () => {
    const play = stage()
      .query("SET sql_mode = ''")
      .ok()
      .ok({ tracked: { sql_mode: '', autocommit: 'ON' } });
    expect(play.tell().slice(-1)).toEqual([expect.stringMatching(/^client 1: ok 0 tracked/)]);
    play.query("SET sql_mode = 'ANSI'").ok({ tracked: { sql_mode: 'ANSI' } });
    expect(play.tell().slice(-1)).toEqual(['client 1: ok 0']);
    play.query("SET session_track_system_variables = 'sql_mode'").ok().ok();
    play.tell();
    play.query("SET sql_mode = ''").ok({ tracked: { sql_mode: '' } });
    expect(play.tell().slice(-1)).toEqual([expect.stringMatching(/^client 1: ok 0 tracked/)]);
  });

  it("is answered with the node's own OK, where the session asks for no more", () => {
    const play = guarded().query("SET @ringmaster_acknowledge = 'local'").ok();
    play.query('INSERT INTO t VALUES (1)').ok({ open: true, transaction: clean }).ok({ transaction: wrote });
    play.step({ kind: 'granted' });
    play.ok({ open: false, transaction: none });
    expect(play.tell().slice(-2)).toEqual(['release done', 'client 1: ok 0']);
  });

  it('with RETURNING gives its rows at once and its end after the commit', () => {
    const play = guarded().query('DELETE FROM t RETURNING a').ok({ open: true, transaction: clean });
    play.rows(['1'], { transaction: wrote });
    expect(play.tell().slice(-2)).toEqual(['client 3: bytes .1', 'ask for commit']);
  });
});

describe('transactions', () => {
  it('wait for the permission at COMMIT when they wrote', () => {
    const play = writing().query('COMMIT');
    expect(play.tell()).toEqual(['ask for commit']);
    play.step({ kind: 'granted' });
    play.ok({ open: false, transaction: none });
    expect(play.tell()).toEqual(['node 0: COMMIT', 'release done', 'await lossless']);
    play.step({ kind: 'safe' });
    expect(play.tell()).toEqual(['client 1: ok 0']);
  });

  it('that only read commit at once', () => {
    const play = stage()
      .query('BEGIN')
      .ok({ open: true, transaction: clean })
      .query('SELECT * FROM t')
      .rows(['1']);
    play.tell();
    expect(play.query('COMMIT').tell()).toEqual(['node 0: COMMIT']);
  });

  it('whose results told nothing are asked what they did', () => {
    const play = stage({ old: true })
      .query('BEGIN')
      .ok({ open: true, transaction: clean })
      .query('SELECT f()')
      .rows(['1']);
    play.tell();
    expect(play.query('COMMIT').tell()).toEqual(['node 0: DO UUID()']);
    play.ok({ transaction: 'T___WsS_' });
    expect(play.tell()).toEqual(['ask for commit']);
    const gone = stage({ old: true })
      .query('BEGIN')
      .ok({ open: true, transaction: clean })
      .query('SELECT f()')
      .rows(['1'])
      .query('COMMIT');
    gone.tell();
    // Another front end behind this one rolled the transaction back, and says so once.
    gone.error(1213);
    expect(gone.tell()).toEqual(['node 0: ROLLBACK', 'client 1: error 1213']);
    const other = stage({ old: true })
      .query('BEGIN')
      .ok({ open: true, transaction: clean })
      .query('SELECT * FROM t')
      .rows(['1']);
    other.query('COMMIT').ok({ transaction: 'T_R__sS_' });
    expect(other.tell().slice(-1)).toEqual(['node 0: COMMIT']);
  });

  it('open for writing although the session underneath is READ ONLY', () => {
    expect(guarded().query('BEGIN').tell()).toEqual(['node 0: START TRANSACTION READ WRITE']);
    expect(guarded().query('START TRANSACTION WITH CONSISTENT SNAPSHOT').tell()).toEqual([
      'node 0: START TRANSACTION WITH CONSISTENT SNAPSHOT, READ WRITE',
    ]);
    expect(guarded().query('START TRANSACTION READ ONLY').tell()).toEqual([
      'node 0: START TRANSACTION READ ONLY',
    ]);
    expect(stage().query('BEGIN').tell()).toEqual(['node 0: BEGIN']);
    const play = guarded().query('SET TRANSACTION READ ONLY').ok();
    play.tell();
    expect(play.query('BEGIN').tell()).toEqual(['node 0: START TRANSACTION READ ONLY']);
  });

  it('that commit implicitly wait before the statement that does it', () => {
    for (const sql of ['CREATE TABLE u (a INT)', 'CALL p()', 'BEGIN', 'SET autocommit = 1']) {
      expect(writing().query(sql).tell(), sql).toEqual(['ask for commit']);
    }
    for (const sql of [
      'SAVEPOINT a',
      'ROLLBACK TO a',
      'ROLLBACK',
      'SELECT * FROM t FOR UPDATE',
      'SET @a = 1',
    ]) {
      expect(writing().query(sql).tell(), sql).toEqual([`node 0: ${sql}`]);
    }
  });

  it('open by themselves with autocommit=0', () => {
    const play = guarded().query('SET autocommit = 0');
    expect(play.tell()).toEqual([readWrite, 'node 0: SET autocommit = 0']);
    play.ok().ok({ autocommit: false });
    play.query('INSERT INTO t VALUES (1)').ok({ open: true, transaction: 'I___W___', rows: 1 });
    expect(play.tell().slice(-2)).toEqual([
      'node 0: INSERT INTO t VALUES (1)',
      'client 1: ok 1 in transaction',
    ]);
    expect(play.query('COMMIT').tell()).toEqual(['ask for commit']);
  });

  it('may have written after an error', () => {
    const play = stage()
      .query('BEGIN')
      .ok({ open: true, transaction: clean })
      .query('UPDATE t SET a = f()')
      .error(1205);
    play.tell();
    expect(play.query('COMMIT').tell()).toEqual(['ask for commit']);
  });

  it('end with the session when there is no permission to be had', () => {
    const play = writing().query('COMMIT');
    play.step({ kind: 'denied', error: { errorNumber: 1290, sqlState: 'HY000', message: 'no quorum' } });
    expect(play.tell()).toEqual(['ask for commit', 'node 0: ROLLBACK', 'client 1: error 1290']);
  });
});

describe('everything else that writes', () => {
  it('waits for the permission before it runs', () => {
    for (const sql of ['CREATE TABLE u (a INT)', 'CALL p()', 'ANALYZE TABLE t', 'FROBNICATE']) {
      const play = guarded().query(sql);
      expect(play.tell(), sql).toEqual(['ask for commit']);
      play.step({ kind: 'granted' });
      expect(play.tell(), sql).toEqual([readWrite, `node 0: ${sql}`]);
    }
  });

  it('in one text: the whole text waits when a part may commit', () => {
    const play = guarded({ multiStatements: true }).query('INSERT INTO t VALUES (1); COMMIT');
    expect(play.tell()).toEqual(['ask for commit']);
    play.step({ kind: 'granted' });
    play.ok().ok({ more: true }).ok();
    play.step({ kind: 'safe' });
    expect(play.tell().slice(-4)).toEqual([
      'client 1: ok 0',
      'release done',
      'await lossless',
      'client 2: ok 0',
    ]);
    expect(guarded({ multiStatements: true }).query('SELECT a FROM t; SELECT 2').tell()).toEqual([
      'node 0: SELECT a FROM t; SELECT 2',
    ]);
    expect(writing({ multiStatements: true }).query('DELETE FROM t; DELETE FROM u').tell()).toEqual([
      'node 0: DELETE FROM t; DELETE FROM u',
    ]);
  });

  it('that would break the order is refused with what to do instead', () => {
    expect(stage().query('SET sql_log_bin = 0').tell()).toEqual(['client 1: error 1235']);
    expect(stage().query('LOCK TABLES t WRITE').tell()).toEqual(['client 1: error 1235']);
    expect(
      stage()
        .client(Buffer.from([commandCode.binlogDump, 0]))
        .tell(),
    ).toEqual(['client 1: error 1235']);
  });
});

describe('prepared statements', () => {
  const prepare = (play: Stage, sql: string, parameters = 0) => {
    play.client(Buffer.from(`\x16${sql}`, 'latin1'));
    play.node(encodePrepareOk({ statementId: 5, columns: 0, parameters, warnings: 0 }), 1);
    for (let index = 0; index < parameters; index++) play.node(Buffer.from('\x03def', 'latin1'));
    play.tell();
    return play;
  };
  const execute = encodeStatementCommand(commandCode.statementExecute, 5, Buffer.alloc(5));

  it('run as their text says', () => {
    expect(prepare(stage(), 'INSERT INTO t VALUES (?)', 1).client(execute).tell()).toEqual([
      readOnly,
      'node 0: START TRANSACTION READ WRITE',
      'node 0: execute 5',
    ]);
    expect(prepare(stage(), 'SELECT * FROM t').client(execute).tell()).toEqual([
      readOnly,
      'node 0: execute 5',
    ]);
    expect(prepare(stage(), 'CREATE TABLE u (a INT)').client(execute).tell()).toEqual(['ask for commit']);
    expect(stage().client(execute).tell()).toEqual(['ask for commit']);
  });

  it('may be executed by "the last one" in the same breath', () => {
    const play = stage();
    const last = framed(
      encodeStatementCommand(commandCode.statementExecute, lastPrepared, Buffer.alloc(5)),
      0,
    );
    play.step({
      kind: 'clientBytes',
      bytes: Buffer.concat([framed(Buffer.from('\x16DELETE FROM t', 'latin1'), 0), last]),
    });
    expect(play.tell()).toEqual(['node 0: prepare DELETE FROM t', 'pauseClient']);
    play.node(encodePrepareOk({ statementId: 5, columns: 0, parameters: 0, warnings: 0 }), 1);
    expect(play.tell()).toEqual([
      'client 1: prepared',
      readOnly,
      'node 0: START TRANSACTION READ WRITE',
      `node 0: execute ${lastPrepared}`,
      'resumeClient',
    ]);
  });

  it('that write are not prepared where the node refuses them', () => {
    const play = guarded().client(Buffer.from('\x16DELETE FROM t', 'latin1'));
    expect(play.tell()).toEqual([readWrite, 'node 0: prepare DELETE FROM t']);
    const caught = guarded().client(Buffer.from('\x16SELECT f()', 'latin1')).error(1792);
    expect(caught.tell()).toEqual([
      'node 0: prepare SELECT f()',
      'note caught',
      readWrite,
      'node 0: prepare SELECT f()',
    ]);
  });

  it('are closed and given long data without an answer', () => {
    const play = prepare(stage(), 'INSERT INTO t VALUES (?)', 1);
    play.client(encodeStatementCommand(commandCode.statementSendLongData, 5, Buffer.from('..data')));
    play.client(encodeStatementCommand(commandCode.statementClose, 5));
    expect(play.tell()).toEqual(['node 0: longData 5', 'node 0: closeStatement 5']);
    expect(play.client(execute).tell()).toEqual(['ask for commit']);
  });

  it('run in bulk', () => {
    const bulk = encodeStatementCommand(commandCode.statementBulkExecute, 5, Buffer.alloc(5));
    expect(prepare(stage(), 'INSERT INTO t VALUES (?)', 1).client(bulk).tell().slice(-2)).toEqual([
      'node 0: START TRANSACTION READ WRITE',
      'node 0: bulkExecute 5',
    ]);
  });
});

describe('files of the client', () => {
  it('travel to the node packet by packet until an empty one', () => {
    const play = guarded()
      .query("LOAD DATA LOCAL INFILE 'a' INTO TABLE t")
      .ok({ open: true, transaction: clean });
    play.node(encodeLocalInfile('a'), 1);
    expect(play.tell().slice(-1)).toEqual(['client 1: bytes .a']);
    play.client(Buffer.from('1,2\n'), 2).client(Buffer.alloc(0), 3);
    expect(play.tell()).toEqual(['node 2: forbidden', 'node 3: empty']);
    play.node(Buffer.from([0, 1, 0, 3, 0, 0, 0]), 4);
    play.tell();
    play.step({ kind: 'granted' });
    expect(play.machine.isClosed).toBe(false);
  });
});

describe('conflicts with other nodes', () => {
  const rollBack = { kind: 'rollBack' } as const;

  it('roll an idle transaction back, and its client hears of it at its next statement', () => {
    const play = writing();
    play.step(rollBack);
    expect(play.tell()).toEqual(['node 0: ROLLBACK', 'note conflict']);
    play.ok({ open: false, transaction: none });
    expect(
      play
        .client(Buffer.from([commandCode.ping]))
        .ok()
        .tell(),
    ).toEqual(['node 0: ping', 'client 1: ok 0']);
    expect(play.query('COMMIT').tell()).toEqual(['client 1: error 1213']);
    expect(play.query('SELECT 1').tell()).toEqual(['node 0: SELECT 1']);
  });

  it('are no news to a client that rolls back itself', () => {
    const play = writing();
    play.step(rollBack);
    play.ok({ open: false, transaction: none });
    play.tell();
    expect(play.query('ROLLBACK').tell()).toEqual(['node 0: ROLLBACK']);
  });

  it('end a commit that waits', () => {
    const play = writing().query('COMMIT');
    play.step(rollBack);
    expect(play.tell()).toEqual([
      'ask for commit',
      'withdraw',
      'node 0: ROLLBACK',
      'note conflict',
      'client 1: error 1213',
    ]);
  });

  it('interrupt a running statement, and roll back only when its kill has passed', () => {
    const play = writing().query('UPDATE t SET a = 2');
    play.step(rollBack);
    expect(play.tell()).toEqual(['node 0: UPDATE t SET a = 2', 'killQuery']);
    play.error(1317);
    expect(play.tell()).toEqual([]);
    play.step({ kind: 'killed' });
    expect(play.tell()).toEqual(['note conflict', 'node 0: ROLLBACK', 'client 1: error 1213']);
  });

  it('end a result in the middle', () => {
    const play = writing().query('SELECT * FROM t');
    play
      .node(Buffer.from([1]), 1)
      .node(Buffer.from('\x03def', 'latin1'))
      .node(Buffer.from('\x011', 'latin1'));
    play.step(rollBack);
    play.step({ kind: 'killed' });
    play.error(1317);
    expect(play.tell().slice(-2)).toEqual(['node 0: ROLLBACK', 'client 4: error 1213']);
  });

  it('never come between a COMMIT and its OK', () => {
    const play = writing().query('COMMIT');
    play.step({ kind: 'granted' });
    play.tell();
    play.step(rollBack);
    expect(play.tell()).toEqual([]);
    const wrapped = guarded()
      .query('DELETE FROM t')
      .ok({ open: true, transaction: clean })
      .ok({ transaction: wrote });
    wrapped.step({ kind: 'granted' });
    wrapped.tell();
    wrapped.step(rollBack);
    expect(wrapped.tell()).toEqual([]);
  });

  it('make a wrapped statement run again before its client hears of it', () => {
    const play = guarded({ conflictRetriesMax: 1 })
      .query('DELETE FROM t')
      .ok({ open: true, transaction: clean })
      .ok({ transaction: wrote });
    play.tell();
    play.step(rollBack);
    expect(play.tell()).toEqual([
      'withdraw',
      'note conflict',
      'node 0: ROLLBACK',
      'note retry',
      'node 0: START TRANSACTION READ WRITE',
      'node 0: DELETE FROM t',
    ]);
    play
      .ok({ open: false, transaction: none })
      .ok({ open: true, transaction: clean })
      .ok({ transaction: wrote });
    expect(play.tell()).toEqual(['ask for commit']);
    play.step(rollBack);
    expect(play.tell().slice(-1)).toEqual(['client 1: error 1213']);
  });

  it('do not concern a session without a transaction', () => {
    const play = guarded();
    play.step(rollBack);
    expect(play.tell()).toEqual([]);
  });
});

describe('losses', () => {
  it('of the node: 1213 in an open transaction, 2013 where the outcome is unknown', () => {
    const open = writing().query('UPDATE t SET a = 2');
    open.tell();
    open.step({ kind: 'backendClosed' });
    expect(open.tell()[0]).toBe('client 1: error 1213');
    const committing = writing().query('COMMIT');
    committing.step({ kind: 'granted' });
    committing.tell();
    committing.step({ kind: 'backendClosed' });
    expect(committing.tell().slice(0, 2)).toEqual(['client 1: error 2013', 'release unknown']);
    const waiting = guarded()
      .query('DELETE FROM t')
      .ok({ open: true, transaction: clean })
      .ok({ transaction: wrote });
    waiting.tell();
    waiting.step({ kind: 'backendClosed' });
    expect(waiting.tell().slice(0, 2)).toEqual(['client 1: error 1213', 'withdraw']);
  });

  it('of the node during a read outside any transaction: 1213, because nothing can have been changed', () => {
    const play = guarded().query('SELECT a FROM t');
    play.tell();
    play.step({ kind: 'backendClosed' });
    expect(play.tell()[0]).toBe('client 1: error 1213');
  });

  it('of what tells whether a commit is safe: 2013, and the session ends', () => {
    const commit = writing().query('COMMIT');
    commit.step({ kind: 'granted' });
    commit.ok({ open: false, transaction: none });
    commit.tell();
    commit.step({ kind: 'outcomeUnknown' });
    expect(commit.tell()).toEqual(['client 1: error 2013', 'close: the outcome of a commit is unknown']);
    const wrapped = guarded()
      .query('DELETE FROM t')
      .ok({ open: true, transaction: clean })
      .ok({ transaction: wrote });
    wrapped.step({ kind: 'granted' });
    wrapped.ok({ open: false, transaction: none });
    wrapped.tell();
    wrapped.step({ kind: 'outcomeUnknown' });
    expect(wrapped.tell()[0]).toBe('client 1: error 2013');
  });

  it('of the right to commit, while a statement waits for it: the error is numbered as the answer', () => {
    const wrapped = guarded()
      .query('DELETE FROM t')
      .ok({ open: true, transaction: clean })
      .ok({ transaction: wrote });
    wrapped.tell();
    wrapped.step({ kind: 'end', error: { errorNumber: 1290, sqlState: 'HY000', message: 'no quorum' } });
    expect(wrapped.tell()[0]).toBe('client 1: error 1290');
  });

  it('of the node, when it has committed and nobody knows yet whether that is safe: 2013', () => {
    const play = writing().query('COMMIT');
    play.step({ kind: 'granted' });
    play.ok({ open: false, transaction: none });
    play.tell();
    play.step({ kind: 'backendClosed' });
    expect(play.tell()[0]).toBe('client 1: error 2013');
  });

  it('of the node, when a command was sent to it and not looked at: 1213, because nothing ran', () => {
    const play = writing();
    play.step({ kind: 'rollBack' });
    play.query('SELECT 1');
    play.tell();
    play.step({ kind: 'backendClosed' });
    expect(play.tell()).toEqual(['client 1: error 1213', 'close: the node closed the connection']);
    const silent = writing();
    silent.step({ kind: 'rollBack' });
    silent.client(encodeStatementCommand(commandCode.statementClose, 5));
    silent.tell();
    silent.step({ kind: 'backendClosed' });
    expect(silent.tell()).toEqual(['close: the node closed the connection']);
  });

  it('of the client: nothing is committed that it did not ask for, and no commit is cut in half', () => {
    const waiting = writing().query('COMMIT');
    waiting.tell();
    waiting.step({ kind: 'clientClosed' });
    expect(waiting.tell()).toEqual(['withdraw', 'close: the client went away']);
    const committing = writing().query('COMMIT');
    committing.step({ kind: 'granted' });
    committing.tell();
    committing.step({ kind: 'clientClosed' });
    expect(committing.tell()).toEqual([]);
    committing.ok({ open: false, transaction: none });
    expect(committing.tell()).toEqual(['release done', 'close: the client went away during its commit']);
  });
});

describe('the session', () => {
  it('that is ended hears first whether its commit is safe', () => {
    const play = writing().query('COMMIT');
    play.step({ kind: 'granted' });
    play.ok({ open: false, transaction: none });
    play.tell();
    play.step({ kind: 'end', error: { errorNumber: 1053, sqlState: '08S01', message: 'goodbye' } });
    expect(play.tell()).toEqual([]);
    play.step({ kind: 'safe' });
    expect(play.tell()).toEqual(['client 1: ok 0', 'close: goodbye']);
  });

  it('is set up anew after COM_RESET_CONNECTION', () => {
    const play = writing().client(Buffer.from([commandCode.resetConnection]));
    play.ok({ open: false });
    expect(play.tell()).toEqual(['node 0: resetConnection', 'client 1: ok 0', `node 0: ${trackEverything}`]);
  });

  it('may change its user in a dialogue', () => {
    const play = stage().client(Buffer.from('\x11other\0\0shop\0', 'latin1'));
    play.node(Buffer.from('\xfemysql_native_password\0challenge\0', 'latin1'), 1);
    play.client(Buffer.from('answer'), 2);
    play.tell();
    play.node(Buffer.from([0, 0, 0, 2, 0, 0, 0]), 3);
    expect(play.tell()).toEqual(['client 3: ok 0', `node 0: ${trackEverything}`]);
  });

  it('shows the client the ids of the cluster', () => {
    const play = stage({ connectionId: 1000 });
    expect(play.query('SELECT CONNECTION_ID()').tell()).toEqual(['node 0: SELECT 1000 AS `CONNECTION_ID()`']);
    play.rows(['1000']);
    play.tell();
    expect(play.query('KILL QUERY 1001').tell()).toEqual(['resolve query 1001']);
    play.step({ kind: 'killResolved', backendId: 8 });
    expect(play.tell()).toEqual(['node 0: KILL QUERY 8']);
    play.ok();
    play.tell();
    play.client(Buffer.from([commandCode.processKill, 5, 0, 0, 0]));
    play.step({ kind: 'killAnswered', error: null });
    expect(play.tell()).toEqual(['resolve connection 5', 'client 1: ok 0']);
  });

  it('shows an old client no tracking', () => {
    const play = stage({ old: true }).query('BEGIN').ok({ open: true, transaction: clean });
    expect(play.tell().slice(-1)).toEqual(['client 1: ok 0 in transaction']);
  });

  it('ends with an ERR packet when the client breaks the protocol', () => {
    expect(stage().client(Buffer.from('\x03SELECT 1'), 5).tell()).toEqual([
      'note malformed',
      'client 1: error 1835',
      expect.stringMatching(/^close/),
    ]);
    expect(stage().client(Buffer.alloc(0)).tell()[1]).toBe('client 1: error 1835');
  });

  it('ends with an ERR packet when the node breaks it', () => {
    const play = writing().query('UPDATE t SET a = 1');
    play.tell();
    play.node(Buffer.from([0, 1]), 1);
    expect(play.tell().slice(0, 2)).toEqual(['note malformed', 'client 1: error 1213']);
  });

  it('streams a command that is longer than it keeps', () => {
    const play = writing({ commandBytesMax: 100 });
    const long = framed(Buffer.from(`\x03INSERT INTO t VALUES ('${'x'.repeat(300)}')`, 'latin1'), 0);
    for (let at = 0; at < long.length; at += 50)
      play.step({ kind: 'clientBytes', bytes: long.subarray(at, at + 50) });
    expect(play.machine.keptBytes).toBe(0);
    play.ok({ rows: 1 });
    expect(play.tell().slice(-1)).toEqual(['client 1: ok 1 in transaction']);
    const ddl = guarded({ commandBytesMax: 100 });
    const create = framed(
      Buffer.from(`\x03CREATE TABLE u (a INT) COMMENT '${'x'.repeat(300)}'`, 'latin1'),
      0,
    );
    ddl.step({ kind: 'clientBytes', bytes: create });
    expect(ddl.tell()).toEqual(['ask for commit', 'pauseClient']);
    ddl.step({ kind: 'granted' });
    expect(ddl.machine.keptBytes).toBe(0);
    ddl.ok().ok();
    expect(ddl.tell().slice(-2)).toEqual(['release done', 'await lossless']);
    const refused = stage({ commandBytesMax: 100 });
    refused.step({
      kind: 'clientBytes',
      bytes: framed(Buffer.from(`\x03LOCK TABLES ${'x'.repeat(300)}`), 0),
    });
    expect(refused.tell().slice(-1)).toEqual(['client 1: error 1235']);
    expect(refused.query('SELECT 1').tell()).toEqual(['node 0: SELECT 1']);
  });
});

describe('temporary tables', () => {
  const make = 'CREATE TEMPORARY TABLE draft (a INT)';

  it('are made between two transactions: in one, the server would log even a rollback', () => {
    const play = stage().query('BEGIN').ok({ open: true, transaction: clean });
    play.tell();
    expect(play.query(make).tell()).toEqual([
      `node 0: ${make}`,
      'node 0: COMMIT',
      'node 0: START TRANSACTION READ WRITE',
    ]);
    play.ok({ open: true }).ok({ open: false }).ok({ open: true, transaction: clean });
    expect(play.tell()).toEqual(['client 1: ok 0 in transaction']);
  });

  it('are refused in a transaction that wrote', () => {
    const play = writing().query('DROP TEMPORARY TABLE draft');
    expect(play.tell()).toEqual(['client 1: error 1235']);
    expect(play.query('COMMIT').tell()).toEqual(['ask for commit']);
  });

  it('end what the node began by itself, where the session does not commit by itself', () => {
    const play = stage().query('SET autocommit = 0').ok({ autocommit: false });
    play.tell();
    expect(play.query(make).tell()).toEqual([`node 0: ${make}`, 'node 0: COMMIT']);
  });

  it('are refused among several statements of an open transaction', () => {
    const play = stage({ multiStatements: true }).query('BEGIN').ok({ open: true, transaction: clean });
    play.tell();
    expect(play.query(`INSERT INTO t VALUES (1); ${make}`).tell()).toEqual(['client 1: error 1235']);
  });
});
