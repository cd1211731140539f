/** What the front end needs to know about a statement before the server has seen it. */

/** Why a statement does not go through the front end; the text that the client reads stands in app/base/errors. */
export type Refusal =
  | 'statement.xa'
  | 'statement.lock-tables'
  | 'statement.global-lock'
  | 'statement.binlog-setting'
  | 'statement.replication-control'
  | 'statement.shutdown'
  | 'statement.temporary-table'
  | 'statement.unreadable';

/** READ ONLY or READ WRITE, where a statement says so. */
export type AccessMode = 'read-only' | 'read-write';

/** A variable that a SET statement gives a value. */
export interface Assignment {
  readonly scope: 'session' | 'global' | 'user';
  /** Lower case. */
  readonly name: string;
  /** The value where it is one literal word, number or string (without quotes); null when it must be computed. */
  readonly literal: string | null;
  /** The same value as SQL that means the same in any session: a number, NULL, TRUE, FALSE or a plain string. */
  readonly portable: string | null;
}

export type Statement =
  /** Reads; runs where the server lets nothing be written. `plain` ones call nothing and touch no table at all. */
  | { readonly class: 'read'; readonly plain: boolean }
  /** Changes rows and can be wrapped in a transaction: INSERT, UPDATE, DELETE, REPLACE, LOAD DATA, locking reads. */
  | {
      readonly class: 'write';
      readonly repeatable: boolean;
      /** Makes or drops a temporary table: after it a server logs even the rollback of its transaction. */
      readonly temporary?: true;
    }
  /** Changes definitions; commits before and after itself. */
  | { readonly class: 'ddl' }
  /** Administration that commits implicitly: ANALYZE, FLUSH, OPTIMIZE and so on; writes the binlog or may. */
  | { readonly class: 'implicit-commit' }
  /** Begins, ends or divides transactions. */
  | {
      readonly class: 'transaction';
      readonly act: 'begin';
      readonly access: AccessMode | null;
      readonly snapshot: boolean;
    }
  | { readonly class: 'transaction'; readonly act: 'commit' | 'rollback' | 'savepoint' }
  | { readonly class: 'transaction'; readonly act: 'autocommit'; readonly on: boolean | null }
  /** Changes the session only. */
  | { readonly class: 'session'; readonly act: 'set'; readonly assignments: readonly Assignment[] }
  | {
      readonly class: 'session';
      readonly act: 'access';
      readonly scope: 'next' | 'session' | 'global';
      readonly access: AccessMode | null;
    }
  | { readonly class: 'session'; readonly act: 'prepare'; readonly name: string; readonly sql: Buffer | null }
  | { readonly class: 'session'; readonly act: 'deallocate'; readonly name: string }
  | { readonly class: 'session'; readonly act: 'use' }
  /** HANDLER, GET DIAGNOSTICS, SET ROLE and the like. */
  | { readonly class: 'session'; readonly act: 'other' }
  /** Runs what was prepared under a name, or the text it is given: its class is that of the text, if it is known. */
  | { readonly class: 'execute'; readonly name: string | null; readonly sql: Buffer | null }
  | {
      readonly class: 'kill';
      readonly connectionId: number | null;
      readonly target: 'connection' | 'query';
      /** The statement up to the id. */
      readonly head: string;
    }
  /** Does not go through the front end. */
  | { readonly class: 'refused'; readonly refusal: Refusal }
  /** Anything else: treated as a write that may commit by itself. */
  | { readonly class: 'unknown' };

/** What calls and words in the text ask of the session, whatever the statement is. */
export interface Mentions {
  /** ROW_COUNT(): what the previous statement changed. */
  readonly rowCount: boolean;
  /** CONNECTION_ID(): must be the id that the client was told. */
  readonly connectionId: boolean;
  /** tx_read_only, transaction_read_only, or all variables: must show the client's own access mode. */
  readonly accessMode: boolean;
  /** LAST_INSERT_ID, FOUND_ROWS: what an earlier statement left in the session. */
  readonly earlier: boolean;
  /** SET STATEMENT: the node tells the values that hold afterwards only with its next answer. */
  readonly statementSettings: boolean;
  /** What the text may leave in the session that cannot be read from it; null when there is no sign of anything. */
  readonly leaves: Leftover | null;
}

/** State of a session that no other node can be given. */
export type Leftover = 'temporary-table' | 'user-lock' | 'user-variable';

export interface Classified {
  /** The statements of the text; more than one only in a multi-statement. Never empty. */
  readonly statements: readonly Statement[];
  readonly mentions: Mentions;
}

/** Does the statement end an open transaction by committing it? `unknown` and `execute` may. */
export function mayCommit(statement: Statement): boolean {
  switch (statement.class) {
    case 'ddl':
    case 'implicit-commit':
    case 'unknown':
    case 'execute':
      return true;
    case 'transaction':
      return statement.act !== 'rollback' && statement.act !== 'savepoint';
    default:
      return false;
  }
}

/** May the statement move the binlog's position, seen by itself with no transaction open? */
export const mayWrite = (statement: Statement): boolean =>
  statement.class === 'write' || mayCommit(statement);
