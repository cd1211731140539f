/**
 * Decides how a command runs: a pure function of what it is and what is known about the session.
 *
 *   pass    at once, nothing to wait for
 *   wrap    at once, in a transaction that the machine opens; its commit waits for the permission
 *   commit  waits for the permission if the open transaction wrote, then runs
 *   hold    waits for the permission, then runs
 *   aside   at once, between two transactions: the one that is open has written nothing, ends and begins anew around it
 *   refuse  does not run
 *
 * `ground` says in which access mode new transactions on the node must be while it runs: `guarded` READ ONLY, so that
 * a misjudged read cannot write; `own` that of the client; `any` does not matter.
 */
import type { Command } from '../packets/commands.js';
import type { AccessMode } from '../sql/statement.js';
import { type Classified, mayCommit, mayWrite, type Refusal, type Statement } from '../sql/statement.js';

export type Ground = 'guarded' | 'own' | 'any';

export type Plan =
  | { readonly run: 'pass'; readonly ground: Ground; readonly causal: boolean }
  | { readonly run: 'wrap'; readonly repeatable: boolean }
  | { readonly run: 'commit'; readonly ground: Ground }
  | { readonly run: 'hold'; readonly ground: 'own' }
  | { readonly run: 'aside'; readonly ground: 'own' }
  | { readonly run: 'refuse'; readonly refusal: Refusal | 'session.conflict'; readonly command: string };

/** The part of the session's state that a plan depends on. */
export interface Situation {
  readonly inTransaction: boolean;
  readonly autocommit: boolean;
  readonly access: AccessMode;
  readonly autocommitWrites: 'wrapped' | 'held';
  readonly causal: boolean;
}

const pass = (ground: Ground, causal = false): Plan => ({ run: 'pass', ground, causal });
const hold: Plan = { run: 'hold', ground: 'own' };
const refused = (refusal: Refusal): Plan => ({ run: 'refuse', refusal, command: '' });

/** How a text of one or more statements runs. */
export function planStatements({ statements, mentions }: Classified, session: Situation): Plan {
  const refused = statements.find((statement) => statement.class === 'refused');
  if (refused?.class === 'refused') return { run: 'refuse', refusal: refused.refusal, command: '' };
  const [only] = statements;
  const inside = session.inTransaction || !session.autocommit;
  if (statements.length > 1 || !only) {
    return inside ? planManyInside(statements) : planManyAlone(statements, session);
  }
  return inside ? planInside(only, session) : planAlone(only, mentions.accessMode, session);
}

function planManyAlone(statements: readonly Statement[], session: Situation): Plan {
  if (statements.some((statement) => mayWrite(statement) || mayCommit(statement))) return hold;
  return pass('guarded', session.causal);
}

function planManyInside(statements: readonly Statement[]): Plan {
  if (statements.some((statement) => statement.class === 'write' && statement.temporary))
    return refused('statement.temporary-table');
  return statements.some(mayCommit) ? hold : pass('any');
}

/** One statement while a transaction is open, or where one opens by itself (autocommit=0). */
function planInside(statement: Statement, session: Situation): Plan {
  const ground: Ground = session.inTransaction ? 'any' : 'own';
  const causalBegin = session.causal && !session.inTransaction;
  switch (statement.class) {
    case 'ddl':
    case 'implicit-commit':
    case 'unknown':
    case 'execute':
      return hold;
    case 'transaction': {
      if (statement.act === 'rollback' || statement.act === 'savepoint') return pass(ground);
      if (statement.act === 'autocommit' && statement.on === false) return pass(ground);
      return { run: 'commit', ground };
    }
    case 'write':
      // From then on the server would write the rollback of this transaction into its log, whenever that happens.
      return statement.temporary ? { run: 'aside', ground: 'own' } : pass(ground, causalBegin);
    default:
      return pass(ground, causalBegin);
  }
}

/** One statement in autocommit mode, outside any transaction. */
function planAlone(statement: Statement, showsAccess: boolean, session: Situation): Plan {
  switch (statement.class) {
    case 'read':
      if (statement.plain) return pass(showsAccess ? 'own' : 'any');
      return pass('guarded', session.causal);
    case 'session':
      // PREPARE runs nothing, but the node refuses to prepare a write where transactions are READ ONLY.
      if (statement.act === 'prepare') return pass('own');
      return pass(statement.act === 'access' ? 'any' : 'guarded');
    case 'write':
      // The client asked for READ ONLY itself: the node refuses the statement, and should.
      if (session.access === 'read-only') return pass('own');
      if (session.autocommitWrites === 'held') return hold;
      return { run: 'wrap', repeatable: statement.repeatable };
    case 'transaction':
      if (statement.act === 'begin') return pass('own', session.causal);
      if (statement.act === 'autocommit' && statement.on !== true) return pass('own');
      return pass('any');
    case 'kill':
      return pass('any');
    default:
      return hold;
  }
}

/** Commands that carry no statement. Those with one go through `planStatements`. */
export function planCommand(command: Command): Plan {
  switch (command.kind) {
    case 'admin':
      return hold;
    case 'forbidden':
      return { run: 'refuse', refusal: 'statement.unreadable', command: command.name };
    default:
      return pass('any');
  }
}

/** Preparing runs nothing, but the node refuses to prepare a write where transactions are READ ONLY. */
export function planPrepare({ statements }: Classified, session: Situation): Plan {
  const refused = statements.find((statement) => statement.class === 'refused');
  if (refused?.class === 'refused') return { run: 'refuse', refusal: refused.refusal, command: '' };
  const reads = statements.every((statement) => statement.class === 'read' || statement.class === 'session');
  return pass(reads || session.inTransaction ? 'any' : 'own');
}
