import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { nativeAnswer, nativeSecret } from '../packets/auth.js';
import { commandCode } from '../packets/capabilities.js';
import { encodeStatementCommand } from '../packets/commands.js';
import { Belongings } from './belongings.js';
import { restoreSteps } from './restore.js';
import { Stage } from './testing/stage.js';
import { trackEverything } from './tracking.js';

const sha1 = (bytes: Buffer | string) => createHash('sha1').update(bytes).digest();

describe('mysql_native_password', () => {
  it('gives away what suffices to log in again, to who has the stored hash', () => {
    const secret = sha1('secret');
    const scramble = Buffer.alloc(20, 'x');
    const answer = nativeAnswer(secret, scramble);
    expect(nativeSecret({ scramble, answer }, sha1(secret))).toEqual(secret);
    expect(nativeSecret({ scramble, answer }, sha1('other'))).toBeNull();
    expect(nativeAnswer(null, scramble)).toHaveLength(0);
  });
});

/** A session that prepared `SELECT ?` as number 5 and executed it once with the type of its parameter. */
const withStatement = () => {
  const play = new Stage({ movable: true, emptyPassword: true }).logIn();
  play.client(Buffer.from('\x16SELECT ?', 'latin1'));
  play.prepared(5, 1);
  play
    .client(execute([1, 8, 0, 1]))
    .ok()
    .ok();
  play.tell();
  return play;
};

/** Flags and one iteration, the null bitmap, then `rest`: whether types follow, types, values. */
const execute = (rest: readonly number[]) =>
  encodeStatementCommand(commandCode.statementExecute, 5, Buffer.from([0, 1, 0, 0, 0, 0, ...rest]));

describe('a session whose node is lost', () => {
  it('logs in elsewhere, restores what it had, and keeps the ids of its statements', () => {
    const play = withStatement();
    play.query("SET time_zone = '+03:00', @a = 5").ok({ tracked: { time_zone: '+03:00' } });
    play.tell();
    play.step({ kind: 'backendClosed' });
    expect(play.tell()).toEqual(['needNode']);
    play.client(execute([0, 1]));
    expect(play.tell()).toEqual(['pauseClient']);
    play.step({ kind: 'moveTo', passwordHashes: [] }).greet();
    expect(play.tell()).toEqual([expect.stringMatching(/^node 1:/)]);
    play.accepted();
    expect(play.tell()).toEqual([`node 0: ${trackEverything}`]);
    play.ok();
    expect(play.tell()).toEqual(["node 0: SET SESSION time_zone = '+03:00'"]);
    play.ok();
    expect(play.tell()).toEqual(['node 0: SET @`a` = 5']);
    play.ok();
    expect(play.tell()).toEqual(['node 0: prepare SELECT ?']);
    play.prepared(9, 1);
    // What waited runs now, under the new node's number; the node is told the types that the client said before.
    expect(play.tell()).toEqual([
      'moved',
      'node 0: SET SESSION TRANSACTION READ ONLY',
      'node 0: execute 9',
      'resumeClient',
    ]);
    play.ok().ok();
    play.client(Buffer.from('\x16DELETE FROM t', 'latin1'));
    play.tell();
    play.ok().prepared(5, 0);
    expect(play.tell()).toEqual(['client 1: prepared']);
    // 5 is taken: the client was given another number.
    play.client(encodeStatementCommand(commandCode.statementExecute, 0x4000_0000, Buffer.alloc(5)));
    expect(play.tell().slice(-1)).toEqual(['node 0: execute 5']);
  });

  it('ends when the other node refuses', () => {
    const play = withStatement();
    play.step({ kind: 'backendClosed' }).step({ kind: 'moveTo', passwordHashes: [] }).greet();
    play.accepted().ok().error(1146);
    expect(play.tell().slice(-2)).toEqual([
      'client 1: error 1927',
      expect.stringMatching(/^close: .*error 1146/),
    ]);
  });

  it('is told why when something of it cannot be rebuilt', () => {
    const play = new Stage({ movable: true, emptyPassword: true }).logIn();
    play.query('CREATE TEMPORARY TABLE t (a INT)');
    expect(play.machine.reasonToStay).toContain('temporary');
  });
});

describe('belongings', () => {
  it('say the types of parameters again to a node that was not told', () => {
    const belongings = new Belongings();
    belongings.remember(5, Buffer.from('SELECT ?'), 1);
    const typed = execute([1, 8, 0, 1]);
    expect(belongings.execute(5, typed)).toBe(typed);
    const untyped = execute([0, 1]);
    expect(belongings.execute(5, untyped)).toBe(untyped);
    belongings.arrived();
    expect(belongings.execute(5, untyped)).toEqual(typed);
    expect(belongings.execute(5, untyped)).toBe(untyped);
  });

  it('are restored in an order in which nothing undoes what came before', () => {
    const belongings = new Belongings();
    belongings.schema = 'shop';
    belongings.remember(5, Buffer.from('SELECT 1'), 0);
    belongings.schema = 'other';
    belongings.variables.set('collation_connection', 'latin1_bin');
    belongings.variables.set('character_set_connection', 'latin1');
    belongings.variables.set('character_set_results', '');
    belongings.variables.set('sort_buffer_size', '300000');
    const steps = restoreSteps(belongings, 'other', false);
    expect(steps.map(({ payload }) => payload.toString('latin1'))).toEqual([
      `\x03${trackEverything}`,
      "\x03SET SESSION character_set_connection = 'latin1', SESSION character_set_results = NULL, SESSION sort_buffer_size = 300000, SESSION collation_connection = 'latin1_bin'",
      '\x02shop',
      '\x16SELECT 1',
      '\x02other',
      '\x1b\x01\x00',
    ]);
  });
});
